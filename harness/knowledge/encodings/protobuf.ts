/**
 * Protocol Buffers without their schema (protobuf.dev/programming-guides/encoding): a message up to its end, and in it whatever
 * has a length; what is a message again is followed. A path is of field numbers; what is a message by chance has none.
 */
import { type Budget, distinct, type Encoding, joined, MOST_PARTS, members, type Run, STARTS } from './encoding.ts';

/** The limit that the official libraries have. What is deeper is found, with a shorter path, when its part is looked into. */
const DEEPEST_NESTING = 100;
/** Wire types. */
const [VARINT, I64, LEN, SGROUP, EGROUP, I32] = [0, 1, 2, 3, 4, 5];

/** Number 1, with a length; a line end. */
const FIRST_FIELD = 0x0a;
/** What isn't in text, and is nearly always in a message: small lengths and numbers. */
const CONTROLS = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))
  .filter((one) => !/\s/.test(one))
  .join('');
const CONTROL = members(CONTROLS);

export const encoding: Encoding = {
  id: 'protobuf',
  needs: `${CONTROLS}\n`,

  *runs(bytes, budget) {
    yield* distinct(messages(bytes, budget));
  },
};

function* messages(bytes: Uint8Array, budget: Budget): Generator<Run> {
  for (const start of startsIn(bytes)) {
    const fields = fieldsOf(bytes, start, bytes.length, budget);
    for (const run of fields ? nested(bytes, fields, undefined, 1, budget) : [])
      yield isLikely(bytes, start) ? run : { ...run, label: undefined };
  }
}

/** Text is a message by chance rather than by intent: there, only one whose first field has the number 1. */
function startsIn(bytes: Uint8Array): readonly number[] {
  if (bytes.some((byte) => CONTROL[byte] === 1)) return STARTS;
  return bytes[0] === FIRST_FIELD ? [0] : [];
}

/**
 * Whether it is a message by intent: nothing stands before it, and its first field has a number below 16. Objects of MessagePack and
 * CBOR begin with higher bytes.
 */
function isLikely(bytes: Uint8Array, start: number): boolean {
  return start === 0 && bytes[0]! < 0x80;
}

interface Field {
  number: number;
  start: number;
  end: number;
}

function* nested(
  bytes: Uint8Array,
  fields: Field[],
  path: string | undefined,
  depth: number,
  budget: Budget,
): Generator<Run> {
  for (const { number, start, end } of fields) {
    const label = joined(path, String(number));
    yield { as: 'raw', start, end, label, text: true };
    const inner = depth < DEEPEST_NESTING ? fieldsOf(bytes, start, end, budget) : undefined;
    if (inner) yield* nested(bytes, inner, label, depth + 1, budget);
  }
}

/** The fields with a length; undefined where it isn't a message up to `to`. */
function fieldsOf(bytes: Uint8Array, from: number, to: number, budget: Budget): Field[] | undefined {
  const found: Field[] = [];
  let total = 0;
  let groups = 0;
  let at = from;
  while (at < to) {
    const tag = varint(bytes, at, to);
    if (!tag || tag.value < 8 || tag.value >= 2 ** 32) return undefined;
    const [number, type] = [Math.floor(tag.value / 8), tag.value % 8];
    at = tag.end;
    if (type === VARINT) at = varint(bytes, at, to)?.end ?? -1;
    else if (type === I64) at += 8;
    else if (type === I32) at += 4;
    else if (type === LEN) {
      const length = varint(bytes, at, to);
      if (!length || length.value > to - length.end) return undefined;
      at = length.end + length.value;
      if (at > length.end && total++ < MOST_PARTS) found.push({ number, start: length.end, end: at });
    } else if (type === SGROUP) groups++;
    else if (type === EGROUP) groups--;
    else return undefined;
    if (at < 0 || at > to || groups < 0) return undefined;
  }
  if (groups === 0 && total > MOST_PARTS) budget.exhausted = true;
  return groups === 0 ? found : undefined;
}

/** Up to ten bytes, 64 bits; large ones are rounded, which is enough to see that they are too large. */
function varint(bytes: Uint8Array, at: number, to: number): { value: number; end: number } | undefined {
  let value = 0;
  let factor = 1;
  for (let end = at; end < Math.min(to, at + 10); end++, factor *= 128) {
    value += (bytes[end]! & 0x7f) * factor;
    if (bytes[end]! < 0x80) return { value, end: end + 1 };
  }
  return undefined;
}
