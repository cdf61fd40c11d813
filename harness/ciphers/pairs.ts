/** What all share that look at pairs of frames. */

/** One frame before and after the application's transform on the sending side. */
export interface FramePair {
  readonly medium: 'audio' | 'video';
  readonly key: boolean;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** A pair that the transform changed. */
export interface Changed extends FramePair {
  /** Its place among the pairs given. */
  readonly index: number;
  /** Of its kind, in bytes. */
  readonly clearPrefix: number;
  /** Bytes by which it grew, without padding to whole blocks where its kind has that. */
  readonly room: number;
}

/** Where bytes stand in a frame. */
export interface Place {
  /** Counted from the first byte behind the clear prefix, which is 0, or from the frame's end, whose last byte is 1. */
  readonly from: 'header' | 'end';
  /** Of the first of the bytes. */
  readonly offset: number;
  readonly length: number;
}

/** Changed pairs without which nothing is claimed. */
export const MIN_PAIRS = 12;
export const BLOCK = 16;
/** Header bytes between clear prefix and ciphertext that are tried; SFrame's longest is 17 (RFC 9605 §4.3). */
export const MAX_HEADER = 24;

/** Offsets by which ciphertext may lie further back than its plaintext. */
export function headers(pair: FramePair, most = MAX_HEADER): number {
  return Math.max(0, Math.min(most, pair.after.length - pair.before.length));
}

/** Bytes for use as a key of maps. */
export function text(bytes: Uint8Array, at = 0, length = bytes.length - at): string {
  return Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
}

/** Where in a frame a place begins. */
export function locate({ after, clearPrefix }: Changed, { from, offset }: Pick<Place, 'from' | 'offset'>): number {
  return from === 'header' ? clearPrefix + offset : after.length - offset;
}
