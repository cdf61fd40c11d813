/**
 * What a message that crossed the provider holds, decoded layer by layer to a stated depth: views of it, and in these the values of
 * a secret's size and the texts that could be a passphrase. Each comes with the steps that take it out of the message, so that a
 * proof can take it out again.
 */
import { decoderOf } from './encodings/all.ts';
import { type As, Budget, isShortText, isText, LONGEST_SHORT, latin1, SHORTEST, utf8 } from './encodings/encoding.ts';
import { type Found, runsOfLayer } from './encodings/layer.ts';

export { type As, Budget } from './encodings/encoding.ts';

/** One step: take `length` bytes at `offset` of what the step before gave, and decode them. */
export interface Step {
  as: As;
  offset: number;
  length: number;
}

/** Something inside a message. */
export interface View {
  bytes: Uint8Array;
  /** From the message to it. Where the last is `raw`, the bytes stand in an earlier view as they are. */
  steps: Step[];
  /** Its name, as a path through all layers, where the message gives one, e.g. `keys.0.secret`. */
  label: string | undefined;
  /** A string of its own, e.g. the value of a JSON member, of one line and up to 128 characters. */
  text: boolean;
  /** One of several ways to read it, of which most are wrong. */
  guess: boolean;
}

export interface Value extends Pick<View, 'bytes' | 'steps' | 'label'> {
  /** One of a great many, as nothing says where in what surrounds it a secret begins. */
  unlikely: boolean;
}

/** A string of up to 128 characters. */
export type Text = Pick<View, 'bytes' | 'steps' | 'label'>;

/** Sizes of secrets in bytes: AES-128, -192, -256; SFrame's AES-128-CTR with its HMAC key (RFC 9605, 4.4.2); two of 256 bits. */
export const SECRET_BYTES: readonly number[] = [16, 24, 32, 48, 64];
/** Encodings within encodings are followed this deep; parts that stand in a layer as they are count with it. */
export const DEEPEST = 4;
/** What would decode to as many bytes (base64: 43 characters, hex: 64) at that depth is no chance, and is said to be left out. */
const DEEP_ENOUGH = 32;
/** In a binary message up to this long (bytes), every place is tried; in a longer one only what has a place of its own. */
const LONGEST_BINARY = 2048;
/** The same for what is decoded from a short message. */
const LONGEST_BINARY_INSIDE = 512;
/** What has a secret's size itself is two or three keys, if not one, and these begin at multiples of so many bytes. */
const WORD = 8;
/** A single message gives at most this many values, so that a hostile one can't stop an audit. */
export const MOST_VALUES = 20_000;
/** The same for texts. */
export const MOST_TEXTS = 20_000;

/** A decoded layer. */
type Layer = Pick<View, 'bytes' | 'steps' | 'label'>;

/**
 * The message, then everything decoded inside it, layer by layer. Ends early where `budget` doesn't suffice, and then marks it: what
 * wasn't looked into may hold anything. Never throws.
 *
 * @param announced the encoding of the whole message, where only its place tells it: `deflate` under permessage-deflate
 */
export function* views(message: Uint8Array, budget = new Budget(), announced?: As): Generator<View> {
  yield { bytes: message, steps: [], label: undefined, text: isShortText(message), guess: false };
  const layers: Layer[] = [{ bytes: message, steps: [], label: undefined }];
  for (const layer of layers) {
    if (layer.steps.length > 0 && !budget.spend('bytes', layer.bytes.length)) continue;
    const runs = runsOfLayer(layer.bytes, layer.label, budget);
    if (announced && layer.steps.length === 0) runs.push({ as: announced, start: 0, end: message.length });
    for (const run of runs) {
      const view = run.as === 'raw' ? part(layer, run) : decoded(layer, run, budget);
      if (!view) continue;
      if (view.steps.length > DEEPEST && run.as !== 'raw') {
        // By chance a few characters in a row of what is random look like an encoding; what holds many more is one.
        if (!view.guess && view.bytes.length >= DEEP_ENOUGH) budget.exhausted = true;
        continue;
      }
      if (!budget.spend('views', 1)) return;
      yield view;
      if (run.as !== 'raw' && !view.guess) layers.push(view);
    }
  }
}

function part(layer: Layer, run: Found): View | undefined {
  const bytes = layer.bytes.subarray(run.start, run.end);
  const text = run.text === true && isShortText(bytes);
  return text || bytes.length >= SHORTEST
    ? { bytes, steps: stepsTo(layer, run), label: run.label, text, guess: false }
    : undefined;
}

function decoded(layer: Layer, run: Found, budget: Budget): View | undefined {
  const bytes = decode(layer.bytes.subarray(run.start, run.end), run.as, budget);
  if (!bytes || bytes.length === 0) return undefined;
  const text = run.text === true && isShortText(bytes);
  // A guess that makes sense is none; of the others only what is small could be a secret next to something.
  const guess = run.guess === true && !isText(bytes);
  if ((!text && bytes.length < SHORTEST) || (guess && bytes.length > LONGEST_BINARY_INSIDE)) return undefined;
  return { bytes, steps: stepsTo(layer, run), label: run.label, text, guess };
}

function stepsTo({ steps }: Layer, { as, start, end }: Found): Step[] {
  return [...steps, { as, offset: start, length: end - start }];
}

/** Every value of one of the sizes `sizes` in `message`, the likely ones first; at most {@link MOST_VALUES}, never throws. */
export function* values(
  message: Uint8Array,
  sizes: readonly number[] = SECRET_BYTES,
  budget = new Budget(),
): Generator<Value> {
  let left = MOST_VALUES;
  const nameless: View[] = [];
  const guesses: View[] = [];
  const binary: View[] = [];
  for (const view of views(message, budget)) {
    const { bytes, steps, label } = view;
    const isLayer = steps.at(-1)?.as !== 'raw';
    const inside = message.length <= LONGEST_SHORT ? LONGEST_BINARY_INSIDE : 0;
    const longest = steps.length === 0 ? LONGEST_BINARY : inside;
    if (isLayer && bytes.length <= longest && looksBinary(bytes)) binary.push(view);
    if (!sizes.includes(bytes.length)) continue;
    if (view.guess) guesses.push(view);
    else if (label === undefined) nameless.push(view);
    else if (left-- > 0) yield { bytes, steps, label, unlikely: false };
  }
  for (const { bytes, steps, label } of nameless) if (left-- > 0) yield { bytes, steps, label, unlikely: false };
  for (const { bytes, steps, label } of guesses) if (left-- > 0) yield { bytes, steps, label, unlikely: true };
  for (const { bytes, steps, label } of binary.sort((a, b) => Number(a.guess) - Number(b.guess)))
    for (const length of sizes)
      for (let offset = 0; offset + length <= bytes.length; offset += sizes.includes(bytes.length) ? WORD : 1) {
        if (length === bytes.length) continue;
        if (left-- <= 0) return;
        const step: Step = { as: 'raw', offset, length };
        yield { bytes: bytes.subarray(offset, offset + length), steps: [...steps, step], label, unlikely: true };
      }
}

/** Labels of what people type or share come first. */
const LIKELY = /pass|phrase|pin|pwd|secret|key|code|token/i;
const POSSIBLE = /room|meeting|conference|channel|topic|name|id|user|path|url/i;
/** What holds texts is none. */
const STRUCTURE = /^\{.*\}$|^\[.*\]$/;
/** Characters of base64 of a text of half a dozen. */
const SHORTEST_ENCODED = 8;

/**
 * Every string of up to 128 characters in `message` that could be a passphrase, a PIN, a room's name or number, the likely ones first;
 * each once, at most {@link MOST_TEXTS}; `budget` says where there were more. Never throws.
 */
export function* texts(message: Uint8Array, budget = new Budget()): Generator<Text> {
  const found = new Map<string, Text>();
  const add = ({ bytes, steps, label }: Text) => {
    const name = latin1(bytes);
    if (!found.has(name)) found.set(name, { bytes, steps, label });
  };
  for (const view of views(message, budget)) {
    if (!view.text || STRUCTURE.test(utf8(view.bytes))) continue;
    add(view);
    // What is too short to be taken for an encoding elsewhere.
    const last = view.steps.at(-1);
    if (view.bytes.length < SHORTEST_ENCODED || view.steps.length > DEEPEST) continue;
    for (const as of ['base64', 'hex'] as const) {
      const bytes = decode(view.bytes, as);
      if (!bytes || !isShortText(bytes)) continue;
      const isRaw = last?.as === 'raw';
      const step: Step = { as, offset: isRaw ? last.offset : 0, length: view.bytes.length };
      add({ bytes, steps: [...(isRaw ? view.steps.slice(0, -1) : view.steps), step], label: view.label });
    }
  }
  budget.crowded = found.size > MOST_TEXTS;
  const rank = ({ label = '' }: Text) => (LIKELY.test(label) ? 0 : POSSIBLE.test(label) ? 1 : 2);
  yield* [...found.values()].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_TEXTS);
}

/** Decodes a whole run; undefined where it is none of that encoding, or gives more than `budget` has. Never throws. */
export function decode(run: Uint8Array, as: As, budget = new Budget()): Uint8Array | undefined {
  return as === 'raw' ? run : decoderOf(as)?.(run, budget);
}

/** Takes a value out of a message again; undefined where the message isn't the one it was found in. */
export function extract(message: Uint8Array, steps: readonly Step[]): Uint8Array | undefined {
  let bytes: Uint8Array | undefined = message;
  for (const { as, offset, length } of steps)
    bytes = bytes && holds(bytes, offset, length) ? decode(bytes.subarray(offset, offset + length), as) : undefined;
  return bytes;
}

function holds(bytes: Uint8Array, offset: number, length: number): boolean {
  return (
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= bytes.length
  );
}

function looksBinary(bytes: Uint8Array): boolean {
  let control = 0;
  for (const byte of bytes.subarray(0, 512)) if (byte < 9 || (byte > 13 && byte < 32) || byte > 126) control++;
  return control * 10 > Math.min(bytes.length, 512);
}
