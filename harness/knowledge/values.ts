/**
 * Values of the size of a secret inside a message that crossed the provider, in the encodings that services use, nested
 * to a stated depth. Each comes with the steps that take it out of the message, so that a proof can take it out again.
 */

/** One step: take `length` bytes at `offset` of what the step before gave, and decode them. */
export interface Step {
  as: Encoding;
  offset: number;
  length: number;
}
export type Encoding = 'raw' | 'hex' | 'base64' | 'json-numbers' | 'percent';

export interface Value {
  bytes: Uint8Array;
  steps: Step[];
  /** The name that stands before it, where the message has one, e.g. a JSON member's. */
  label: string | undefined;
}

/** Sizes of secrets in bytes: AES-128, -192, -256; SFrame's AES-128-CTR with its HMAC key (RFC 9605, 4.4.2); two of 256 bits. */
export const SECRET_BYTES: readonly number[] = [16, 24, 32, 48, 64];
/** Encodings within encodings are followed this deep. */
export const DEEPEST = 3;
/** In a binary message up to this long (bytes), every place is tried; in a longer one only its text. */
const LONGEST_BINARY = 2048;
/** A single message gives at most this many values, so that a hostile one can't stop an audit. */
export const MOST_VALUES = 20_000;

/** Every value of one of the sizes `sizes` in `bytes`, the likely ones first; at most {@link MOST_VALUES}, never throws. */
export function* values(bytes: Uint8Array, sizes: readonly number[] = SECRET_BYTES): Generator<Value> {
  const budget = { left: MOST_VALUES };
  yield* inside(bytes, [], undefined, sizes, budget);
  if (looksBinary(bytes) && bytes.length <= LONGEST_BINARY) yield* windows(bytes, sizes, budget);
}

function* inside(
  bytes: Uint8Array,
  steps: Step[],
  label: string | undefined,
  sizes: readonly number[],
  budget: { left: number },
): Generator<Value> {
  if (budget.left <= 0) return;
  if (sizes.includes(bytes.length)) {
    budget.left--;
    yield { bytes, steps, label };
  }
  if (steps.length >= DEEPEST) return;
  for (const token of tokens(bytes)) {
    if (budget.left <= 0) return;
    const { step, decoded } = token;
    yield* inside(decoded, [...steps, step], labelBefore(bytes, step.offset) ?? label, sizes, budget);
  }
}

function* windows(bytes: Uint8Array, sizes: readonly number[], budget: { left: number }): Generator<Value> {
  for (const length of sizes)
    for (let offset = 0; offset + length <= bytes.length; offset++) {
      if (budget.left-- <= 0) return;
      const step: Step = { as: 'raw', offset, length };
      yield { bytes: bytes.subarray(offset, offset + length), steps: [step], label: undefined };
    }
}

/** Runs that could encode something; what decodes to less than the smallest secret is left out. */
function* tokens(bytes: Uint8Array): Generator<{ step: Step; decoded: Uint8Array }> {
  for (const { as, start, end } of runs(bytes)) {
    const decoded = decode(bytes.subarray(start, end), as);
    if (decoded && decoded.length >= SHORTEST) yield { step: { as, offset: start, length: end - start }, decoded };
  }
}

/** Bytes of the smallest secret, and characters of a run that could encode it. */
const SHORTEST = 16;
const SHORTEST_HEX = 32;
const SHORTEST_BASE64 = 22;
/** A longer list of numbers isn't one key, nor a message that holds one. */
const MOST_NUMBERS = 65_536;

const HEX = members('0123456789abcdefABCDEF');
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const BASE64 = members(`${ALPHANUMERIC}+/`);
/** Both alphabets at once: some services mix them. */
const BASE64_ANY = members(`${ALPHANUMERIC}+/-_`);
/** RFC 3986, 2.3. */
const UNRESERVED = members(`${ALPHANUMERIC}-._~`);
const SPACE = members(' \t\r\n');
const DIGIT = members('0123456789');

const [PERCENT, BACKSLASH, SLASH, EQUALS, COMMA, OPENING, CLOSING] = Buffer.from('%\\/=,[]') as unknown as number[];

function members(characters: string): boolean[] {
  const table: boolean[] = new Array(256).fill(false);
  for (const character of characters) table[character.charCodeAt(0)] = true;
  return table;
}

interface Run {
  as: Encoding;
  start: number;
  end: number;
}

// By hand and not by regular expressions: those run out of stack on a message of a few megabytes of one letter.
function* runs(bytes: Uint8Array): Generator<Run> {
  for (const run of runsOf(bytes, (at) => (HEX[bytes[at]!] ? 1 : 0)))
    if (run.end - run.start >= SHORTEST_HEX) yield { as: 'hex', ...run };
  for (const run of runsOf(bytes, (at) => base64Character(bytes, at, BASE64_ANY))) {
    if (run.end - run.start < SHORTEST_BASE64) continue;
    yield { as: 'base64', start: run.start, end: padded(bytes, run.end) };
    // What joins words in identifiers is in the URL alphabet: `key_BASE64` is one run in that, and two in the plain one.
    const part = bytes.subarray(0, run.end);
    for (const plain of runsOf(part, (at) => base64Character(part, at, BASE64), run.start)) {
      if (plain.end - plain.start < SHORTEST_BASE64 || plain.end - plain.start === run.end - run.start) continue;
      yield { as: 'base64', start: plain.start, end: plain.end === run.end ? padded(bytes, run.end) : plain.end };
    }
  }
  for (let start = 0; start < bytes.length; start++) {
    const list = bytes[start] === OPENING ? numbers(bytes, start) : undefined;
    if (list) yield { as: 'json-numbers', start, end: list.end };
  }
  for (const run of runsOf(bytes, (at) => percentCharacter(bytes, at)))
    if (run.end - run.start >= SHORTEST) yield { as: 'percent', ...run };
}

/** The longest runs of what `width` measures in bytes; it gives 0 for what belongs to none. */
function* runsOf(
  bytes: Uint8Array,
  width: (at: number) => number,
  from = 0,
): Generator<{ start: number; end: number }> {
  for (let at = from; at < bytes.length; at++) {
    const start = at;
    for (let step = width(at); step > 0 && at < bytes.length; step = width(at)) at += step;
    if (at > start) yield { start, end: at };
  }
}

/** A slash may be escaped, as some encoders of JSON do. */
function base64Character(bytes: Uint8Array, at: number, alphabet: boolean[]): number {
  if (alphabet[bytes[at]!]) return 1;
  return bytes[at] === BACKSLASH && bytes[at + 1] === SLASH ? 2 : 0;
}

function percentCharacter(bytes: Uint8Array, at: number): number {
  if (UNRESERVED[bytes[at]!]) return 1;
  return bytes[at] === PERCENT && HEX[bytes[at + 1]!] && HEX[bytes[at + 2]!] ? 3 : 0;
}

function padded(bytes: Uint8Array, end: number): number {
  let padding = 0;
  while (padding < 2 && bytes[end + padding] === EQUALS) padding++;
  return end + padding;
}

/** The list of bytes in decimal that begins with the bracket at `start`, and where it ends. */
function numbers(bytes: Uint8Array, start: number): { list: number[]; end: number } | undefined {
  const list: number[] = [];
  let at = start;
  do {
    at = afterSpace(bytes, at + 1);
    const first = at;
    let number = 0;
    while (at - first < 3 && DIGIT[bytes[at]!]) number = number * 10 + bytes[at++]! - 48;
    if (at === first || number > 255 || list.length >= MOST_NUMBERS) return undefined;
    list.push(number);
    at = afterSpace(bytes, at);
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSING ? { list, end: at + 1 } : undefined;
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (SPACE[bytes[at]!]) at++;
  return at;
}

/** Decodes a whole run; undefined where it is none of that encoding. */
export function decode(run: Uint8Array, as: Encoding): Uint8Array | undefined {
  switch (as) {
    case 'raw':
      return run;
    case 'hex':
      return run.length % 2 === 0 && run.every((byte) => HEX[byte]) ? Buffer.from(latin1(run), 'hex') : undefined;
    case 'base64': {
      let end = 0;
      for (let width = 1; width > 0 && end < run.length; end += width) width = base64Character(run, end, BASE64_ANY);
      // Buffer reads both alphabets (RFC 4648, 4 and 5), padded or not.
      return padded(run, end) === run.length ? Buffer.from(latin1(run).replaceAll('\\', ''), 'base64') : undefined;
    }
    case 'json-numbers': {
      const found = run[0] === OPENING ? numbers(run, 0) : undefined;
      return found?.end === run.length ? Uint8Array.from(found.list) : undefined;
    }
    case 'percent': {
      if (!run.includes(PERCENT!)) return undefined;
      const decoded = new Uint8Array(run.length);
      let length = 0;
      for (let at = 0; at < run.length; length++) {
        const width = percentCharacter(run, at);
        if (width === 0) return undefined;
        decoded[length] = width === 1 ? run[at]! : Number.parseInt(latin1(run.subarray(at + 1, at + 3)), 16);
        at += width;
      }
      return decoded.subarray(0, length);
    }
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Takes a value out of a message again; undefined where the message isn't the one it was found in. */
export function extract(message: Uint8Array, steps: readonly Step[]): Uint8Array | undefined {
  let bytes: Uint8Array | undefined = message;
  for (const { as, offset, length } of steps)
    bytes = bytes && offset + length <= bytes.length ? decode(bytes.subarray(offset, offset + length), as) : undefined;
  return bytes;
}

function labelBefore(bytes: Uint8Array, offset: number): string | undefined {
  const before = latin1(bytes.subarray(Math.max(0, offset - 80), offset));
  return /(?:^|["'&?\s{,;])([A-Za-z][\w.-]{0,40})["']?\s*[:=]\s*["']?$/.exec(before)?.[1];
}

function looksBinary(bytes: Uint8Array): boolean {
  let control = 0;
  for (const byte of bytes.subarray(0, 512)) if (byte < 9 || (byte > 13 && byte < 32) || byte > 126) control++;
  return control * 10 > Math.min(bytes.length, 512);
}
