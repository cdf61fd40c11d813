/** The zlib format (RFC 1950), where a message may begin and up to its end. */
import { type Encoding, STARTS } from './encoding.ts';
import { inflated } from './inflated.ts';

/** Header and checksum. */
const SHORTEST_STREAM = 6;

export const encoding: Encoding = {
  id: 'zlib',
  needs: '',

  *runs(bytes) {
    for (const start of STARTS)
      if (bytes.length - start > SHORTEST_STREAM && isHeader(bytes[start]!, bytes[start + 1]!))
        yield { as: 'zlib', start, end: bytes.length };
  },

  // Two bytes are soon there by chance; the checksum at the end is not.
  decode: (run, budget) => inflated(run, 'zlib', budget, false),
};

/** 2.2: the method, a window of at most 32 kB, the check of both bytes; no preset dictionary, which nobody knows. */
function isHeader(first: number, second: number): boolean {
  return (first & 0x0f) === 8 && first >> 4 <= 7 && ((first << 8) | second) % 31 === 0 && (second & 0x20) === 0;
}
