/**
 * Bytes as decimal numbers: in lists with commas, with a sign where the language has signed bytes; or as members of an object with
 * the names "0", "1" and so on, as JSON.stringify writes a Uint8Array.
 */
import {
  afterSpace,
  bufferOf,
  code,
  DIGIT,
  DIGITS,
  type Encoding,
  members,
  type Run,
  runsOf,
  SHORTEST,
  SPACE,
} from './encoding.ts';

const [QUOTE, MINUS, COLON, COMMA, DOT] = ['"', '-', ':', ',', '.'].map(code);
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = ['{', '}', '[', ']'].map(code);
const LIST = members(`${DIGITS}-, \t\r\n`);
const SHORTEST_LIST = 2 * SHORTEST - 1;

export const encoding: Encoding = {
  id: 'json-numbers',
  needs: ',',

  *runs(bytes) {
    for (const { start, end } of runsOf(bytes, LIST, SHORTEST_LIST))
      for (let at = start; at < end; ) at = DIGIT[bytes[at]!] || bytes[at] === MINUS ? yield* list(bytes, at) : at + 1;
    const buffer = bufferOf(bytes);
    for (let at = buffer.indexOf('"0"'); at >= 0; at = buffer.indexOf('"0"', at + 1)) {
      let start = at - 1;
      while (SPACE[bytes[start]!]) start--;
      const object = bytes[start] === OPEN_OBJECT ? objectAt(bytes, start) : undefined;
      if (object && object.count >= SHORTEST) yield { as: 'json-numbers', start, end: object.end };
    }
  },

  decode(run) {
    const decoded = new Uint8Array(run.length);
    let length = 0;
    const take = (number: number) => {
      decoded[length++] = number;
    };
    if (run[0] === OPEN_OBJECT)
      return objectAt(run, 0, take)?.end === run.length ? decoded.subarray(0, length) : undefined;
    const isArray = run[0] === OPEN_ARRAY;
    const start = isArray ? afterSpace(run, 1) : 0;
    const found = listAt(run, start, take);
    if (!found) return undefined;
    const end = isArray ? afterSpace(run, found.end) : found.end;
    const isWhole = isArray ? run[end] === CLOSE_ARRAY && end + 1 === run.length : end === run.length;
    return isWhole ? decoded.subarray(0, length) : undefined;
  },
};

/** The numbers at `at`; returns where to go on. */
function* list(bytes: Uint8Array, at: number): Generator<Run, number> {
  const found = listAt(bytes, at);
  if (found && found.count >= SHORTEST) yield { as: 'json-numbers', start: at, end: found.end };
  let end = found?.end ?? at + 1;
  // The rest of a number that is no byte.
  while (DIGIT[bytes[end]!]) end++;
  return end;
}

type Take = (number: number) => void;
const NOTHING: Take = () => {};

function listAt(bytes: Uint8Array, start: number, take = NOTHING): { count: number; end: number } | undefined {
  let count = 0;
  let end = start;
  let [least, most] = [0, 0];
  for (let at = start; ; ) {
    const found = numberAt(bytes, at);
    if (!found) break;
    // One list doesn't have bytes both ways.
    [least, most] = [Math.min(least, found.number), Math.max(most, found.number)];
    if (least < 0 && most > 127) break;
    take(found.number);
    count++;
    end = found.end;
    const comma = afterSpace(bytes, end);
    if (bytes[comma] !== COMMA) break;
    at = afterSpace(bytes, comma + 1);
  }
  return count > 0 ? { count, end } : undefined;
}

function objectAt(bytes: Uint8Array, start: number, take = NOTHING): { count: number; end: number } | undefined {
  let count = 0;
  for (let at = afterSpace(bytes, start + 1); ; count++) {
    const name = bytes[at] === QUOTE ? indexAt(bytes, at + 1) : undefined;
    if (name?.index !== count || bytes[name.end] !== QUOTE) return undefined;
    const colon = afterSpace(bytes, name.end + 1);
    const value = bytes[colon] === COLON ? numberAt(bytes, afterSpace(bytes, colon + 1)) : undefined;
    if (!value) return undefined;
    take(value.number);
    at = afterSpace(bytes, value.end);
    if (bytes[at] === CLOSE_OBJECT) return { count: count + 1, end: at + 1 };
    if (bytes[at] !== COMMA) return undefined;
    at = afterSpace(bytes, at + 1);
  }
}

function indexAt(bytes: Uint8Array, at: number): { index: number; end: number } | undefined {
  let end = at;
  let index = 0;
  while (end - at < 9 && DIGIT[bytes[end]!]) index = index * 10 + bytes[end++]! - 48;
  return end > at ? { index, end } : undefined;
}

/** A byte of either sign; undefined for other numbers. */
function numberAt(bytes: Uint8Array, at: number): { number: number; end: number } | undefined {
  const isNegative = bytes[at] === MINUS;
  const first = isNegative ? at + 1 : at;
  let end = first;
  let number = 0;
  while (end - first < 3 && DIGIT[bytes[end]!]) number = number * 10 + bytes[end++]! - 48;
  if (end === first || DIGIT[bytes[end]!] || bytes[end] === DOT || number > (isNegative ? 128 : 255)) return undefined;
  return { number: isNegative ? -number : number, end };
}
