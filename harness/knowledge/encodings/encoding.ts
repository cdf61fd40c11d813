/**
 * What an encoding is to the provider's view: it finds where in a message something of its kind may stand, and decodes that.
 * One encoding is one file of this folder that exports `encoding`; `all.ts` lists them.
 */

/** How a step of a proof decodes: the ids of encodings, and `raw` for bytes that stand there as they are. */
export type As =
  | 'raw'
  | 'hex'
  | 'base64'
  | 'json-string'
  | 'json-numbers'
  | 'percent'
  | 'form'
  | 'utf-16'
  | 'gzip'
  | 'zlib'
  | 'deflate'
  | 'messagepack'
  | 'cbor';

/** A part of a message. */
export interface Run {
  start: number;
  /** Behind its last byte. */
  end: number;
  /** Undefined where it only gives a name to what stands in it. */
  as?: As;
  /** Its name, as a path within what the encoding found, e.g. `keys.0.secret`. */
  label?: string;
  /** By its place a string of its own, e.g. the value of a JSON member; it may be too long to be of interest as one, or bytes. */
  text?: boolean;
  /** Raw text: what stands in it is found in the text around it as well. */
  closed?: boolean;
  /** A guess about where something begins, of which most are wrong. */
  guess?: boolean;
}

export interface Encoding {
  /** As in steps; a mere container, whose parts are raw, has its own name for people. */
  readonly id: string;
  /** Characters (Latin-1) of which it has one at least, so that most messages need not be searched; empty: none. */
  readonly needs: string;
  /** Where something of the kind may stand. Takes time in the length of `bytes`, whatever they are; never throws. */
  runs(bytes: Uint8Array, budget: Budget): Iterable<Run>;
  /** Decodes a whole run; undefined where it is none of the kind, or gives more than the budget has left. Never throws. */
  decode?(run: Uint8Array, budget: Budget): Uint8Array | undefined;
}

/** What looking into one message may cost. */
export class Budget {
  /** Bytes that are still to be looked through, the message itself not counted. */
  bytes: number;
  /** Views that are still to be given. */
  views: number;
  /** Something was left out, so that nobody can say that the message doesn't hold it. */
  exhausted = false;
  /** All was looked into, but of the texts in it only the likeliest were given. */
  crowded = false;

  constructor(bytes = 64 << 20, views = 1 << 18) {
    this.bytes = bytes;
    this.views = views;
  }

  /** Spends it; false where there isn't enough. */
  spend(what: 'bytes' | 'views', amount: number): boolean {
    if (this[what] < amount) {
      this.exhausted = true;
      return false;
    }
    this[what] -= amount;
    return true;
  }
}

/** Bytes of the smallest secret: what decodes to less is of interest only as a text. */
export const SHORTEST = 16;
/** Characters of a text that could be a passphrase, a PIN, or the name or number of a room. */
export const LONGEST_TEXT = 128;
/** Keys travel in messages up to this long (bytes); in longer ones, such as code, nobody guesses where something may begin. */
export const LONGEST_SHORT = 65_536;
/** Places where a binary message may begin, and all are tried: services put a type, a number or a length before it. */
export const STARTS: readonly number[] = [0, 1, 2, 3, 4, 5, 8];

/** Nesting of a binary message that is still read, and parts of one; more is only meant to harm. */
export const DEEPEST_NESTING = 1000;
export const MOST_PARTS = 1 << 17;

/** What is found from several places, once. */
export function* distinct(runs: Iterable<Run>): Generator<Run> {
  const seen = new Set<string>();
  for (const run of runs) {
    const place = `${run.as} ${run.start} ${run.end}`;
    if (!seen.has(place)) yield run;
    seen.add(place);
  }
}

const LONGEST_LABEL = 120;
const LONGEST_NAME = 40;

/** A path of names; of a long one the end. */
export function joined(outer: string | undefined, inner: string | undefined): string | undefined {
  const path = outer && inner ? `${outer}.${inner}` : outer || inner;
  return path && path.length > LONGEST_LABEL ? path.slice(-LONGEST_LABEL) : path || undefined;
}

/** A name that a message gives, fit to be shown: anything but letters, digits and a few marks becomes `_`, the end is cut. */
export function named(bytes: Uint8Array): string {
  return utf8(bytes.subarray(0, 4 * LONGEST_NAME))
    .replaceAll(/[^\p{L}\p{N}_.$@-]/gu, '_')
    .slice(0, LONGEST_NAME);
}

/** A table of characters: 1 for those that are in it. */
export type Members = Readonly<Uint8Array>;

export function members(characters: string): Members {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

export const DIGITS = '0123456789';
export const ALPHANUMERIC = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}`;
export const DIGIT = members(DIGITS);
export const HEX = members(`${DIGITS}abcdefABCDEF`);
export const SPACE = members(' \t\r\n');

export function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (SPACE[bytes[at]!]) at++;
  return at;
}

/** Code of a character of ASCII. */
export function code(character: string): number {
  return character.charCodeAt(0);
}

/**
 * The longest runs of characters of a table, of at least `shortest` bytes. It looks where such a run would end, and so passes over
 * most of a text. (Regular expressions run out of stack on a message of a few megabytes of one letter.)
 */
export function* runsOf(
  bytes: Uint8Array,
  table: Members,
  shortest: number,
  from = 0,
  to = bytes.length,
): Generator<{ start: number; end: number }> {
  let start = from;
  // From `start` up to here all are in the table.
  let known = from;
  for (let last = start + shortest - 1; last < to; last = start + shortest - 1) {
    let at = last;
    while (at >= known && table[bytes[at]!] === 1) at--;
    if (at >= known) {
      start = at + 1;
      known = last + 1;
      continue;
    }
    let end = last + 1;
    while (end < to && table[bytes[end]!] === 1) end++;
    yield { start, end };
    start = known = end + 1;
  }
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function latin1(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1');
}

export function utf8(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('utf8');
}

/** Whether bytes are UTF-8 that can be read: no control characters but tabs and line ends. */
export function isText(bytes: Uint8Array): boolean {
  for (const byte of bytes) if ((byte < 32 && byte !== 9 && byte !== 10 && byte !== 13) || byte === 127) return false;
  return !utf8(bytes).includes('\ufffd');
}

/** Whether bytes are a line of text of up to {@link LONGEST_TEXT} characters. */
export function isShortText(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > 4 * LONGEST_TEXT) return false;
  return bytes.every((byte) => byte >= 32) && isText(bytes) && [...utf8(bytes)].length <= LONGEST_TEXT;
}
