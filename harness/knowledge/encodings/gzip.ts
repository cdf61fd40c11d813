/** Gzip (RFC 1952), at any place and up to the end of what holds it. */
import { bufferOf, type Encoding } from './encoding.ts';
import { inflated } from './inflated.ts';

/** ID1, ID2, and the only method (2.3.1). */
const MAGIC = Buffer.from([0x1f, 0x8b, 8]);
/** The flags that there are, what compressors say of themselves, and the systems that there are (2.3.1). */
const FLAGS = 0x1f;
const EXTRA_FLAGS: readonly number[] = [0, 2, 4];
const LAST_SYSTEM = 19;
const UNKNOWN_SYSTEM = 255;

export const encoding: Encoding = {
  id: 'gzip',
  needs: '\x1f',

  *runs(bytes) {
    const buffer = bufferOf(bytes);
    for (let at = buffer.indexOf(MAGIC); at >= 0; at = buffer.indexOf(MAGIC, at + 1))
      if (isHeader(bytes, at)) yield { as: 'gzip', start: at, end: bytes.length };
  },

  decode: (run, budget) => inflated(run, 'gzip', budget, true),
};

/** Three bytes are there by chance in a long message; the whole header isn't. */
function isHeader(bytes: Uint8Array, at: number): boolean {
  const [flags, extra, system] = [bytes[at + 3]!, bytes[at + 8]!, bytes[at + 9]!];
  return flags <= FLAGS && EXTRA_FLAGS.includes(extra) && (system <= LAST_SYSTEM || system === UNKNOWN_SYSTEM);
}
