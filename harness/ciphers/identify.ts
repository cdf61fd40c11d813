/**
 * Tells an application's cipher from pairs of frames alone: what its transform got and what it gave. No key is needed,
 * and whatever the pairs don't show isn't claimed.
 */
import { createHash } from 'node:crypto';
import { uniformity } from './statistics.ts';

/** One frame before and after the application's transform on the sending side. */
export interface FramePair {
  readonly medium: 'audio' | 'video';
  readonly key: boolean;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** How sealed frames of one kind are laid out. Only changed pairs count, beside `pairs` and `unchanged`. */
export interface Layout {
  readonly medium: 'audio' | 'video';
  readonly key: boolean;
  /** As given, those that are equal to an earlier pair among them; whatever else is said counts these once. */
  readonly pairs: number;
  /** Pairs in which the frame went out as it came in, at most with bytes added at one end. */
  readonly unchanged: number;
  /** Bytes at the start that are the same before and after, in all pairs; one too many with probability 256^-pairs. */
  readonly clearPrefix: number;
  /** Bytes by which frames grow. */
  readonly overhead: { readonly min: number; readonly max: number };
  /** All grow to whole 16-byte blocks (and the same bytes beside), though what they carry has other lengths. */
  readonly padded: boolean;
  /** Bytes at the frame's end that are equal in all pairs; `fromEnd` is 1 for the last byte. Up to 32; from 4 pairs on. */
  readonly fixedTail: readonly { readonly fromEnd: number; readonly value: number }[];
}

/** What all identifications hold. */
export interface Observations {
  /** Pairs that were looked at; empty frames are left out. */
  readonly pairs: number;
  readonly unchanged: number;
  readonly layouts: readonly Layout[];
  /**
   * Plaintext beyond the clear prefix that changed frames still carry: bytes in runs of at least 8, and the frames. Random
   * bytes have such a run once in 2^64 places.
   */
  readonly clear: { readonly bytes: number; readonly frames: number };
}

export type Finding =
  /** Every frame goes out as it is. */
  | { readonly kind: 'none' }
  /** A short key repeats over every frame. */
  | {
      readonly kind: 'xor';
      readonly key: Uint8Array;
      /**
       * Whether the key's first byte meets the frame's first byte or the first behind the clear prefix. Where both would
       * fit it is `frame`, and the application may have the same key begin at another of its bytes.
       */
      readonly from: 'frame' | 'prefix';
      /** Bytes that the key foretells, beyond those that it was read from. */
      readonly foretold: number;
    }
  /** Different frames were combined with the same keystream: whoever knows one frame reads the other. */
  | {
      readonly kind: 'keystream-reuse';
      /** Frames whose keystream an earlier frame had. */
      readonly frames: number;
      /** Frames that were compared. */
      readonly of: number;
      /** Where the first two are among the pairs given. */
      readonly example: readonly [number, number];
      /** Bytes in which the example's plaintexts differ and its keystreams agree: chance makes it 256^-this. */
      readonly agreeing: number;
      /** Bytes that the transform puts between clear prefix and ciphertext. */
      readonly header: number;
    }
  /** Equal plaintext blocks make equal ciphertext blocks, wherever they stand. */
  | {
      readonly kind: 'ecb';
      /** Blocks compared. */
      readonly blocks: number;
      /** Plaintext blocks that stood elsewhere before; each came out as it did before. */
      readonly agreeing: number;
      /** Different blocks among these. */
      readonly distinct: number;
      readonly header: number;
    }
  /** Frames grow by a fixed or nearly fixed number of bytes, and the output shows no relation to the input. */
  | {
      readonly kind: 'stream-or-aead';
      /** Chi-square of before XOR after, 255 degrees of freedom, over this many bytes. */
      readonly chiSquare: number;
      readonly bytes: number;
    }
  | { readonly kind: 'unknown'; readonly reason: string };

export type Identification = Observations & Finding;

/** Changed pairs without which nothing is claimed. */
export const MIN_PAIRS = 12;
/** Pairs beyond these are only counted. */
const MAX_PAIRS = 8192;
/** Header bytes between clear prefix and ciphertext that are tried; SFrame's longest is 17 (RFC 9605 §4.3). */
const MAX_HEADER = 24;
const MAX_PERIOD = 256;
const BLOCK = 16;
/** Blocks that are looked at for repeats: 4 MiB of plaintext. */
const MAX_BLOCKS = 1 << 18;
const CLEAR_RUN = 8;
/** Bytes by which clear runs may have moved: header, tag and nonce of any known scheme come to less. */
const MAX_SHIFT = 64;
/** Bytes of before XOR after below which `stream-or-aead` isn't claimed: a bytewise substitution has a bias near 1 for each byte. */
const MIN_RELATION_BYTES = 4096;

interface Changed extends FramePair {
  /** Its place among the pairs given. */
  readonly index: number;
  /** Of its kind. */
  clearPrefix: number;
}

/** Identifies the cipher that made `after` of `before`. The pairs should be one sender's, under one key. */
export function identify(pairs: readonly FramePair[]): Identification {
  const kinds = new Map<string, { all: number; unchanged: number; changed: Changed[] }>();
  let looked = 0;
  let room = MAX_PAIRS;
  const seen = new Set<string>();
  const resent = ({ before, after }: FramePair) => {
    const digest = createHash('sha256').update(`${before.length} `).update(before).update(after).digest('base64');
    return seen.size === seen.add(digest).size;
  };
  pairs.forEach((pair, index) => {
    if (pair.before.length === 0) return;
    looked++;
    const name = `${pair.medium} ${pair.key}`;
    const kind = kinds.get(name) ?? { all: 0, unchanged: 0, changed: [] };
    kinds.set(name, kind);
    kind.all++;
    if (isUnchanged(pair)) kind.unchanged++;
    else if (room > 0 && !resent(pair)) {
      room--;
      kind.changed.push({ ...pair, index, clearPrefix: 0 });
    }
  });
  const layouts: Layout[] = [];
  for (const [name, { all, unchanged, changed }] of kinds) {
    const clearPrefix = changed.length ? Math.min(...changed.map(commonPrefix)) : 0;
    for (const pair of changed) pair.clearPrefix = clearPrefix;
    const [medium, key] = name.split(' ');
    layouts.push({
      medium: medium as 'audio' | 'video',
      key: key === 'true',
      pairs: all,
      unchanged,
      clearPrefix,
      ...growth(changed),
      fixedTail: fixedTail(changed),
    });
  }
  const changed = [...kinds.values()].flatMap((kind) => kind.changed).sort((a, b) => a.index - b.index);
  const clearFrames = new Map(changed.map((pair) => [pair, clearBytes(pair)]));
  const clear = {
    bytes: [...clearFrames.values()].reduce((sum, n) => sum + n, 0),
    frames: [...clearFrames.values()].filter((n) => n > 0).length,
  };
  const sealed = changed.filter((pair) => clearFrames.get(pair) === 0);
  const unchanged = layouts.reduce((sum, layout) => sum + layout.unchanged, 0);
  return { pairs: looked, unchanged, layouts, clear, ...find(looked, changed, sealed, layouts) };
}

function find(looked: number, changed: Changed[], sealed: Changed[], layouts: Layout[]): Finding {
  if (looked < MIN_PAIRS) return unknown(`${looked} pairs are too few: ${MIN_PAIRS} are needed`);
  if (changed.length === 0) return { kind: 'none' };
  if (changed.length < MIN_PAIRS) return unknown(`only ${changed.length} of ${looked} frames were changed`);
  return (
    xor(changed) ??
    ecb(sealed) ??
    keystreamReuse(sealed) ??
    unrelated(
      changed,
      layouts.filter((layout) => layout.pairs > layout.unchanged),
    )
  );
}

function unknown(reason: string): Finding {
  return { kind: 'unknown', reason };
}

function isUnchanged({ before, after }: FramePair): boolean {
  if (after.length < before.length) return false;
  const length = before.length;
  const tail = after.length - length;
  return Buffer.compare(before, after.subarray(0, length)) === 0 || Buffer.compare(before, after.subarray(tail)) === 0;
}

function commonPrefix({ before, after }: FramePair): number {
  let n = 0;
  while (n < before.length && n < after.length && before[n] === after[n]) n++;
  return n;
}

function growth(pairs: readonly Changed[]): Pick<Layout, 'overhead' | 'padded'> {
  if (pairs.length === 0) return { overhead: { min: 0, max: 0 }, padded: false };
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const before = new Set<number>();
  const after = new Set<number>();
  for (const pair of pairs) {
    const overhead = pair.after.length - pair.before.length;
    min = Math.min(min, overhead);
    max = Math.max(max, overhead);
    before.add(pair.before.length % BLOCK);
    after.add(pair.after.length % BLOCK);
  }
  // A stream cipher would keep each of at least three lengths apart.
  return { overhead: { min, max }, padded: after.size === 1 && before.size >= 3 && max - min < BLOCK };
}

function fixedTail(pairs: readonly Changed[]): Layout['fixedTail'] {
  const first = pairs[0];
  if (!first || pairs.length < 4) return [];
  const fixed: { fromEnd: number; value: number }[] = [];
  for (let fromEnd = 1; fromEnd <= 32; fromEnd++) {
    const value = first.after.at(-fromEnd);
    if (value === undefined) break;
    if (pairs.every(({ after }) => after.at(-fromEnd) === value)) fixed.push({ fromEnd, value });
  }
  return fixed;
}

/** Offsets by which ciphertext may lie further back than its plaintext. */
function headers(pair: FramePair, most = MAX_HEADER): number {
  return Math.max(0, Math.min(most, pair.after.length - pair.before.length));
}

/** Bytes of the plaintext that stand in clear behind the prefix, at whichever shift shows most of them. */
function clearBytes(pair: Changed): number {
  let most = 0;
  for (let shift = 0; shift <= headers(pair, MAX_SHIFT); shift++) most = Math.max(most, clearBytesAt(pair, shift));
  return most;
}

function clearBytesAt({ before, after, clearPrefix }: Changed, shift: number): number {
  let bytes = 0;
  let done = clearPrefix;
  // A run that is long enough takes in one of these places.
  for (let i = clearPrefix + CLEAR_RUN - 1; i < before.length; i += CLEAR_RUN) {
    if (i < done || before[i] !== after[i + shift]) continue;
    let start = i;
    while (start > done && before[start - 1] === after[start - 1 + shift]) start--;
    let end = i + 1;
    while (end < before.length && before[end] === after[end + shift]) end++;
    if (end - start >= CLEAR_RUN) bytes += end - start;
    done = end;
  }
  return bytes;
}

function xor(pairs: readonly Changed[]): Finding | undefined {
  if (pairs.some(({ before, after }) => after.length < before.length)) return undefined;
  for (let period = 1; period <= MAX_PERIOD; period++) {
    for (const from of ['frame', 'prefix'] as const) {
      const found = repeatingKey(pairs, period, from);
      if (found) return { kind: 'xor', from, ...found };
    }
  }
  return undefined;
}

function repeatingKey(pairs: readonly Changed[], period: number, from: 'frame' | 'prefix') {
  const key = new Int16Array(period).fill(-1);
  let foretold = 0;
  let longest = 0;
  for (const { before, after, clearPrefix } of pairs) {
    const origin = from === 'frame' ? 0 : clearPrefix;
    longest = Math.max(longest, before.length - clearPrefix);
    for (let i = clearPrefix; i < before.length; i++) {
      const at = (i - origin) % period;
      const byte = before[i]! ^ after[i]!;
      if (key[at] === -1) key[at] = byte;
      else if (key[at] === byte) foretold++;
      else return undefined;
    }
  }
  // Twice round within one frame, or it might as well be one long keystream; and 1,024 bits that chance can't bring.
  const complete = key.every((byte) => byte !== -1);
  if (!complete || longest < 2 * period || foretold < 128) return undefined;
  return { key: Uint8Array.from(key), foretold };
}

function ecb(pairs: readonly Changed[]): Finding | undefined {
  const { blocks, repeats } = repeatedPlaintext(pairs);
  if (repeats.length === 0) return undefined;
  for (let header = 0; header <= MAX_HEADER; header++) {
    const found = equalBlocks(repeats, header);
    if (found && found.agreeing >= 4) return { kind: 'ecb', blocks, ...found, header };
  }
  return undefined;
}

/** One block of plaintext: its frame, and its offset in the frame. */
interface Place {
  pair: Changed;
  at: number;
}

/** Plaintext blocks that occur more than once, each with all its places; the first {@link MAX_BLOCKS} are looked at. */
function repeatedPlaintext(pairs: readonly Changed[]): { blocks: number; repeats: Place[][] } {
  const places = new Map<string, Place[]>();
  let blocks = 0;
  for (const pair of pairs) {
    for (let at = pair.clearPrefix; at + BLOCK <= pair.before.length && blocks < MAX_BLOCKS; at += BLOCK) {
      const plain = text(pair.before, at);
      const known = places.get(plain);
      if (known) known.push({ pair, at });
      else places.set(plain, [{ pair, at }]);
      blocks++;
    }
  }
  return { blocks, repeats: [...places.values()].filter((all) => all.length > 1) };
}

/** Whether equal plaintext blocks came out equal, each and every one; `undefined` where one didn't. */
function equalBlocks(repeats: readonly Place[][], header: number): { agreeing: number; distinct: number } | undefined {
  let agreeing = 0;
  let distinct = 0;
  for (const all of repeats) {
    const [first, ...others] = all.filter(({ pair }) => headers(pair) >= header);
    if (!first) continue;
    const sealed = text(first.pair.after, first.at + header);
    if (others.some(({ pair, at }) => text(pair.after, at + header) !== sealed)) return undefined;
    // At the same place in the frame a reused keystream would do it too.
    const place = first.at - first.pair.clearPrefix;
    const elsewhere = others.filter(({ pair, at }) => at - pair.clearPrefix !== place).length;
    agreeing += elsewhere;
    if (elsewhere > 0) distinct++;
  }
  return { agreeing, distinct };
}

function text(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.subarray(at, at + BLOCK)).toString('latin1');
}

function keystreamReuse(pairs: readonly Changed[]): Finding | undefined {
  const long = pairs.filter((pair) => pair.before.length >= pair.clearPrefix + BLOCK);
  const reused = new Set<Changed>();
  let shown: { example: readonly [number, number]; agreeing: number; header: number } | undefined;
  for (let header = 0; header <= MAX_HEADER; header++) {
    const first = new Map<string, Changed>();
    for (const pair of long) {
      if (headers(pair) < header) continue;
      const stream = keystream(pair, header);
      const earlier = first.get(stream);
      if (!earlier) {
        first.set(stream, pair);
        continue;
      }
      const agreeing = agreement(earlier, pair, header);
      // Frames that hardly differ would agree under a cipher that only depends on the frame.
      if (agreeing < 8) continue;
      reused.add(pair);
      shown ??= { example: [earlier.index, pair.index], agreeing, header };
    }
  }
  return shown && { kind: 'keystream-reuse', frames: reused.size, of: long.length, ...shown };
}

/** The first block of the keystream, if that many header bytes stand before the ciphertext. */
function keystream({ before, after, clearPrefix }: Changed, header: number): string {
  const stream = Buffer.alloc(BLOCK);
  for (let i = 0; i < BLOCK; i++) stream[i] = before[clearPrefix + i]! ^ after[clearPrefix + header + i]!;
  return stream.toString('latin1');
}

/** Bytes in which two plaintexts differ while the keystreams agree; 0 where the keystreams part in the first 256 bytes. */
function agreement(a: Changed, b: Changed, header: number): number {
  const length = Math.min(a.before.length - a.clearPrefix, b.before.length - b.clearPrefix, 256);
  let differing = 0;
  for (let i = 0; i < length; i++) {
    const x = a.clearPrefix + i;
    const y = b.clearPrefix + i;
    if ((a.before[x]! ^ a.after[x + header]!) !== (b.before[y]! ^ b.after[y + header]!)) return 0;
    if (a.before[x] !== b.before[y]) differing++;
  }
  return differing;
}

/** What is left when no relation was found: whether there is none, as far as the pairs can tell. */
function unrelated(pairs: readonly Changed[], layouts: readonly Layout[]): Finding {
  if (layouts.some((layout) => layout.padded)) {
    return unknown(
      'frames grow to whole blocks, but too few plaintext blocks repeat, or come out unequal: ECB is not shown',
    );
  }
  const irregular = layouts.find(({ overhead }) => overhead.min < 0 || overhead.max - overhead.min > BLOCK);
  if (irregular) {
    return unknown(
      `frames grow by ${irregular.overhead.min} to ${irregular.overhead.max} bytes, as no stream cipher does`,
    );
  }
  // A header between prefix and ciphertext has fixed bytes and would look like a relation.
  const streams = pairs.map(({ before, after, clearPrefix }) => {
    const start = clearPrefix + MAX_HEADER;
    return before.subarray(start).map((byte, i) => byte ^ after[start + i]!);
  });
  const relation = uniformity(streams, 'video');
  if (relation.bytes < MIN_RELATION_BYTES) {
    return unknown(`${relation.bytes} bytes are too few: ${MIN_RELATION_BYTES} are needed`);
  }
  if (relation.verdict === 'structured') {
    const { chiSquare, bytes } = relation;
    return unknown(`output and input are related: chi-square ${chiSquare.toFixed(0)} over ${bytes} bytes of their XOR`);
  }
  return { kind: 'stream-or-aead', chiSquare: relation.chiSquare, bytes: relation.bytes };
}
