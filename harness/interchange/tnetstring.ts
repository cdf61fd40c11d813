/**
 * Typed netstrings, as mitmproxy writes them: `LENGTH:BYTES` and a letter for what the bytes are. The bytes of lists and
 * dictionaries are the netstrings of what is in them. Beside the original's types (https://tnetstrings.info), `;` is text in
 * UTF-8 (mitmproxy/io/tnetstring.py).
 */
import type { ByteSource } from './source.ts';

export type Value = null | boolean | number | string | Uint8Array | Value[] | Map<string, Value>;

/** Of one value with all that is in it. */
const LARGEST = 256 << 20;
const MOST_DIGITS = 9;
const DEEPEST = 32;
/** Values in one value, with all that is in those. */
const MOST_VALUES = 1 << 20;

/**
 * The next value of a file, undefined at its end.
 * @throws InterchangeError
 */
export function readNetstring(source: ByteSource): Value | undefined {
  const at = source.offset;
  let digits = '';
  for (let next = source.read(1, 'a length'); ; next = source.need(1, 'a length')) {
    if (!next) return undefined;
    const character = String.fromCharCode(next[0]!);
    if (character === ':' && digits !== '') break;
    if (!/\d/.test(character) || digits.length >= MOST_DIGITS) throw source.wrong("expected a netstring's length", at);
    digits += character;
  }
  const length = Number(digits);
  if (length > LARGEST) throw source.wrong(`a value of ${length} bytes, expected at most ${LARGEST}`, at);
  const start = source.offset;
  const bytes = source.need(length + 1, 'a value');
  let left = MOST_VALUES;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return parse(view, 0, length, 0);

  /** The value whose bytes are from `from` to `to`, where its letter stands. */
  function parse(bytes: Buffer, from: number, to: number, depth: number): Value {
    const wrong = (what: string) => source.wrong(what, start + from);
    if (--left < 0) throw wrong(`more than ${MOST_VALUES} values in one`);
    if (depth > DEEPEST) throw wrong(`values more than ${DEEPEST} deep`);
    const type = String.fromCharCode(bytes[to]!);
    const text = () => bytes.toString('utf8', from, to);
    if (type === ',') return bytes.subarray(from, to);
    if (type === ';') return text();
    if (type === '~' && from === to) return null;
    if (type === '!' && (text() === 'true' || text() === 'false')) return text() === 'true';
    if ((type === '#' || type === '^') && to - from < 64 && text().trim() !== '' && !Number.isNaN(Number(text())))
      return Number(text());
    if (type === ']') return [...valuesIn(bytes, from, to, depth)];
    if (type !== '}') throw wrong(`a value of type ${JSON.stringify(type)} is not what its bytes are`);
    const map = new Map<string, Value>();
    let key: string | undefined;
    for (const value of valuesIn(bytes, from, to, depth)) {
      if (key !== undefined) {
        map.set(key, value);
        key = undefined;
      } else if (typeof value === 'string' || value instanceof Uint8Array) key = textOf(value);
      else throw wrong('a dictionary whose key is no text');
    }
    if (key !== undefined) throw wrong('a dictionary whose last key has no value');
    return map;
  }

  function* valuesIn(bytes: Buffer, from: number, to: number, depth: number): Generator<Value> {
    for (let at = from; at < to; ) {
      const colon = bytes.indexOf(0x3a, at);
      const digits = colon < 0 || colon - at > MOST_DIGITS ? '' : bytes.toString('latin1', at, colon);
      const end = colon + 1 + Number(digits);
      if (!/^\d+$/.test(digits) || end >= to) throw source.wrong('expected a netstring in a netstring', start + at);
      yield parse(bytes, colon + 1, end, depth + 1);
      at = end + 1;
    }
  }
}

/** Text that older versions write as bytes; empty where it is neither. */
export function textOf(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}
