/**
 * The way out of a realm: events as JSON through a function that only the hooks hold (CDP's `Runtime.addBinding`). What
 * the page does to the built-in objects afterwards changes nothing here.
 */

/**
 * Set by the harness around the bundle: the binding's name and a word that the page doesn't know, both new in each run;
 * `smallBytes` is the format's own constant.
 */
declare const KEYWITNESS: { binding: string; token: string; smallBytes: number };

export const SMALL_BYTES = KEYWITNESS.smallBytes;

/** What the harness may ask of a realm. */
export interface Control {
  /** How many messages went out. */
  count(): number;
  /** Tells that so many characters arrived. */
  acknowledge(characters: number): void;
  /** Emits an `rtc.transport` for each connection. */
  transports(): Promise<void>;
}

/** A longer message (characters) is not sent. */
const LONGEST = 8 * 1024 * 1024;
/** A realm that is so far ahead (characters) of what arrived at the harness is cut off. */
const MOST_PENDING = 64 * 1024 * 1024;
/** Objects are written down to this depth. */
const DEEPEST = 6;

const { stringify } = JSON;
const { apply } = Reflect;
const { create, keys, setPrototypeOf } = Object;
const { isArray } = Array;
const { slice } = String.prototype;
const { get: tag } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)!;
const { debug } = console;
/** In Chromium from 140 on; TypeScript's library does not know it yet. */
const { toBase64 } = Uint8Array.prototype as unknown as { toBase64(this: Uint8Array): string };
const global = globalThis as unknown as Record<string, unknown>;

const send = global[KEYWITNESS.binding] as ((message: string) => void) | undefined;
delete global[KEYWITNESS.binding];

/** False where the hooks stand already. */
export const isFresh = send !== undefined;

let count = 0;
let sent = 0;
let acknowledged = 0;
let isCut = false;

/**
 * Sends one event; bytes are copied. Never throws: what can't be sent becomes a `lost` message.
 *
 * @param fields as in the recording's format; undefined ones are left out.
 */
export function emit(type: string, fields: Record<string, unknown>): void {
  if (isCut) return;
  try {
    const values = create(null);
    const bytes = create(null);
    const names = keys(fields);
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!;
      const value = fields[name];
      if (apply(tag!, value, []) === 'Uint8Array') bytes[name] = apply(toBase64, value, []);
      else if (value !== undefined) values[name] = plain(value, 0);
    }
    post(type, values, bytes);
  } catch (error) {
    lose(`an event of type ${type} could not be sent: ${error}`);
  }
}

/** Says that the realm's record has a hole. */
export function lose(reason: string): void {
  try {
    const fields = create(null);
    fields.reason = apply(slice, reason, [0, 1000]);
    post('lost', fields, create(null));
  } catch {
    // Nothing is left to say it with; the harness sees that the realm's count and its own differ.
    count++;
  }
}

/** Hands the harness the object to ask the realm by: through the console, where the page can't see it. */
export function introduceRealm(control: Control): void {
  debug(KEYWITNESS.token, control);
}

export function messageCount(): number {
  return count;
}

export function acknowledge(characters: number): void {
  acknowledged = characters;
}

function post(type: string, fields: object, bytes: object): void {
  if (isCut) return;
  const message = create(null);
  message.n = count;
  message.type = type;
  message.fields = fields;
  message.bytes = bytes;
  let text = stringify(message);
  if (text.length > LONGEST) {
    lose(`an event of type ${type} was too long to record: ${text.length} characters`);
    return;
  }
  if (sent + text.length - acknowledged > MOST_PENDING) {
    isCut = true;
    message.type = 'lost';
    message.fields = create(null);
    message.fields.reason = `it sent faster than could be recorded: ${sent - acknowledged} characters were waiting`;
    message.bytes = create(null);
    text = stringify(message);
  }
  count++;
  sent += text.length;
  send?.(text);
}

/** A copy without prototypes, so that no `toJSON` of the page's has a part in how it is written. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEEPEST) return '…';
  if (isArray(value)) {
    const copy: unknown[] = setPrototypeOf([], null);
    for (let index = 0; index < value.length; index++) copy[index] = plain(value[index], depth + 1);
    return copy;
  }
  const copy = create(null);
  const names = keys(value);
  for (let index = 0; index < names.length; index++) {
    const name = names[index]!;
    copy[name] = plain((value as Record<string, unknown>)[name], depth + 1);
  }
  return copy;
}
