/**
 * Where known secrets stand in messages, in any of the encodings that services use: raw, hex with and without separators,
 * base64 in both alphabets and at each alignment, lists of decimal numbers, percent-encoded; and all but raw in UTF-16.
 */

export interface Pattern {
  encoding: string;
  bytes: Uint8Array;
}

/** Where a secret was found. */
export interface Hit {
  /** Its place in the list that the {@link Searcher} was made of. */
  secret: number;
  encoding: string;
  /** Bytes from the start of the message, or of the stream. */
  offset: number;
  /** Bytes that stand there. */
  length: number;
}

/** Secrets shorter than this (bytes) aren't searched for: a chance hit would accuse. 2^-96 a place is practically none. */
export const SHORTEST_SECRET = 12;

/**
 * What to look for so as to find `secret` in each encoding, each text once. The caller keeps secrets at {@link SHORTEST_SECRET}
 * or longer.
 */
export function patterns(secret: Uint8Array): Pattern[] {
  const found = new Map<string, Pattern>();
  const add = (encoding: string, bytes: Uint8Array) => {
    const name = latin1(bytes);
    if (bytes.length > 0 && !found.has(name)) found.set(name, { encoding, bytes });
  };
  add('raw', secret);
  const texts = textForms(secret);
  for (const [encoding, text] of texts) add(encoding, Buffer.from(text));
  for (const [encoding, text] of texts) add(`${encoding}, UTF-16`, utf16(text));
  return [...found.values()];
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const HEX = BYTES.map((byte) => byte.toString(16).padStart(2, '0'));
const UPPER_HEX = HEX.map((digits) => digits.toUpperCase());
/** RFC 3986, 2.3. */
const UNRESERVED = BYTES.map((byte) => /[\w.~-]/.exec(String.fromCharCode(byte))?.[0]);

function textForms(secret: Uint8Array): [string, string][] {
  const lower = [...secret].map((byte) => HEX[byte]!);
  const upper = [...secret].map((byte) => UPPER_HEX[byte]!);
  const numbers = [...secret];
  // Java's bytes have a sign.
  const signed = [...new Int8Array(secret)];
  const found: [string, string][] = [
    ['hex', lower.join('')],
    ['hex (upper case)', upper.join('')],
    ...[lower, upper].flatMap((digits): [string, string][] => [
      ['hex, separated', digits.join(':')],
      ['hex, separated', digits.join(' ')],
      ['percent-encoded', `%${digits.join('%')}`],
      ['percent-encoded', numbers.map((byte, at) => UNRESERVED[byte] ?? `%${digits[at]}`).join('')],
    ]),
    ...[numbers, signed].flatMap((list): [string, string][] => [
      ['decimal numbers', list.join(',')],
      ['decimal numbers', list.join(', ')],
    ]),
  ];
  const bytes = Buffer.from(secret);
  for (const alignment of [0, 1, 2]) {
    // Characters that depend on neighbouring bytes are left out at both ends.
    const shifted = Buffer.concat([Buffer.alloc(alignment), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const start = alignment === 0 ? 0 : alignment + 1;
    const whole = Math.floor(((alignment + bytes.length) * 8) / 6);
    const middle = shifted.slice(start, whole);
    found.push(['base64', middle]);
    const url = middle.replaceAll('+', '-').replaceAll('/', '_');
    if (url !== middle) found.push(['base64url', url]);
    // As forms and addresses carry it, and as encoders of JSON that escape the slash write it.
    const percent = encodeURIComponent(middle);
    if (percent !== middle) {
      found.push(['base64, percent-encoded', percent]);
      found.push(['base64, percent-encoded', percent.replaceAll(/%../g, (code) => code.toLowerCase())]);
    }
    if (middle.includes('/')) found.push(['base64', middle.replaceAll('/', '\\/')]);
  }
  return found;
}

/** ASCII in UTF-16 (RFC 2781) of either byte order: without the zero at the end that one and the one at the start that the other has. */
function utf16(text: string): Uint8Array {
  return Buffer.from(text, 'utf16le').subarray(0, -1);
}

/** The first place of `secret` in `message`. */
export function find(message: Uint8Array, secret: Uint8Array): { encoding: string; offset: number } | undefined {
  if (!last || Buffer.compare(last.secret, secret) !== 0)
    last = { secret: Uint8Array.from(secret), searcher: new Searcher([secret]) };
  const { value: first } = last.searcher.search(message).next();
  return first && { encoding: first.encoding, offset: first.offset };
}

/** Callers look for one secret in many messages. */
let last: { secret: Uint8Array; searcher: Searcher } | undefined;

/** Bytes that are looked at at once. Eight digits and commas are still rare enough to tell lists of numbers apart. */
const BLOCK = 8;
/** Blocks are looked at this many bytes apart, at most; the more patterns, the closer, so that the table stays at its size. */
const LONGEST_STEP = 32;
const MOST_BLOCKS = 1 << 20;
/** Bits of the filter for each block that a pattern may show. */
const SPARSE = 16;

/**
 * Many secrets, looked for in all encodings at once. A pattern of at least n + {@link BLOCK} - 1 bytes shows one whole block at a
 * place that is a multiple of n, wherever it stands; so only those places are looked at, by fingerprints (Karp and Rabin,
 * "Efficient randomized pattern-matching algorithms", 1987), and what looks like a pattern is compared with it.
 *
 * A message takes time in its length, whatever the secrets: those that share what was looked at are found by bisection.
 */
export class Searcher {
  /** All different patterns, sorted, and for each the secrets and encodings that it stands for. */
  readonly #texts: Uint8Array[] = [];
  readonly #owners: { secret: number; encoding: string }[][] = [];
  /** For each text the longest other one that it begins with, or -1. */
  readonly #prefixes: Int32Array;
  /** The longest pattern (bytes). */
  readonly longest: number;
  readonly #step: number;
  /** One bit for each value that the upper bits of a fingerprint of a block can have. */
  readonly #filter: Int32Array;
  readonly #filterShift: number;
  /** By the upper bits of a fingerprint: where its blocks begin below; how many there are. */
  readonly #buckets: Int32Array;
  readonly #filled: Int32Array;
  readonly #bucketShift: number;
  /** Each block: its fingerprint, its place in the text, and the text, or -1 where several have it there. */
  readonly #fingerprints: Int32Array;
  readonly #places: Uint8Array;
  readonly #holders: Int32Array;

  /** Secrets shorter than {@link SHORTEST_SECRET} aren't searched for. */
  constructor(secrets: readonly Uint8Array[]) {
    this.#gather(secrets);
    const texts = this.#texts;
    this.#prefixes = prefixes(texts);
    this.longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
    const shortest = texts.reduce((least, { length }) => Math.min(least, length), LONGEST_STEP + BLOCK - 1);
    const affordable = Math.max(SHORTEST_SECRET - BLOCK + 1, Math.floor(MOST_BLOCKS / Math.max(1, texts.length)));
    this.#step = Math.min(shortest - BLOCK + 1, affordable);

    const blocks = texts.length * this.#step;
    const bits = Math.max(1, Math.ceil(Math.log2(Math.max(1, blocks))));
    this.#bucketShift = 32 - bits;
    this.#filterShift = Math.max(0, 32 - bits - Math.log2(SPARSE));
    this.#filter = new Int32Array(Math.max(1, 2 ** (32 - this.#filterShift - 5)));
    this.#buckets = new Int32Array(2 ** bits + 1);
    this.#filled = new Int32Array(2 ** bits);
    this.#fingerprints = new Int32Array(blocks);
    this.#places = new Uint8Array(blocks);
    this.#holders = new Int32Array(blocks);
    const views = texts.map(viewOf);
    for (const view of views)
      for (let place = 0; place < this.#step; place++) {
        const bit = fingerprint(view, place) >>> this.#filterShift;
        this.#filter[bit >>> 5]! |= 1 << (bit & 31);
        this.#buckets[(fingerprint(view, place) >>> this.#bucketShift) + 1]!++;
      }
    for (let bucket = 0; bucket < 2 ** bits; bucket++) this.#buckets[bucket + 1]! += this.#buckets[bucket]!;
    for (const [text, view] of views.entries())
      for (let place = 0; place < this.#step; place++) this.#enter(fingerprint(view, place), place, text);
  }

  #gather(secrets: readonly Uint8Array[]): void {
    const all = secrets.flatMap((bytes, secret) =>
      bytes.length < SHORTEST_SECRET ? [] : patterns(bytes).map((pattern) => ({ ...pattern, secret })),
    );
    all.sort((a, b) => Buffer.compare(a.bytes, b.bytes) || a.secret - b.secret);
    for (const { secret, encoding, bytes } of all) {
      const last = this.#texts.at(-1);
      if (last && Buffer.compare(last, bytes) === 0) this.#owners.at(-1)!.push({ secret, encoding });
      else {
        this.#texts.push(bytes);
        this.#owners.push([{ secret, encoding }]);
      }
    }
  }

  #enter(print: number, place: number, text: number): void {
    const bucket = print >>> this.#bucketShift;
    const first = this.#buckets[bucket]!;
    const free = first + this.#filled[bucket]!;
    for (let index = first; index < free; index++)
      if (this.#fingerprints[index] === print && this.#places[index] === place) {
        this.#holders[index] = -1;
        return;
      }
    this.#fingerprints[free] = print;
    this.#places[free] = place;
    this.#holders[free] = text;
    this.#filled[bucket]!++;
  }

  /** Every place of every pattern, in their order. */
  *search(message: Uint8Array): Generator<Hit> {
    const view = viewOf(message);
    for (let at = this.#next(view, 0); at >= 0; at = this.#next(view, at + this.#step))
      yield* this.#around(message, view, at);
  }

  /** For a message that comes in pieces. */
  stream(): SearchStream {
    return new SearchStream(this);
  }

  /** The first of the places `from`, one step on, and so on, at which a pattern's block may stand; -1 if there is none. */
  #next(view: DataView, from: number): number {
    if (this.#texts.length === 0) return -1;
    const filter = this.#filter;
    const shift = this.#filterShift;
    const step = this.#step;
    const end = view.byteLength - BLOCK;
    for (let at = from; at <= end; at += step) {
      const bit = fingerprint(view, at) >>> shift;
      if ((filter[bit >>> 5]! >>> (bit & 31)) & 1) return at;
    }
    return -1;
  }

  /** What stands where the block at `at` is one of its first ones. */
  #around(message: Uint8Array, view: DataView, at: number): Hit[] {
    const found: Hit[] = [];
    const print = fingerprint(view, at);
    const bucket = print >>> this.#bucketShift;
    const first = this.#buckets[bucket]!;
    for (let index = first; index < first + this.#filled[bucket]!; index++) {
      const offset = at - this.#places[index]!;
      if (this.#fingerprints[index] !== print || offset < 0) continue;
      const holder = this.#holders[index]!;
      for (let text = holder < 0 ? this.#bisect(message, offset) : holder; text >= 0; text = this.#prefixes[text]!) {
        const { length } = this.#texts[text]!;
        if (startsWith(message, offset, this.#texts[text]!))
          for (const owner of this.#owners[text]!) found.push({ ...owner, offset, length });
      }
    }
    return found.length > 1 ? found.sort((a, b) => a.offset - b.offset) : found;
  }

  /** The last of the texts that is not greater than what stands at `at`; all that stand there are this or what it begins with. */
  #bisect(message: Uint8Array, at: number): number {
    let [low, high] = [-1, this.#texts.length];
    // What the texts at both bounds share with the message need not be compared again.
    let [lowShared, highShared] = [0, 0];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const text = this.#texts[middle]!;
      let shared = Math.min(lowShared, highShared);
      while (shared < text.length && at + shared < message.length && text[shared] === message[at + shared]) shared++;
      const isGreater =
        shared < text.length && (at + shared >= message.length || text[shared]! > message[at + shared]!);
      if (isGreater) [high, highShared] = [middle, shared];
      else [low, lowShared] = [middle, shared];
    }
    return low;
  }
}

/** Odd constants of MurmurHash3, by Austin Appleby, which is in the public domain. */
function fingerprint(view: DataView, at: number): number {
  return Math.imul(Math.imul(view.getInt32(at, true), 0xcc9e2d51) ^ view.getInt32(at + 4, true), 0x1b873593);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function prefixes(sorted: readonly Uint8Array[]): Int32Array {
  const found = new Int32Array(sorted.length).fill(-1);
  const open: number[] = [];
  for (const [index, text] of sorted.entries()) {
    while (open.length > 0 && !startsWith(text, 0, sorted[open.at(-1)!]!)) open.pop();
    found[index] = open.at(-1) ?? -1;
    open.push(index);
  }
  return found;
}

/** A message in pieces, of any sizes; finds what the whole would give. */
export class SearchStream {
  readonly #searcher: Searcher;
  /** The end of what came, in which something may have begun. */
  #tail: Uint8Array = new Uint8Array();
  /** Bytes that came before it. */
  #before = 0;

  constructor(searcher: Searcher) {
    this.#searcher = searcher;
  }

  /** Places that are complete with `chunk` and weren't before. It may be overwritten once all were taken. */
  *push(chunk: Uint8Array): Generator<Hit> {
    const overlap = Math.max(0, this.#searcher.longest - 1);
    const held = this.#tail.length;
    const before = this.#before;
    const joint = Buffer.concat([this.#tail, chunk.subarray(0, overlap)]);
    this.#tail =
      chunk.length >= overlap
        ? Uint8Array.from(chunk.subarray(chunk.length - overlap))
        : Uint8Array.from(joint.subarray(Math.max(0, joint.length - overlap)));
    this.#before = before + held + chunk.length - this.#tail.length;
    for (const hit of this.#searcher.search(joint)) {
      if (hit.offset >= held) break;
      if (hit.offset + hit.length > held) yield { ...hit, offset: before + hit.offset };
    }
    for (const hit of this.#searcher.search(chunk)) yield { ...hit, offset: before + held + hit.offset };
  }
}

function startsWith(message: Uint8Array, at: number, pattern: Uint8Array): boolean {
  if (at + pattern.length > message.length) return false;
  for (let index = 0; index < pattern.length; index++) if (message[at + index] !== pattern[index]) return false;
  return true;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
