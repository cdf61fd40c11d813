/**
 * Base64 in both alphabets (RFC 4648, 4 and 5), padded or not, joined to words of the same letters, with the slash escaped as some
 * encoders of JSON do, and in lines (RFC 2045, 6.8; RFC 7468).
 */
import {
  ALPHANUMERIC,
  code,
  type Encoding,
  HEX,
  LONGEST_SHORT,
  latin1,
  members,
  type Run,
  runsOf,
} from './encoding.ts';

const PLAIN = members(`${ALPHANUMERIC}+/`);
const URL_SAFE = members(`${ALPHANUMERIC}-_`);
/** Both at once: some services mix them. */
const ANY = members(`${ALPHANUMERIC}+/-_`);
const ANY_ESCAPED = members(`${ALPHANUMERIC}+/-_\\`);
const LINES = members(`${ALPHANUMERIC}+/\r\n`);
const [BACKSLASH, SLASH, EQUALS, CR, LF] = ['\\', '/', '=', '\r', '\n'].map(code);

/** Characters that encode the smallest secret. */
const SHORTEST_RUN = 22;
/** In a run up to this long (bytes), base64 is taken to begin at any character. */
const LONGEST_JOINED = 1024;
/** Lines are of 64 (RFC 7468, 3) or 76 characters (RFC 2045, 6.8); all but the last are as long as the first. */
const SHORTEST_LINE = 60;

export const encoding: Encoding = {
  id: 'base64',
  needs: '',

  *runs(bytes) {
    for (const letters of runsOf(bytes, ANY_ESCAPED, SHORTEST_RUN))
      for (const run of split(bytes, letters.start, letters.end)) {
        yield* aligned(bytes, run.start, padded(bytes, run.end));
        // What joins words in identifiers is in the URL alphabet, what joins them in addresses in the plain one: `key_BASE64` is
        // one run in the one and two in the other.
        for (const alphabet of [PLAIN, URL_SAFE])
          for (const { start, end } of runsOf(bytes, alphabet, SHORTEST_RUN, run.start, run.end))
            if (end - start < run.end - run.start)
              yield* aligned(bytes, start, end === run.end ? padded(bytes, end) : end);
      }
    for (const { start, end } of runsOf(bytes, LINES, SHORTEST_LINE + SHORTEST_RUN)) yield* lines(bytes, start, end);
  },

  decode(run) {
    let end = 0;
    while (end < run.length && (ANY[run[end]!] || isEscape(run, end) || run[end] === CR || run[end] === LF)) end++;
    if (end === 0 || padded(run, end) !== run.length) return undefined;
    const text = latin1(run);
    // Buffer reads both alphabets, padded or not.
    return Buffer.from(/[\\\r\n]/.test(text) ? text.replaceAll(/[\\\r\n]/g, '') : text, 'base64');
  },
};

/** At backslashes that escape no slash. */
function* split(bytes: Uint8Array, from: number, to: number): Generator<{ start: number; end: number }> {
  for (let start = from; start < to; ) {
    let end = start;
    while (end < to && (bytes[end] !== BACKSLASH || isEscape(bytes, end))) end++;
    if (end - start >= SHORTEST_RUN) yield { start, end };
    start = end + 1;
  }
}

/** A run, and as it would be if its first characters belonged to a word. */
function* aligned(bytes: Uint8Array, start: number, end: number): Generator<Run> {
  // Digits of hex alone are base64 by chance once in billions.
  const isHex = bytes.subarray(start, end).every((byte) => HEX[byte] === 1);
  yield { as: 'base64', start, end, guess: isHex };
  if (isHex || bytes.length > LONGEST_SHORT || end - start > LONGEST_JOINED) return;
  // With its padding it is whole.
  if (bytes[end - 1] === EQUALS && (end - start) % 4 === 0) return;
  for (let skipped = 1, at = start; skipped < 4; skipped++) {
    at += isEscape(bytes, at) ? 2 : 1;
    if (end - at >= SHORTEST_RUN) yield { as: 'base64', start: at, end, guess: true };
  }
}

/** Lines that are one run. */
function* lines(bytes: Uint8Array, from: number, to: number): Generator<Run> {
  let text: { start: number; end: number; line: number } | undefined;
  for (const { start, end } of runsOf(bytes, PLAIN, 1, from, to)) {
    const follows = text && start === afterLine(bytes, text.end) && end - start <= text.line;
    if (follows) text!.end = padded(bytes, end);
    if (text && (!follows || end - start < text.line)) {
      if (text.end - text.start > text.line) yield { as: 'base64', start: text.start, end: text.end };
      text = undefined;
    }
    const line = end - start;
    if (!text && line >= SHORTEST_LINE && line % 4 === 0) text = { start, end, line };
  }
  if (text && text.end - text.start > text.line) yield { as: 'base64', start: text.start, end: text.end };
}

function afterLine(bytes: Uint8Array, at: number): number {
  const feed = bytes[at] === CR ? at + 1 : at;
  return bytes[feed] === LF ? feed + 1 : -1;
}

function isEscape(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === BACKSLASH && bytes[at + 1] === SLASH;
}

function padded(bytes: Uint8Array, end: number): number {
  let padding = 0;
  while (padding < 2 && bytes[end + padding] === EQUALS) padding++;
  return end + padding;
}
