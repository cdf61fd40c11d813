/**
 * Finds numbers that run on (counters, timestamps) in bytes that stand at the same places of many frames.
 *
 * The measure is how much shorter the bytes become when each number is written as its difference from the one before. Bytes
 * drawn at random become b bits shorter than their likelihood allows with a probability of at most 2^-b, whatever the code
 * (Kraft's inequality) and however they are distributed, as long as frames and places are drawn apart. Frames are taken in the
 * order given, or else in that of a number among them, which is paid for in bits.
 */

/**
 * Bits that a number must save, and that its first and last byte must add. At most 2^11 numbers are tried on the ends of a
 * form's frames.
 */
const EVIDENCE = 40;
/** Bytes of a number that change; 48 bits still fit a double. */
const MAX_WIDTH = 6;
/** Frames, evenly spread, in which numbers are sought that run on in the order given. */
const MAX_ORDERED = 256;
/** Frames in which an order is sought: of a few of many, neighbours would be too far apart. */
const MAX_UNORDERED = 1024;

/** The bytes at one place, one for each frame. */
export type Column = Uint8Array;
export type ByteOrder = 'big-endian' | 'little-endian';

/** Neighbouring columns that aren't random bytes, one of which changes at least. */
export interface Patterned {
  readonly at: number;
  readonly length: number;
  /** How it runs on; `undefined` where most are equal to another, or no order is seen. */
  readonly counter: Counting | undefined;
}

export interface Counting {
  /** `undefined` for a single byte. */
  readonly byteOrder: ByteOrder | undefined;
  /** The commonest difference of neighbours, and the share of differences that are this one. */
  readonly step: number;
  readonly share: number;
}

/**
 * What runs on or has few values. A number's bytes that never change are left out, as are all constant columns.
 *
 * @param inOrder Whether to look at frames in the order given first, which takes fewer of them. Without that, the result is the
 * same for shuffled frames, up to 1,024 of them.
 */
export function patterns(columns: readonly Column[], inOrder: boolean): Patterned[] {
  const given = inOrder ? asGiven(columns) : undefined;
  const { found, ordered, looked } = given?.found.some(({ byteOrder }) => byteOrder) ? given : inOwnOrder(columns);
  const rare = columns.flatMap((column, at) =>
    isConstant(looked[at]!) && !isConstant(column) && 8 * column.length - codeLength(column) > EVIDENCE ? [at] : [],
  );
  return [
    ...found.map(({ at, length, byteOrder }) => ({
      at,
      length,
      counter: byteOrder && counting(numbers(columns, at, length, byteOrder), length, byteOrder, ordered),
    })),
    ...rare.map((at) => ({ at, length: 1, counter: undefined })),
  ].sort((a, b) => a.at - b.at);
}

interface Division {
  readonly found: readonly Segment[];
  /** Whether frames are in the order given. */
  readonly ordered: boolean;
  /** What it rests on. */
  readonly looked: readonly Column[];
}

function asGiven(columns: readonly Column[]): Division {
  // Odd, as steps are often even: every fourth of Opus's timestamps has the same low byte.
  const stride = Math.ceil((columns[0]?.length ?? 0) / MAX_ORDERED) | 1;
  const looked = columns.map((column) => column.filter((_, frame) => frame % stride === 0));
  return { found: divided(looked, true), ordered: true, looked };
}

function inOwnOrder(columns: readonly Column[]): Division {
  const looked = columns.map((column) => column.subarray(0, MAX_UNORDERED));
  const order = ordering(looked);
  const sorted = order && looked.map((column) => Uint8Array.from(order, (frame) => column[frame]!));
  return { found: divided(sorted ?? looked, order !== undefined), ordered: false, looked };
}

export function isConstant(column: Column): boolean {
  return column.every((byte) => byte === column[0]);
}

/** Runs of columns that change. */
function stretches(columns: readonly Column[]): [number, number][] {
  const runs: [number, number][] = [];
  columns.forEach((column, at) => {
    if (isConstant(column)) return;
    const last = runs.at(-1);
    if (last?.[1] === at) last[1]++;
    else runs.push([at, at + 1]);
  });
  return runs;
}

function numbers(columns: readonly Column[], at: number, length: number, byteOrder: ByteOrder): Float64Array {
  const values = new Float64Array(columns[at]?.length ?? 0);
  for (let i = 0; i < length; i++) {
    const column = columns[byteOrder === 'big-endian' ? at + i : at + length - 1 - i]!;
    for (let frame = 0; frame < values.length; frame++) values[frame] = values[frame]! * 256 + column[frame]!;
  }
  return values;
}

/** The frames' order by the number with the most values; `undefined` where none is one beyond doubt. */
function ordering(columns: readonly Column[]): number[] | undefined {
  let best: Sorted | undefined;
  let most = 0;
  for (const [from, to] of stretches(columns)) {
    const entropies = columns.slice(from, to).map(entropy);
    for (const byteOrder of ['big-endian', 'little-endian'] as const) {
      const known = new Map<string, Sorted>();
      const sortedAt = (at: number, length: number): Sorted => {
        const name = `${at} ${length}`;
        const found = known.get(name) ?? sorted(numbers(columns, at, length, byteOrder), 256 ** length);
        known.set(name, found);
        return found;
      };
      const saved = (at: number, length: number) => {
        return length === 0 ? 0 : Math.max(0, sum(entropies, at - from, length) - sortedAt(at, length).bits);
      };
      for (let at = from; at < to; at++)
        for (let length = 1; length <= Math.min(MAX_WIDTH, to - at); length++) {
          const bits = saved(at, length);
          if (bits < EVIDENCE || bits - Math.max(saved(at, length - 1), saved(at + 1, length - 1)) < EVIDENCE) continue;
          const found = sortedAt(at, length);
          if (best && (found.distinct < best.distinct || (found.distinct === best.distinct && bits <= most))) continue;
          best = found;
          most = bits;
        }
    }
  }
  return best && orderOf(best);
}

/** Bits of a column at its likeliest distribution: no random source makes them more likely. */
function entropy(column: Column): number {
  const times = new Uint32Array(256);
  for (const byte of column) times[byte]!++;
  return times.reduce((bits, count) => (count > 0 ? bits - count * Math.log2(count / column.length) : bits), 0);
}

function sum(bits: readonly number[], at: number, length: number): number {
  return bits.slice(at, at + length).reduce((total, more) => total + more, 0);
}

interface Sorted {
  readonly values: Float64Array;
  readonly modulus: number;
  /** To write which numbers there are, in their own order, and then which frame has which. */
  readonly bits: number;
  readonly distinct: number;
}

function sorted(values: Float64Array, modulus: number): Sorted {
  const ascending = values.slice().sort();
  const n = values.length;
  const from = start(ascending, modulus);
  const gaps = new Float64Array(Math.max(0, n - 1));
  for (let i = 0; i < gaps.length; i++)
    gaps[i] = (ascending[(from + i + 1) % n]! - ascending[(from + i) % n]! + modulus) % modulus;
  let orders = logFactorial(n);
  let equal = 1;
  let distinct = 1;
  for (const gap of gaps) {
    if (gap === 0) equal++;
    else {
      orders -= logFactorial(equal);
      equal = 1;
      distinct++;
    }
  }
  orders -= logFactorial(equal);
  return { values, modulus, distinct, bits: Math.log2(modulus) + orders + codeLength(gaps) };
}

/** Where numbers that wrap round begin: behind the largest gap. */
function start(ascending: Float64Array, modulus: number): number {
  const n = ascending.length;
  let from = 0;
  let largest = -1;
  for (let i = 0; i < n; i++) {
    const gap = i === 0 ? ascending[0]! - ascending[n - 1]! + modulus : ascending[i]! - ascending[i - 1]!;
    if (gap <= largest) continue;
    largest = gap;
    from = i;
  }
  return from;
}

function orderOf({ values, modulus }: Pick<Sorted, 'values' | 'modulus'>): number[] {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]! || a - b);
  const ascending = Float64Array.from(order, (frame) => values[frame]!);
  const from = start(ascending, modulus);
  return [...order.slice(from), ...order.slice(0, from)];
}

/** Bits that a sequence of whole numbers takes: each as one of those seen before it, or new (Elias' gamma code). */
function codeLength(symbols: Float64Array | Column): number {
  const seen = new Map<number, number>();
  let bits = 0;
  symbols.forEach((symbol, i) => {
    const times = seen.get(symbol) ?? 0;
    bits += Math.log2((i + 1) / (times || 1));
    if (times === 0) bits += 2 * Math.floor(Math.log2(symbol + 1)) + 1;
    seen.set(symbol, times + 1);
  });
  return bits;
}

const LOG_FACTORIALS = [0];
function logFactorial(n: number): number {
  while (LOG_FACTORIALS.length <= n) LOG_FACTORIALS.push(LOG_FACTORIALS.at(-1)! + Math.log2(LOG_FACTORIALS.length));
  return LOG_FACTORIALS[n]!;
}

interface Segment {
  readonly at: number;
  readonly length: number;
  /** Of a number; `undefined` for a byte of few values. */
  readonly byteOrder: ByteOrder | undefined;
}

interface Path {
  readonly bits: number;
  readonly found: readonly Segment[];
}

const ORDERS: readonly ByteOrder[] = ['big-endian', 'little-endian'];

/** Divides columns into numbers, bytes of few values, and random bytes, so that all of them are shortest. */
function divided(columns: readonly Column[], inOrder: boolean): Segment[] {
  return stretches(columns).flatMap(([from, to]) => segmented(columns, from, to, inOrder));
}

/** The same for columns that all change. */
function segmented(columns: readonly Column[], from: number, to: number, inOrder: boolean): readonly Segment[] {
  const likely = columns.map((column, at) => (at >= from && at < to ? entropy(column) : 0));
  const paths: Path[] = [{ bits: 0, found: [] }];
  for (let end = from + 1; end <= to; end++) {
    const previous = paths[end - 1 - from]!;
    const column = columns[end - 1]!;
    let best: Path = { bits: previous.bits + 8 * column.length, found: previous.found };
    const propose = (bits: number, segment: Segment) => {
      const earlier = paths[segment.at - from]!;
      const total = earlier.bits + bits + EVIDENCE;
      if (total < best.bits) best = { bits: total, found: [...earlier.found, segment] };
    };
    propose(codeLength(column), { at: end - 1, length: 1, byteOrder: undefined });
    for (let length = 1; inOrder && length <= Math.min(MAX_WIDTH, end - from); length++)
      for (const byteOrder of ORDERS.slice(0, length)) {
        const at = end - length;
        const steps = differences(numbers(columns, at, length, byteOrder), 256 ** length);
        const bits = 8 * length + codeLength(steps);
        // Or bytes drawn from a narrow range would seem to run on.
        if (sum(likely, at, length) - bits >= EVIDENCE) propose(bits, { at, length, byteOrder });
      }
    paths.push(best);
  }
  return paths.at(-1)!.found;
}

/** From each number to the next, up or down, written as whole numbers: 0, -1, 1, -2, 2, ... */
function differences(values: Float64Array, modulus: number): Float64Array {
  const steps = new Float64Array(Math.max(0, values.length - 1));
  for (let i = 0; i < steps.length; i++) {
    const up = (values[i + 1]! - values[i]! + modulus) % modulus;
    steps[i] = up < modulus / 2 ? 2 * up : 2 * (modulus - up) - 1;
  }
  return steps;
}

/** `undefined` where most numbers are equal to their neighbours. */
function counting(values: Float64Array, length: number, byteOrder: ByteOrder, ordered: boolean): Counting | undefined {
  const modulus = 256 ** length;
  const own = ordered ? values : Float64Array.from(orderOf({ values, modulus }), (frame) => values[frame]!);
  const steps = differences(own, modulus);
  const times = new Map<number, number>();
  for (const step of steps) times.set(step, (times.get(step) ?? 0) + 1);
  const [written, count] = [...times].reduce((best, one) => (one[1] > best[1] ? one : best), [0, 0]);
  if (written === 0) return undefined;
  const step = written % 2 === 0 ? written / 2 : -(written + 1) / 2;
  return { byteOrder: length === 1 ? undefined : byteOrder, step, share: count / steps.length };
}
