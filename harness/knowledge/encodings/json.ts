/**
 * Strings and numbers in JSON (RFC 8259), with the path to each. JSON is found in the midst of anything, may be cut off, and is
 * read until it breaks off.
 */
import {
  afterSpace,
  code,
  DIGIT,
  type Encoding,
  HEX,
  joined,
  LONGEST_TEXT,
  latin1,
  members,
  named,
  type Run,
} from './encoding.ts';

const [QUOTE, BACKSLASH, COLON, COMMA, U] = ['"', '\\', ':', ',', 'u'].map(code);
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = ['{', '}', '[', ']'].map(code);
const NUMBER = members('0123456789+-.eE');
const LETTER = members('aeflnrstu');
/** RFC 8259, 7. */
const ESCAPES = new Map(Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9 }).map(([name, byte]) => [code(name), byte]));
for (const self of [QUOTE!, BACKSLASH!, code('/')]) ESCAPES.set(self, self);
/** Deeper nesting is read as if it began anew, with shorter paths. */
const DEEPEST_NESTING = 1000;
/** Shorter numbers are no PINs. */
const SHORTEST_NUMBER = 4;
/** Numbers in longer lists are no PINs, either. */
const LONGEST_LIST = 16;

export const encoding: Encoding = {
  id: 'json-string',
  needs: '{["',

  *runs(bytes) {
    const first = afterSpace(bytes, 0);
    if (bytes[first] === QUOTE) {
      const string = stringAt(bytes, first);
      if (string) yield* text(string, undefined);
    }
    for (let at = 0; at < bytes.length; ) {
      if (bytes[at] === OPEN_OBJECT || bytes[at] === OPEN_ARRAY) at = yield* structure(bytes, at);
      else at++;
    }
  },

  decode: unescaped,
};

/** What stands between two quotation marks. */
function unescaped(run: Uint8Array): Uint8Array | undefined {
  const decoded = Buffer.alloc(run.length);
  let length = 0;
  for (let at = 0; at < run.length; ) {
    const byte = run[at]!;
    if (byte === QUOTE) return undefined;
    if (byte !== BACKSLASH) {
      decoded[length++] = byte;
      at++;
      continue;
    }
    const simple = ESCAPES.get(run[at + 1]!);
    if (simple !== undefined) {
      decoded[length++] = simple;
      at += 2;
      continue;
    }
    // Two surrogates in a row are one character; one alone becomes U+FFFD.
    const unit = unitAt(run, at);
    if (unit === undefined) return undefined;
    const second = isSurrogate(unit) ? unitAt(run, at + 6) : undefined;
    const isPair = unit < 0xdc00 && second !== undefined && isSurrogate(second) && second >= 0xdc00;
    length += decoded.write(isPair ? String.fromCharCode(unit, second) : String.fromCharCode(unit), length);
    at += isPair ? 12 : 6;
  }
  return decoded.subarray(0, length);
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function unitAt(run: Uint8Array, at: number): number | undefined {
  if (run[at] !== BACKSLASH || run[at + 1] !== U) return undefined;
  for (let digit = 2; digit < 6; digit++) if (!HEX[run[at + digit]!]) return undefined;
  return Number.parseInt(latin1(run.subarray(at + 2, at + 6)), 16);
}

/** An object or array that is open. */
interface Frame {
  start: number;
  isObject: boolean;
  path: string | undefined;
  /** The member that comes next. */
  name: string;
  /** Elements so far. */
  count: number;
  /** Numbers alone so far, so that it may be a list of bytes. */
  isNumbers: boolean;
}

/** What an object or array holds; returns where it ends or breaks off, which is behind its start. */
function* structure(bytes: Uint8Array, from: number): Generator<Run, number> {
  const frames: Frame[] = [];
  let at = from;
  for (;;) {
    // A value is due.
    const top = frames.at(-1);
    const path = top && joined(top.path, top.isObject ? top.name : String(top.count));
    const byte = bytes[at];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (frames.length >= DEEPEST_NESTING) return at;
      if (top) top.isNumbers = false;
      const isObject = byte === OPEN_OBJECT;
      frames.push({ start: at, isObject, path, name: '', count: 0, isNumbers: true });
      at = afterSpace(bytes, at + 1);
      if (bytes[at] !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        const value = isObject ? yield* member(bytes, at, frames.at(-1)!) : at;
        if (value < 0) return at;
        at = value;
        continue;
      }
    } else if (byte === QUOTE) {
      top!.isNumbers = false;
      const string = stringAt(bytes, at);
      if (!string) return at + 1;
      yield* text(string, path);
      at = string.end + 1;
    } else {
      const end = scalar(bytes, at);
      if (end === at) return at;
      const isNumber = NUMBER[byte!] === 1;
      if (!isNumber) top!.isNumbers = false;
      const isShort = end - at >= SHORTEST_NUMBER && end - at <= LONGEST_TEXT;
      if (isNumber && isShort && (top!.isObject || top!.count < LONGEST_LIST) && isDigits(bytes, at, end))
        yield { as: 'raw', start: at, end, label: path, text: true, closed: true };
      at = end;
    }
    // Behind a value, or what is empty.
    for (;;) {
      at = afterSpace(bytes, at);
      const frame = frames.at(-1)!;
      if (bytes[at] === COMMA) {
        frame.count++;
        const next = afterSpace(bytes, at + 1);
        const value = frame.isObject ? yield* member(bytes, next, frame) : next;
        if (value < 0) return next;
        at = value;
        break;
      }
      if (bytes[at] !== (frame.isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return at;
      at++;
      if (frame.isNumbers && frame.path) yield { start: frame.start, end: at, label: frame.path };
      frames.pop();
      if (frames.length === 0) return at;
    }
  }
}

/** Reads a member's name; gives where its value begins, or -1. */
function* member(bytes: Uint8Array, at: number, frame: Frame): Generator<Run, number> {
  const string = bytes[at] === QUOTE ? stringAt(bytes, at) : undefined;
  if (!string) return -1;
  const colon = afterSpace(bytes, string.end + 1);
  if (bytes[colon] !== COLON) return -1;
  const name = bytes.subarray(string.start, string.end);
  frame.name = named((string.isEscaped && unescaped(name)) || name) || '_';
  if (string.isEscaped) yield { as: 'json-string', start: string.start, end: string.end, label: frame.path };
  return afterSpace(bytes, colon + 1);
}

interface String {
  /** Behind the quotation mark, and where the other one stands. */
  start: number;
  end: number;
  isEscaped: boolean;
}

/** The string that begins with the quotation mark at `at`; undefined where it doesn't end. */
function stringAt(bytes: Uint8Array, at: number): String | undefined {
  let isEscaped = false;
  for (let end = at + 1; end < bytes.length; end++) {
    if (bytes[end] === QUOTE) return { start: at + 1, end, isEscaped };
    if (bytes[end] === BACKSLASH) {
      isEscaped = true;
      end++;
    }
  }
  return undefined;
}

function* text({ start, end, isEscaped }: String, label: string | undefined): Generator<Run> {
  if (end === start) return;
  if (isEscaped) yield { as: 'json-string', start, end, label, text: true };
  else yield { as: 'raw', start, end, label, text: true, closed: true };
}

/** Where the number or the name (true, false, null) at `at` ends. */
function scalar(bytes: Uint8Array, at: number): number {
  const alphabet = NUMBER[bytes[at]!] ? NUMBER : LETTER;
  let end = at;
  while (alphabet[bytes[end]!]) end++;
  return end;
}

function isDigits(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (!DIGIT[bytes[at]!]) return false;
  return true;
}
