/** Decompression within a budget. */
import { constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Budget } from './encoding.ts';

/** As long as a whole message may be (bytes). */
const MOST_AT_ONCE = 32 << 20;
/** Of DEFLATE: 258 bytes for two bits. */
const MOST_GROWTH = 1032;

const FORMATS = { gzip: gunzipSync, zlib: inflateSync, deflate: inflateRawSync };

/**
 * Undefined where the bytes aren't of that format, or give more than the budget has left, which is then marked.
 *
 * @param isLenient takes what is cut off; not for formats that could be anything.
 */
export function inflated(
  run: Uint8Array,
  format: keyof typeof FORMATS,
  budget: Budget,
  isLenient: boolean,
): Uint8Array | undefined {
  const finishFlush = isLenient ? constants.Z_SYNC_FLUSH : constants.Z_FINISH;
  const maxOutputLength = Math.min(budget.bytes, MOST_AT_ONCE);
  if (maxOutputLength === 0) {
    budget.exhausted = true;
    return undefined;
  }
  try {
    return FORMATS[format](run, { maxOutputLength, finishFlush });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') budget.exhausted = true;
    // What it gave before it failed nobody says.
    budget.bytes -= Math.min(maxOutputLength, MOST_GROWTH * run.length);
    return undefined;
  }
}
