/** CBOR (RFC 8949), also as a sequence (RFC 8742): a message of maps and arrays, up to its end. */
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

/** Major types (3.1). */
const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG] = [0, 1, 2, 3, 4, 5, 6];
const BREAK = 0xff;

export const encoding: Encoding = {
  id: 'cbor',
  needs: '',

  *runs(bytes, budget) {
    const starts = STARTS.filter((start) => [ARRAY, MAP, TAG].includes(bytes[start]! >> 5));
    yield* distinct(starts.flatMap((start) => parse(bytes, start, budget) ?? []));
  },

  /** A list of numbers that are bytes, or a string in chunks. */
  decode(run) {
    const head = headAt(run, 0);
    if (!head) return undefined;
    if (head.major === ARRAY) {
      const decoded: number[] = [];
      let at = head.end;
      while (head.size === undefined ? run[at] !== BREAK : decoded.length < head.size) {
        const item = headAt(run, at);
        const byte = item && byteOf(item);
        if (byte === undefined) return undefined;
        decoded.push(byte);
        at = item!.end;
      }
      return at + (head.size === undefined ? 1 : 0) === run.length ? Uint8Array.from(decoded) : undefined;
    }
    const isString = head.major === BYTES || head.major === TEXT;
    if (!isString || head.size !== undefined) return undefined;
    const chunks: Uint8Array[] = [];
    let at = head.end;
    while (at < run.length && run[at] !== BREAK) {
      const chunk = headAt(run, at);
      if (chunk?.major !== head.major || chunk.size === undefined || chunk.end + chunk.size > run.length)
        return undefined;
      chunks.push(run.subarray(chunk.end, chunk.end + chunk.size));
      at = chunk.end + chunk.size;
    }
    return at + 1 === run.length ? Buffer.concat(chunks) : undefined;
  },
};

interface Head {
  major: number;
  /** The argument: a number, or the length in bytes, elements or pairs; undefined where the end is marked by a break. */
  size: number | undefined;
  /** Behind the head. */
  end: number;
}

function headAt(bytes: Uint8Array, at: number): Head | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const major = first >> 5;
  const additional = first & 0x1f;
  if (additional < 24) return { major, size: additional, end: at + 1 };
  if (additional === 31)
    return [BYTES, TEXT, ARRAY, MAP].includes(major) ? { major, size: undefined, end: at + 1 } : undefined;
  const width = 2 ** (additional - 24);
  if (width > 8 || at + 1 + width > bytes.length) return undefined;
  let size = 0;
  for (let index = 1; index <= width; index++) size = size * 256 + bytes[at + index]!;
  return { major, size, end: at + 1 + width };
}

function byteOf({ major, size }: Head): number | undefined {
  if (major === UNSIGNED && size! <= 255) return size;
  return major === NEGATIVE && size! <= 127 ? 255 - size! : undefined;
}

interface Frame {
  start: number;
  kind: 'map' | 'array' | 'chunks' | 'tag';
  major: number;
  /** Values to come, in a map twice the pairs; undefined up to a break. */
  left: number | undefined;
  path: string | undefined;
  name: string;
  count: number;
  /** Bytes alone so far. */
  isBytes: boolean;
}

/** Everything from `start` on; undefined where it isn't CBOR up to the end. */
function parse(bytes: Uint8Array, start: number, budget: Budget): Run[] | undefined {
  const parts: Run[] = [];
  let total = 0;
  const add = (part: Run) => {
    if (total++ < MOST_PARTS) parts.push(part);
  };
  const frames: Frame[] = [];
  let at = start;
  while (at < bytes.length || frames.length > 0) {
    const top = frames.at(-1);
    if (bytes[at] === BREAK && top && top.left === undefined) {
      if (top.kind === 'map' && top.count % 2 !== 0) return undefined;
      top.left = 0;
      at++;
    } else {
      const head = headAt(bytes, at);
      if (!head || (!top && ![ARRAY, MAP, TAG].includes(head.major))) return undefined;
      if (top?.kind === 'chunks' && (head.major !== top.major || head.size === undefined)) return undefined;
      const isName = top?.kind === 'map' && top.count % 2 === 0;
      const path = top && pathOf(top, isName);
      if (top && byteOf(head) === undefined) top.isBytes = false;
      const kind = kindOf(head);
      if (kind) {
        const left = kind === 'tag' ? 1 : head.size && head.size * (kind === 'map' ? 2 : 1);
        if (left !== undefined && left > bytes.length - head.end) return undefined;
        if (frames.length >= DEEPEST_NESTING) {
          budget.exhausted = true;
          return undefined;
        }
        frames.push({ start: at, kind, major: head.major, left, path, name: '', count: 0, isBytes: kind === 'array' });
        at = head.end;
      } else {
        const isString = head.major === BYTES || head.major === TEXT;
        const end = head.end + (isString ? head.size! : 0);
        if (end > bytes.length) return undefined;
        const content = bytes.subarray(head.end, end);
        if (isName) top.name = nameOf(head, content);
        if (end > head.end && !(isName && end - head.end < SHORTEST) && top?.kind !== 'chunks')
          add({
            as: 'raw',
            start: head.end,
            end,
            label: path,
            text: head.major === TEXT,
          });
        at = end;
        count(top);
      }
    }
    for (let frame = frames.at(-1); frame?.left === 0; frame = frames.at(-1)) {
      frames.pop();
      if (frame.kind === 'chunks')
        add({ as: 'cbor', start: frame.start, end: at, label: frame.path, text: frame.major === TEXT });
      if (frame.isBytes && frame.count >= SHORTEST) add({ as: 'cbor', start: frame.start, end: at, label: frame.path });
      const outer = frames.at(-1);
      if (outer?.kind === 'map' && outer.count % 2 === 0) outer.name = '_';
      count(outer);
    }
  }
  if (total > MOST_PARTS) budget.exhausted = true;
  return parts;
}

function kindOf({ major, size }: Head): Frame['kind'] | undefined {
  if (major === ARRAY) return 'array';
  if (major === MAP) return 'map';
  if (major === TAG) return 'tag';
  return size === undefined ? 'chunks' : undefined;
}

function pathOf(top: Frame, isName: boolean): string | undefined {
  if (isName || top.kind === 'tag' || top.kind === 'chunks') return top.path;
  return joined(top.path, top.kind === 'map' ? top.name : String(top.count));
}

function nameOf({ major, size }: Head, content: Uint8Array): string {
  if (major === TEXT) return named(content) || '_';
  if (major === UNSIGNED) return String(size);
  return major === NEGATIVE ? String(-1 - size!) : '_';
}

function count(frame: Frame | undefined): void {
  if (!frame) return;
  frame.count++;
  if (frame.left !== undefined) frame.left--;
}
