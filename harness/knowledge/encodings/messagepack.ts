/** MessagePack (github.com/msgpack/msgpack, spec.md): a message of objects and arrays, up to its end. */
import {
  type Budget,
  DEEPEST_NESTING,
  distinct,
  type Encoding,
  joined,
  MOST_PARTS,
  named,
  type Run,
  SHORTEST,
  STARTS,
} from './encoding.ts';

export const encoding: Encoding = {
  id: 'messagepack',
  needs: '',

  *runs(bytes, budget) {
    const starts = STARTS.filter((start) => isContainer(bytes[start]));
    yield* distinct(starts.flatMap((start) => parse(bytes, start, budget) ?? []));
  },

  /** A list of numbers that are bytes. */
  decode(run) {
    const head = headAt(run, 0);
    if (head?.kind !== 'array') return undefined;
    const decoded = new Uint8Array(Math.min(head.size, run.length));
    let at = head.end;
    for (let index = 0; index < head.size; index++) {
      const item = headAt(run, at);
      if (item?.byte === undefined) return undefined;
      decoded[index] = item.byte;
      at = item.end;
    }
    return at === run.length ? decoded : undefined;
  },
};

interface Head {
  kind: 'array' | 'map' | 'bytes' | 'text' | 'other';
  /** Elements, pairs or bytes. */
  size: number;
  /** Behind the head; of what has neither elements nor bytes, behind all of it. */
  end: number;
  /** The value of an integer, where it is a byte of either sign. */
  byte?: number;
}

/** Bytes of the numbers and other values of fixed size: 0xc0 to 0xd3, where it has one. */
const FIXED: Record<number, number> = { 192: 0, 194: 0, 195: 0, 202: 4, 203: 8 };
const UNSIGNED: Record<number, number> = { 204: 1, 205: 2, 206: 4, 207: 8 };
const SIGNED: Record<number, number> = { 208: 1, 209: 2, 210: 4, 211: 8 };
/** Bytes of the length that follows. */
const SIZED: Record<number, { kind: Head['kind']; width: number; type: number }> = {
  196: { kind: 'bytes', width: 1, type: 0 },
  197: { kind: 'bytes', width: 2, type: 0 },
  198: { kind: 'bytes', width: 4, type: 0 },
  199: { kind: 'bytes', width: 1, type: 1 },
  200: { kind: 'bytes', width: 2, type: 1 },
  201: { kind: 'bytes', width: 4, type: 1 },
  217: { kind: 'text', width: 1, type: 0 },
  218: { kind: 'text', width: 2, type: 0 },
  219: { kind: 'text', width: 4, type: 0 },
  220: { kind: 'array', width: 2, type: 0 },
  221: { kind: 'array', width: 4, type: 0 },
  222: { kind: 'map', width: 2, type: 0 },
  223: { kind: 'map', width: 4, type: 0 },
};

function headAt(bytes: Uint8Array, at: number): Head | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const end = at + 1;
  if (first < 0x80 || first >= 0xe0) return { kind: 'other', size: 0, end, byte: first };
  if (first < 0x90) return { kind: 'map', size: first & 0x0f, end };
  if (first < 0xa0) return { kind: 'array', size: first & 0x0f, end };
  if (first < 0xc0) return { kind: 'text', size: first & 0x1f, end };
  if (first >= 0xd4 && first <= 0xd8) return fits(bytes, { kind: 'bytes', size: 1 << (first - 0xd4), end: end + 1 });
  const sized = SIZED[first];
  if (sized) {
    if (end + sized.width > bytes.length) return undefined;
    const size = uint(bytes, end, sized.width);
    return fits(bytes, { kind: sized.kind, size, end: end + sized.width + sized.type });
  }
  const width = FIXED[first] ?? UNSIGNED[first] ?? SIGNED[first];
  if (width === undefined || end + width > bytes.length) return undefined;
  const head: Head = { kind: 'other', size: 0, end: end + width };
  if (!UNSIGNED[first] && !SIGNED[first]) return head;
  const value = uint(bytes, end, width);
  const isNegative = SIGNED[first] !== undefined && value >= 2 ** (8 * width - 1);
  const number = isNegative ? value - 2 ** (8 * width) : value;
  return number >= -128 && number <= 255 ? { ...head, byte: number & 0xff } : head;
}

/** Each element takes a byte at least, so that a length that lies is found out before anything is counted. */
function fits(bytes: Uint8Array, head: Head): Head | undefined {
  return head.size <= bytes.length - head.end ? head : undefined;
}

function uint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index++) value = value * 256 + bytes[at + index]!;
  return value;
}

function isContainer(first: number | undefined): boolean {
  return first !== undefined && ((first >= 0x80 && first < 0xa0) || (first >= 0xdc && first <= 0xdf));
}

interface Frame {
  start: number;
  isMap: boolean;
  /** Values to come, in a map twice the pairs. */
  left: number;
  path: string | undefined;
  name: string;
  count: number;
  /** Bytes alone so far. */
  isBytes: boolean;
}

/** Everything from `start` on; undefined where it isn't MessagePack up to the end. */
function parse(bytes: Uint8Array, start: number, budget: Budget): Run[] | undefined {
  const parts: Run[] = [];
  let total = 0;
  const add = (part: Run) => {
    if (total++ < MOST_PARTS) parts.push(part);
  };
  const frames: Frame[] = [];
  let at = start;
  while (at < bytes.length || frames.length > 0) {
    const head = headAt(bytes, at);
    const top = frames.at(-1);
    if (!head || (!top && head.kind !== 'array' && head.kind !== 'map')) return undefined;
    const isName = top?.isMap === true && top.left % 2 === 0;
    const path = top && (isName ? top.path : joined(top.path, top.isMap ? top.name : String(top.count)));
    if (top && head.byte === undefined) top.isBytes = false;
    if (head.kind === 'array' || head.kind === 'map') {
      if (frames.length >= DEEPEST_NESTING) {
        budget.exhausted = true;
        return undefined;
      }
      const isMap = head.kind === 'map';
      frames.push({ start: at, isMap, left: head.size * (isMap ? 2 : 1), path, name: '', count: 0, isBytes: !isMap });
      at = head.end;
    } else {
      const end = head.end + head.size;
      if (end > bytes.length) return undefined;
      const content = bytes.subarray(head.end, end);
      if (isName) top.name = head.kind === 'text' ? named(content) || '_' : String(head.byte ?? '_');
      if (head.size > 0 && !(isName && head.size < SHORTEST))
        add({
          as: 'raw',
          start: head.end,
          end,
          label: path,
          text: head.kind === 'text',
        });
      at = end;
      if (top) {
        top.left--;
        if (!isName) top.count++;
      }
    }
    for (let frame = frames.at(-1); frame?.left === 0; frame = frames.at(-1)) {
      frames.pop();
      if (frame.isBytes && frame.count >= SHORTEST)
        add({ as: 'messagepack', start: frame.start, end: at, label: frame.path });
      const outer = frames.at(-1);
      if (outer) {
        outer.left--;
        outer.count++;
      }
    }
  }
  if (total > MOST_PARTS) budget.exhausted = true;
  return parts;
}
