/** Percent-encoding (RFC 3986, 2.1). */
import { ALPHANUMERIC, code, type Encoding, HEX, members, type Run, runsOf, SHORTEST } from './encoding.ts';

/** RFC 3986, 2.3. */
const ESCAPED = members(`${ALPHANUMERIC}-._~%`);
const [PERCENT, PLUS, BLANK, ZERO, NINE, A] = ['%', '+', ' ', '0', '9', 'a'].map(code);

export const encoding: Encoding = {
  id: 'percent',

  needs: '%',

  *runs(bytes) {
    for (const { start, end } of runsOf(bytes, ESCAPED, SHORTEST)) yield* parts(bytes, start, end);
  },

  decode: (run) => (run.includes(PERCENT!) ? unescaped(run, false) : undefined),
};

/** What has escapes, between percent signs that stand for themselves. */
function* parts(bytes: Uint8Array, from: number, to: number): Generator<Run> {
  for (let start = from; start < to; ) {
    let end = start;
    let isEscaped = false;
    for (; end < to; end += bytes[end] === PERCENT ? 3 : 1) {
      if (bytes[end] !== PERCENT) continue;
      if (!escapeAt(bytes, end)) break;
      isEscaped = true;
    }
    if (isEscaped && end - start >= SHORTEST) yield { as: 'percent', start, end };
    start = end + 1;
  }
}

/** Undoes all escapes, and also a form's plus for a blank; undefined where a percent sign stands for itself. */
export function unescaped(run: Uint8Array, isForm: boolean): Uint8Array | undefined {
  const decoded = new Uint8Array(run.length);
  let length = 0;
  for (let at = 0; at < run.length; length++) {
    const byte = run[at]!;
    if (byte === PERCENT) {
      if (!escapeAt(run, at)) return undefined;
      decoded[length] = (digit(run[at + 1]!) << 4) | digit(run[at + 2]!);
      at += 3;
    } else {
      decoded[length] = isForm && byte === PLUS ? BLANK! : byte;
      at++;
    }
  }
  return decoded.subarray(0, length);
}

/** The value of a digit of hex, of either case, which differ in one bit. */
function digit(byte: number): number {
  return byte <= NINE! ? byte - ZERO! : (byte | 0x20) - A! + 10;
}

function escapeAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === PERCENT && HEX[bytes[at + 1]!] === 1 && HEX[bytes[at + 2]!] === 1;
}
