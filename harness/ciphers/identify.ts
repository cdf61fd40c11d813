/**
 * Tells an application's cipher from pairs of frames: what its transform got and what it gave. No key is needed, and
 * whatever the pairs don't show isn't claimed. A key that is known shows more: see {@link Form.opened}.
 */
import { createHash } from 'node:crypto';
import { BLOCK, type Changed, type FramePair, headers, MAX_HEADER, MIN_PAIRS } from './pairs.ts';
import {
  type Chained,
  chainedBlocks,
  type EqualBlocks,
  equalBlocks,
  type Repeats,
  repeatedPlaintext,
  unequalBlocks,
} from './pairs-blocks.ts';
import { type Form, formsOf, type Known } from './pairs-forms.ts';
import { type KeystreamReuse, keystreamReuse } from './pairs-keystream.ts';
import { type RepeatingKey, repeatingKey } from './pairs-xor.ts';
import { type Uniformity, uniformity } from './statistics.ts';

export { type FramePair, MIN_PAIRS, type Place } from './pairs.ts';
export type { Field, Form, Nonce } from './pairs-forms.ts';
export type { OpenedForm, OpenedNonce, OpenedTag } from './pairs-key.ts';

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
  /** By how much frames grow, the commonest first: a header whose length varies makes several. */
  readonly forms: readonly Form[];
}

/** What all identifications hold. */
export interface Observations {
  /** Pairs that were looked at; empty frames are left out. */
  readonly pairs: number;
  readonly unchanged: number;
  /**
   * Changed pairs that are equal to an earlier one, before and after: frames sent twice, or a cipher that depends on nothing
   * but the frame.
   */
  readonly again: number;
  readonly layouts: readonly Layout[];
  /**
   * Plaintext beyond the clear prefix that changed frames still carry: bytes in runs of at least 8, and the frames. Random
   * bytes have such a run once in 2^64 places.
   */
  readonly clear: { readonly bytes: number; readonly frames: number };
}

/** That output and input show no relation: chi-square of before XOR after, 255 degrees of freedom, over this many bytes. */
interface Unrelated {
  readonly chiSquare: number;
  readonly bytes: number;
}

export type Finding =
  /** Every frame goes out as it is. */
  | { readonly kind: 'none' }
  /** A short key repeats over every frame. */
  | ({ readonly kind: 'xor' } & RepeatingKey)
  /** Different frames were combined with the same keystream: whoever knows one frame reads the other, or that part of it. */
  | ({ readonly kind: 'keystream-reuse' } & KeystreamReuse)
  /** Equal plaintext blocks make equal ciphertext blocks, wherever they stand. */
  | ({ readonly kind: 'ecb' } & EqualBlocks)
  /**
   * Frames grow to whole blocks, as CBC makes them, and equal plaintext blocks come out unequal. Other ciphers look the same
   * behind a padding, unless chaining is seen.
   */
  | {
      readonly kind: 'cbc-like';
      /** Plaintext blocks that came out otherwise than the same block did before. */
      readonly unequal: number;
      /** `undefined` where no two frames have an equal IV and begin with equal blocks. */
      readonly chained: Chained | undefined;
    }
  /**
   * As `stream-or-aead`, and the frame has no room for a tag: no form leaves 4 bytes unexplained, which is the shortest tag in
   * use. A tag may still travel apart from the frame.
   */
  | ({ readonly kind: 'stream' } & Unrelated)
  /**
   * Frames grow by a fixed or nearly fixed number of bytes, and the output shows no relation to the input. Whether a tag is
   * among those bytes shows only with the key; {@link Form.unexplained} is what there is room for.
   */
  | ({ readonly kind: 'stream-or-aead' } & Unrelated)
  | { readonly kind: 'unknown'; readonly reason: string };

export type Identification = Observations & Finding;

/** Pairs beyond these are only counted. */
const MAX_PAIRS = 8192;
/** A stream cipher would keep each of that many lengths apart; where there are fewer, whole blocks may be chance. */
const MIN_LENGTHS = 3;
const CLEAR_RUN = 8;
/** Bytes by which clear runs may have moved: header, tag and nonce of any known scheme come to less. */
const MAX_SHIFT = 64;
/** Bytes of before XOR after below which `stream-or-aead` isn't claimed: a bytewise substitution has a bias near 1 for each byte. */
const MIN_RELATION_BYTES = 4096;
/** Pairs of a kind below which its clear prefix is too uncertain to align blocks by. */
const MIN_ALIGNED = 4;
/** RFC 9605 §4.5, suite 3; SRTP's are no shorter (RFC 4568 §6.2.2). */
const SHORTEST_TAG = 4;

/** Frames of one medium, key frames or others. */
interface Kind extends Pick<Layout, 'medium' | 'key'> {
  pairs: number;
  unchanged: number;
  readonly given: Omit<Changed, 'clearPrefix' | 'room'>[];
}

/** What is known of a kind before the cipher is. */
type Outline = Omit<Layout, 'forms'> & { readonly changed: readonly Changed[] };

/**
 * Identifies the cipher that made `after` of `before`. The pairs should be one sender's, under one key. Their order
 * matters only to how few frames show a counter.
 *
 * @param key Of the cipher itself, as long as that needs it: one from before a key derivation opens nothing.
 */
export function identify(pairs: readonly FramePair[], key?: Uint8Array): Identification {
  const { kinds, looked, again, different } = sorted(pairs);
  const outlines = kinds.map(outlined);
  const changed = outlines.flatMap((outline) => outline.changed).sort((a, b) => a.index - b.index);
  const clearFrames = new Map(changed.map((pair) => [pair, clearBytes(pair)]));
  const clear = {
    bytes: [...clearFrames.values()].reduce((sum, n) => sum + n, 0),
    frames: [...clearFrames.values()].filter((n) => n > 0).length,
  };
  const sealed = changed.filter((pair) => clearFrames.get(pair) === 0);
  const found = find(different, changed, sealed, outlines);
  const known: Known = {
    header: headerOf(found),
    sealed: found.kind !== 'unknown' && found.kind !== 'none',
    oneKeystream: found.kind === 'keystream-reuse' && found.shift === 0 && found.frames === found.of - 1,
    inOrder: true,
    key,
  };
  const layouts = laidOut(outlines, sealed, known);
  const unchanged = layouts.reduce((sum, layout) => sum + layout.unchanged, 0);
  const seen = { pairs: looked, unchanged, again, layouts, clear };
  // The kind may not depend on the order in which pairs are given, even if that hides a counter.
  const tagless =
    found.kind === 'stream-or-aead' &&
    !hasRoomForTag(layouts) &&
    !hasRoomForTag(laidOut(outlines, sealed, { ...known, inOrder: false, key: undefined }));
  return tagless ? { ...seen, ...found, kind: 'stream' } : { ...seen, ...found };
}

function laidOut(outlines: readonly Outline[], sealed: readonly Changed[], known: Known): Layout[] {
  return outlines.map(({ changed: _, ...layout }) => {
    const alike = sealed.filter(({ medium }) => medium === layout.medium);
    const kind = alike.filter(({ key }) => key === layout.key);
    return { ...layout, forms: formsOf(kind, alike, known) };
  });
}

/** Pairs by kind; those that are equal to an earlier one are only counted. */
function sorted(pairs: readonly FramePair[]) {
  const kinds = new Map<string, Kind>();
  const seen = new Set<string>();
  let looked = 0;
  let again = 0;
  let changed = 0;
  pairs.forEach((pair, index) => {
    const { medium, key, before, after } = pair;
    if (before.length === 0) return;
    looked++;
    const name = `${medium} ${key}`;
    const kind = kinds.get(name) ?? { medium, key, pairs: 0, unchanged: 0, given: [] };
    kinds.set(name, kind);
    kind.pairs++;
    const same = isUnchanged(pair);
    if (same) kind.unchanged++;
    if (changed >= MAX_PAIRS) return;
    const digest = createHash('sha256').update(`${before.length} `).update(before).update(after).digest('base64');
    const known = seen.has(digest);
    seen.add(digest);
    if (same) return;
    if (known) {
      again++;
      return;
    }
    changed++;
    kind.given.push({ medium, key, before, after, index });
  });
  return { kinds: [...kinds.values()], looked, again, different: seen.size };
}

function outlined({ given, ...kind }: Kind): Outline {
  const clearPrefix = given.reduce((least, pair) => Math.min(least, commonPrefix(pair)), Number.POSITIVE_INFINITY);
  const prefix = given.length > 0 ? clearPrefix : 0;
  const { overhead, padded } = growth(given);
  const padding = padded ? paddingOf(given, prefix) : undefined;
  const changed = given.map((pair) => ({
    ...pair,
    clearPrefix: prefix,
    room: pair.after.length - pair.before.length - (padding?.(pair) ?? 0),
  }));
  return { ...kind, clearPrefix: prefix, overhead, padded, fixedTail: fixedTail(given), changed };
}

function find(different: number, changed: Changed[], sealed: Changed[], outlines: readonly Outline[]): Finding {
  if (different < MIN_PAIRS) return unknown(`${different} different pairs are too few: ${MIN_PAIRS} are needed`);
  if (changed.length === 0) return { kind: 'none' };
  if (changed.length < MIN_PAIRS) return unknown(`only ${changed.length} of ${different} frames were changed`);
  const xor = repeatingKey(changed);
  if (xor) return { kind: 'xor', ...xor };
  const uncertain = new Set(outlines.flatMap(({ changed }) => (changed.length < MIN_ALIGNED ? changed : [])));
  const aligned = sealed.filter((pair) => !uncertain.has(pair));
  const repeats = repeatedPlaintext(aligned);
  const ecb = equalBlocks(repeats);
  if (ecb) return { kind: 'ecb', ...ecb };
  const reuse = keystreamReuse(aligned);
  if (reuse) return { kind: 'keystream-reuse', ...reuse };
  const layouts = outlines.filter((outline) => outline.changed.length > 0);
  return blocks(layouts, aligned, repeats) ?? unrelated(changed, layouts);
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

function growth(pairs: readonly FramePair[]): Pick<Layout, 'overhead' | 'padded'> {
  if (pairs.length === 0) return { overhead: { min: 0, max: 0 }, padded: false };
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  const after = new Set<number>();
  for (const pair of pairs) {
    const overhead = pair.after.length - pair.before.length;
    min = Math.min(min, overhead);
    max = Math.max(max, overhead);
    after.add(pair.after.length % BLOCK);
  }
  return { overhead: { min, max }, padded: after.size === 1 && lengths(pairs) >= MIN_LENGTHS && max - min < BLOCK };
}

/** How many different lengths, as far as a block cipher goes. */
function lengths(pairs: readonly FramePair[]): number {
  return new Set(pairs.map(({ before }) => before.length % BLOCK)).size;
}

/** Bytes of padding to whole blocks of what is behind the clear prefix, if frames grow by equally many bytes beside it. */
function paddingOf(pairs: readonly FramePair[], clearPrefix: number): ((pair: FramePair) => number) | undefined {
  const missing = ({ before }: FramePair) => BLOCK - ((before.length - clearPrefix) % BLOCK);
  // PKCS#7 adds a block to whole blocks (RFC 5652 §6.3), zero padding doesn't.
  return [missing, (pair: FramePair) => missing(pair) % BLOCK].find((padding) => {
    const beside = pairs.map((pair) => pair.after.length - pair.before.length - padding(pair));
    return beside.every((bytes) => bytes === beside[0]);
  });
}

function fixedTail(pairs: readonly FramePair[]): Layout['fixedTail'] {
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

/** Whether frames that grow to whole blocks came out of chained ones; `undefined` where they don't grow so. */
function blocks(layouts: readonly Outline[], aligned: readonly Changed[], repeats: Repeats): Finding | undefined {
  if (!layouts.some(({ padded }) => padded)) return undefined;
  const otherwise = layouts.some(({ padded, changed }) => !padded && lengths(changed) >= MIN_LENGTHS);
  if (otherwise) return unknown('frames of one kind grow to whole blocks, those of another do not');
  const unequal = unequalBlocks(repeats);
  if (unequal === undefined) {
    return unknown(
      'frames grow to whole blocks, but too few plaintext blocks repeat, or come out unequal: ECB is not shown',
    );
  }
  const chained = chainedBlocks(aligned);
  const { verdict, chiSquare, bytes } = relation(aligned);
  // Blocks that chaining makes equal in many frames look like a relation.
  if (!chained && verdict === 'structured') return related(chiSquare, bytes);
  return { kind: 'cbc-like', unequal, chained };
}

/** What is left when no relation was found: whether there is none, as far as the pairs can tell. */
function unrelated(pairs: readonly Changed[], layouts: readonly Outline[]): Finding {
  const irregular = layouts.find(({ overhead }) => overhead.min < 0 || overhead.max - overhead.min > BLOCK);
  if (irregular) {
    return unknown(
      `frames grow by ${irregular.overhead.min} to ${irregular.overhead.max} bytes, as no stream cipher does`,
    );
  }
  if (layouts.every(({ changed }) => lengths(changed) < MIN_LENGTHS)) {
    return unknown('frames have too few lengths to tell whole blocks from a stream cipher');
  }
  const { verdict, chiSquare, bytes } = relation(pairs);
  if (bytes < MIN_RELATION_BYTES) return unknown(`${bytes} bytes are too few: ${MIN_RELATION_BYTES} are needed`);
  if (verdict === 'structured') return related(chiSquare, bytes);
  return { kind: 'stream-or-aead', chiSquare, bytes };
}

function relation(pairs: readonly Changed[]): Uniformity {
  // A header between prefix and ciphertext has fixed bytes and would look like a relation.
  const streams = pairs.map(({ before, after, clearPrefix }) => {
    const start = clearPrefix + MAX_HEADER;
    return before.subarray(start).map((byte, i) => byte ^ after[start + i]!);
  });
  return uniformity(streams, 'video');
}

function related(chiSquare: number, bytes: number): Finding {
  return unknown(`output and input are related: chi-square ${chiSquare.toFixed(0)} over ${bytes} bytes of their XOR`);
}

/** Bytes between clear prefix and ciphertext, where the finding rests on them. */
function headerOf(found: Finding): number | undefined {
  if (found.kind === 'xor') return 0;
  if (found.kind === 'ecb' || found.kind === 'keystream-reuse') return found.header;
  return found.kind === 'cbc-like' ? found.chained?.header : undefined;
}

function hasRoomForTag(layouts: readonly Layout[]): boolean {
  return layouts.some(({ forms }) =>
    forms.some(({ overhead, unexplained }) => (unexplained ?? overhead) >= SHORTEST_TAG),
  );
}
