/** UTF-16 (RFC 2781) of either byte order; without a mark of the order only where each second byte is zero. */
import { bufferOf, type Encoding, type Run } from './encoding.ts';

const SHORTEST_RUN = 4;
const BYTE_ORDER_MARK = 0xfeff;

export const encoding: Encoding = {
  id: 'utf-16',
  needs: '\0\xfe',

  *runs(bytes) {
    if (order(bytes)) yield { as: 'utf-16', start: 0, end: bytes.length & ~1, text: true };
    for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, zero)) {
      // A zero belongs to what stands before it or to what stands behind it.
      const little = runAt(bytes, zero - 1, 1);
      const big = runAt(bytes, zero, 0);
      for (const run of [little, big]) if (run && run.end - run.start >= 2 * SHORTEST_RUN) yield run;
      zero = Math.max(zero + 1, little?.end ?? 0, big?.end ?? 0);
    }
  },

  decode(run) {
    if (run.length % 2 !== 0 || run.length === 0) return undefined;
    const marked = order(run);
    const little = Buffer.from(bufferOf(run));
    if ((marked ?? guessed(run)) === 'big') little.swap16();
    return Buffer.from(little.subarray(marked ? 2 : 0).toString('utf16le'));
  },
};

type Order = 'little' | 'big';

function order(bytes: Uint8Array): Order | undefined {
  if (bytes.length < 4) return undefined;
  const first = bytes[0]! | (bytes[1]! << 8);
  if (first === BYTE_ORDER_MARK) return 'little';
  return first === 0xfffe ? 'big' : undefined;
}

/** By the first character: of those that are found without a mark, one half is zero. */
function guessed(run: Uint8Array): Order {
  return run[0] === 0 ? 'big' : 'little';
}

function runAt(bytes: Uint8Array, start: number, parity: number): Run | undefined {
  let end = start;
  while (isPair(bytes, end, parity)) end += 2;
  return end === start ? undefined : { as: 'utf-16', start, end, text: true };
}

/** A printable character of Latin-1, a tab or a line end, whose zero is at `parity`. */
function isPair(bytes: Uint8Array, at: number, parity: number): boolean {
  const other = bytes[at + 1 - parity];
  if (other === undefined || bytes[at + parity] !== 0) return false;
  return (other >= 32 && other !== 127) || other === 9 || other === 10 || other === 13;
}
