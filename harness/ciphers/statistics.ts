/**
 * Statistics over captured bytes: how far they are from uniform, how much of a frame's start is structured, which cipher
 * blocks repeat. They support a finding or call one in doubt; by themselves they show neither that media is encrypted nor
 * that it isn't, since good codecs come close to uniform too.
 */
import { createHash, randomInt } from 'node:crypto';

/** Counts of the 256 byte values over all the chunks. Trim headers and trailers first: a few fixed bytes in each frame weigh in. */
export function histogram(chunks: Iterable<Uint8Array>): Float64Array {
  const counts = new Float64Array(256);
  for (const chunk of chunks) for (let i = 0; i < chunk.length; i++) counts[chunk[i]!]!++;
  return counts;
}

/** Pearson's chi-square of byte counts against equal counts; 255 degrees of freedom. 0 where there are no bytes. */
export function chiSquare(counts: Float64Array): number {
  let n = 0;
  let squares = 0;
  for (const count of counts) {
    n += count;
    squares += count * count;
  }
  return n === 0 ? 0 : (squares * 256) / n - n;
}

const FREEDOM = 255;
/** Pearson's test needs 5 expected in each cell (Cochran 1954). */
const MIN_BYTES = 5 * 256;
/**
 * Bias that passes for uniform: chi-square's excess for each byte, sum((p - 1/256)^2 * 256). One fixed byte in a packet of
 * 1,100 comes to 2.1e-4: a counter's top byte or a trailer that wasn't trimmed. Codecs are above ten times that; measured
 * on trimmed payload, 25 s of Chromium 156: VP8 2.8e-3, Opus 1.2e-2.
 */
const TOLERATED_BIAS = 2.1e-4;
/** Standard normal quantile: a uniform source passes it once in 3.5 million samples. */
const Z = 5;
/** Bytes after which the least biased codec measured lies more than 4 standard deviations above the threshold. */
const ENOUGH = { audio: 32 * 1024, video: 128 * 1024 } as const;

export interface Uniformity {
  /** `undecided`: it looks uniform, but so would a codec's output in a sample of this size. */
  readonly verdict: 'uniform' | 'structured' | 'undecided';
  readonly bytes: number;
  readonly chiSquare: number;
  /** Above this the bytes are structured. Grows with the sample, since a tolerated bias shows ever more clearly. */
  readonly threshold: number;
  /** Bytes below which nothing is called uniform. */
  readonly needed: number;
}

/**
 * The chi-square above which `bytes` bytes are not uniform within {@link TOLERATED_BIAS}: the {@link Z}-sigma quantile of the
 * noncentral chi-square distribution with noncentrality `bytes * TOLERATED_BIAS`. Approximated by a scaled central
 * chi-square of the same mean and variance (Patnaik 1949) and its quantile after Wilson and Hilferty (1931), within 1% of
 * the exact value. 385 for 1,280 bytes, 425 for 128 KiB, 673 for a million; a fixed threshold would call every long call
 * structured.
 */
export function uniformityThreshold(bytes: number): number {
  const lambda = bytes * TOLERATED_BIAS;
  const scale = (FREEDOM + 2 * lambda) / (FREEDOM + lambda);
  const freedom = (FREEDOM + lambda) ** 2 / (FREEDOM + 2 * lambda);
  const spread = 2 / (9 * freedom);
  return scale * freedom * (1 - spread + Z * Math.sqrt(spread)) ** 3;
}

/** Whether pooled bytes are uniform, as a good cipher's output is. Pool one stream's payload, trimmed of what is in clear. */
export function uniformity(chunks: Iterable<Uint8Array>, medium: 'audio' | 'video'): Uniformity {
  const counts = histogram(chunks);
  const bytes = counts.reduce((sum, count) => sum + count, 0);
  const statistic = chiSquare(counts);
  const threshold = uniformityThreshold(bytes);
  const needed = ENOUGH[medium];
  const structured = bytes >= MIN_BYTES && statistic > threshold;
  const verdict = structured ? 'structured' : bytes >= needed ? 'uniform' : 'undecided';
  return { verdict, bytes, chiSquare: statistic, threshold, needed };
}

export interface Position {
  /** Frames that are long enough to have a byte here. */
  readonly frames: number;
  /** The commonest byte here, and in how many of the frames it stands. */
  readonly value: number;
  readonly count: number;
  /** Whether uniform bytes would have one value so often less than once in a million positions. */
  readonly structured: boolean;
}

/** The commonest byte at each of the first `length` offsets of frames of one kind. */
export function positions(frames: readonly Uint8Array[], length = 32): Position[] {
  return Array.from({ length }, (_, offset) => {
    const counts = new Uint32Array(256);
    let n = 0;
    for (const frame of frames) {
      if (offset >= frame.length) continue;
      counts[frame[offset]!]!++;
      n++;
    }
    const count = Math.max(...counts);
    const structured = count > 0 && 256 * upperTail(n, count, 1 / 256) < 1e-6;
    return { frames: n, value: counts.indexOf(count), count, structured };
  });
}

/**
 * How many bytes at the start of frames of one kind are not a cipher's output: the offset behind the last structured
 * position. Takes in a cipher's own header (SFrame's config byte). A lower bound, as some bytes of a codec's header are as
 * good as random; `length` says that all that was looked at is structured.
 */
export function structuredPrefix(frames: readonly Uint8Array[], length = 32): number {
  return positions(frames, length).findLastIndex((position) => position.structured) + 1;
}

/** P(X >= k) for X binomial. */
function upperTail(n: number, k: number, p: number): number {
  if (k <= n * p) return 1;
  let logTerm = k * Math.log(p) + (n - k) * Math.log1p(-p);
  for (let i = 1; i <= k; i++) logTerm += Math.log((n - k + i) / i);
  let term = Math.exp(logTerm);
  let sum = 0;
  for (let i = k; i <= n && term > sum * 1e-12; i++) {
    sum += term;
    term *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return sum;
}

const BLOCK = 16;
/** Blocks that are compared at each alignment: 4 MiB of ciphertext, in a table of 2 MiB. */
const MAX_BLOCKS = 1 << 18;
/** Bytes at each end of a frame that are held against the same bytes of other frames. */
const LONGEST_HEADER = 1024;

export interface RepeatedBlocks {
  /** The alignment with the most repeats: the offset behind the clear prefix, 0 to 15, at which blocks begin. */
  readonly alignment: number;
  /** Blocks compared at that alignment. */
  readonly blocks: number;
  /** Blocks there that are equal to an earlier one, but for those of headers and trailers. */
  readonly repeated: number;
  /** How many repeats random bytes would have: n(n-1)/2 / 2^128. */
  readonly expected: number;
  /** Repeats at each alignment. ECB shows at one, and at others only within runs; media in clear shows at any. */
  readonly byAlignment: readonly number[];
  /** The blocks that repeat most at that alignment, most first, at most 8. */
  readonly commonest: readonly { block: Uint8Array; times: number }[];
  /** Frames left out since they are equal to an earlier one: a resend has all its blocks repeated under any cipher. */
  readonly duplicateFrames: number;
  /** Frames that were left out for the bound on memory. */
  readonly unread: number;
}

/**
 * Looks for 16-byte blocks that occur more than once, as they do in ECB wherever the plaintext's do. Searches all 16
 * alignments behind the clear prefix; exact (blocks are compared, not only their hashes).
 *
 * @param frames Frames under one key. Different kinds of frames may have different clear prefixes: `clearPrefix` says each one's.
 * Frames that are `whole` may have headers and trailers of unknown length: there a block at a distance from the frame's start or end
 * at which it stood before is no repeat, nor is one of bytes that most frames have there.
 */
export function repeatedBlocks<F extends { readonly data: Uint8Array; readonly whole?: boolean }>(
  frames: readonly F[],
  options: { clearPrefix: number | ((frame: F) => number) },
): RepeatedBlocks {
  const { clearPrefix } = options;
  const rests: Uint8Array[] = [];
  const whole: boolean[] = [];
  const seen = new Set<string>();
  let room = MAX_BLOCKS;
  let duplicateFrames = 0;
  let unread = 0;
  for (const frame of frames) {
    const rest = frame.data.subarray(typeof clearPrefix === 'number' ? clearPrefix : clearPrefix(frame));
    const blocks = Math.floor(rest.length / BLOCK);
    if (blocks === 0) continue;
    const digest = createHash('sha256').update(rest).digest('base64');
    if (seen.has(digest)) duplicateFrames++;
    else if (blocks > room) unread++;
    else {
      seen.add(digest);
      room -= blocks;
      rests.push(rest);
      whole.push(frame.whole ?? false);
    }
  }
  const bytes = Buffer.concat(rests);
  const starts: number[] = [];
  let start = 0;
  for (const rest of rests) {
    starts.push(start);
    start += rest.length;
  }
  starts.push(start);

  const steady = new Steady(rests.filter((_, index) => whole[index]));
  const passes = Array.from({ length: BLOCK }, (_, alignment) => countRepeats(bytes, starts, alignment, whole, steady));
  const repeats = passes.map((pass) => pass.repeated);
  const alignment = repeats.indexOf(Math.max(...repeats));
  const { blocks, repeated, times } = passes[alignment]!;
  const commonest = [...times]
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, 8)
    .map(([at, n]) => ({ block: bytes.subarray(at, at + BLOCK), times: n }));
  const expected = (blocks * (blocks - 1)) / 2 / 2 ** 128;
  return { alignment, blocks, repeated, expected, byAlignment: repeats, commonest, duplicateFrames, unread };
}

/** Multipliers of the table's hash: unforeseeable, so that no sender can craft blocks that all fall into one slot. */
const MULTIPLIERS = Array.from({ length: 4 }, () => randomInt(2 ** 31) * 2 + 1);
const TABLE = 2 * MAX_BLOCKS;
const table = new Int32Array(TABLE);

/** The bytes that most frames have at a distance from their start, and from their end: a header's and a trailer's. */
class Steady {
  readonly #head: Int16Array;
  readonly #tail: Int16Array;

  constructor(frames: readonly Uint8Array[]) {
    this.#head = commonBytes(frames, (frame, distance) => frame[distance]);
    this.#tail = commonBytes(frames, (frame, distance) => frame[frame.length - 1 - distance]);
  }

  /** Whether a block is made of them. */
  has(bytes: Uint8Array, at: number, start: number, end: number): boolean {
    let [inHead, inTail] = [true, true];
    for (let i = at; i < at + BLOCK && (inHead || inTail); i++) {
      inHead &&= this.#head[i - start] === bytes[i];
      inTail &&= this.#tail[end - 1 - i] === bytes[i];
    }
    return inHead || inTail;
  }
}

/** At each distance, the byte that more than half of the frames have there; -1 where there is none. */
function commonBytes(
  frames: readonly Uint8Array[],
  byteAt: (frame: Uint8Array, distance: number) => number | undefined,
): Int16Array {
  const lengths = Uint32Array.from(frames, ({ length }) => length).sort();
  const median = frames.length > 1 ? lengths[frames.length >> 1]! : 0;
  return Int16Array.from({ length: Math.min(median, LONGEST_HEADER) }, (_, distance) => {
    const counts = new Uint32Array(256);
    for (const frame of frames) {
      const byte = byteAt(frame, distance);
      if (byte !== undefined) counts[byte]!++;
    }
    return counts.findIndex((count) => count > frames.length / 2);
  });
}

/** One pass: repeats at an alignment; `times` counts how often each block that repeats occurs, by where it first stood. */
function countRepeats(
  bytes: Buffer,
  starts: readonly number[],
  alignment: number,
  whole: readonly boolean[],
  steady: Steady,
) {
  table.fill(-1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const times = new Map<number, number>();
  /** By where a block first stood: its distances from the start (0 and above) and the end (below 0) of frames. */
  const places = new Map<number, Set<number>>();
  let blocks = 0;
  let repeated = 0;
  for (let frame = 0; frame + 1 < starts.length; frame++) {
    const end = starts[frame + 1]! - BLOCK;
    for (let at = starts[frame]! + alignment; at <= end; at += BLOCK) {
      blocks++;
      let slot = hash(view, at) & (TABLE - 1);
      while (table[slot] !== -1 && !equal(view, table[slot]!, at)) slot = (slot + 1) & (TABLE - 1);
      const first = table[slot]!;
      if (first === -1) table[slot] = at;
      else if (!whole[frame] || isElsewhere(first, frame, at)) {
        repeated++;
        times.set(first, (times.get(first) ?? 1) + 1);
      }
    }
  }
  return { blocks, repeated, times };

  function isElsewhere(first: number, frame: number, at: number): boolean {
    if (steady.has(bytes, at, starts[frame]!, starts[frame + 1]!)) return false;
    const known = places.get(first) ?? new Set(placeOf(frameAt(starts, first), first));
    places.set(first, known);
    const place = placeOf(frame, at);
    const isKnown = place.some((distance) => known.has(distance));
    for (const distance of place) known.add(distance);
    return !isKnown;
  }

  function placeOf(frame: number, at: number): [number, number] {
    return [at - starts[frame]!, at - starts[frame + 1]!];
  }
}

/** The frame that an offset lies in, by halving. */
function frameAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle;
  }
  return low;
}

function hash(view: DataView, at: number): number {
  let h = 0;
  for (let i = 0; i < 4; i++) {
    h = Math.imul(h ^ view.getUint32(at + 4 * i), MULTIPLIERS[i]!);
    h ^= h >>> 15;
  }
  return h;
}

function equal(view: DataView, a: number, b: number): boolean {
  return view.getBigUint64(a) === view.getBigUint64(b) && view.getBigUint64(a + 8) === view.getBigUint64(b + 8);
}
