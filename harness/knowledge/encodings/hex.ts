/** Hexadecimal digits (RFC 4648, 8), of either case; also in pairs with a colon or a space between, as fingerprints are (RFC 8122, 5). */
import { code, DIGITS, type Encoding, HEX, latin1, members, type Run, runsOf, SHORTEST } from './encoding.ts';

const [COLON, BLANK] = [':', ' '].map(code);
const SEPARATED = members(`${DIGITS}abcdefABCDEF: `);
const SHORTEST_PAIRS = 3 * SHORTEST - 1;

export const encoding: Encoding = {
  id: 'hex',
  needs: '',

  *runs(bytes) {
    for (const { start, end } of runsOf(bytes, HEX, 2 * SHORTEST)) {
      if ((end - start) % 2 === 0) yield { as: 'hex', start, end };
      else if (end - start > 2 * SHORTEST) {
        // A letter of a word next to it is a digit, too.
        yield { as: 'hex', start: start + 1, end, guess: true };
        yield { as: 'hex', start, end: end - 1, guess: true };
      }
    }
    for (const { start, end } of runsOf(bytes, SEPARATED, SHORTEST_PAIRS)) yield* pairs(bytes, start, end);
  },

  decode(run) {
    const separator = run[2];
    if (separator !== COLON && separator !== BLANK)
      return run.length % 2 === 0 && run.every((byte) => HEX[byte]) ? Buffer.from(latin1(run), 'hex') : undefined;
    const isPairs = run.every((byte, at) => (at % 3 === 2 ? byte === separator : HEX[byte]));
    return isPairs && run.length % 3 === 2 ? Buffer.from(latin1(run).replaceAll(/[: ]/g, ''), 'hex') : undefined;
  },
};

function* pairs(bytes: Uint8Array, from: number, to: number): Generator<Run> {
  for (let at = from; at + SHORTEST_PAIRS <= to; at++) {
    const separator = bytes[at + 2]!;
    if ((separator !== COLON && separator !== BLANK) || !isPair(bytes, at)) continue;
    let end = at + 2;
    while (bytes[end] === separator && isPair(bytes, end + 1)) end += 3;
    if (end - at >= SHORTEST_PAIRS) yield { as: 'hex', start: at, end };
    // Its last pair may be the first of others, with another character between.
    at = Math.max(at, end - 3);
  }
}

function isPair(bytes: Uint8Array, at: number): boolean {
  return HEX[bytes[at]!] === 1 && HEX[bytes[at + 1]!] === 1;
}
