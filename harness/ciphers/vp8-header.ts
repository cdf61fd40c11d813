/** The coded header of a VP8 frame (RFC 6386, 9.2 to 9.6): what stands behind the bytes that applications leave in clear. */
import { parseVp8FrameHeader } from '../media/vp8.ts';

/** The boolean decoder of RFC 6386, 7.3; reads zeros beyond the end. */
class BoolDecoder {
  readonly #bytes: Uint8Array;
  #at: number;
  #value: number;
  #range = 255;
  #shifted = 0;

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#value = ((bytes[start] ?? 0) << 8) | (bytes[start + 1] ?? 0);
    this.#at = start + 2;
  }

  /** A bit that is as likely 0 as 1. */
  flag(): boolean {
    const split = 1 + (((this.#range - 1) * 128) >> 8);
    const isSet = this.#value >= split << 8;
    this.#range = isSet ? this.#range - split : split;
    if (isSet) this.#value -= split << 8;
    while (this.#range < 128) {
      this.#value <<= 1;
      this.#range <<= 1;
      if (++this.#shifted < 8) continue;
      this.#shifted = 0;
      this.#value |= this.#bytes[this.#at++] ?? 0;
    }
    return isSet;
  }

  /** An unsigned number of n bits. */
  literal(bits: number): number {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) value = (value << 1) | Number(this.flag());
    return value;
  }

  /** n numbers, each with a flag that says whether it is there, and `bits` bits. How many are there. */
  optional(count: number, bits: number): number {
    let present = 0;
    for (let i = 0; i < count; i++) {
      if (!this.flag()) continue;
      present++;
      this.literal(bits);
    }
    return present;
  }
}

/** Bytes at a frame's start that hold its coded header, as far as it's read here. */
export const VP8_HEADER_BYTES = 40;

/**
 * Whether a frame begins as libvpx writes it in calls: an uncompressed chunk that may be, then YUV without a colour space of
 * its own, no sharpness, one partition of coefficients, at most one of the five quantizer differences. Behind a right chunk,
 * random bytes are so less than once in 100 frames, in key frames half as often.
 *
 * @param start The frame's first {@link VP8_HEADER_BYTES}.
 * @param length Of the frame.
 */
export function beginsLikeVp8(start: Uint8Array, length: number): boolean {
  const chunk = parseVp8FrameHeader(start);
  if (!chunk || chunk.version > 3 || chunk.length + chunk.firstPartitionSize > length) return false;
  if (chunk.key && !chunk.startCode) return false;
  const coded = new BoolDecoder(start, chunk.length);
  if (chunk.key) {
    const colourSpace = coded.flag();
    coded.flag(); // clamping_type
    if (colourSpace) return false;
  }
  if (coded.flag()) segmentation(coded);
  coded.literal(1 + 6); // filter_type, loop_filter_level
  const sharpness = coded.literal(3);
  // loop_filter_adj_enable, mode_ref_lf_delta_update: eight numbers with a sign
  if (coded.flag() && coded.flag()) coded.optional(8, 6 + 1);
  const partitions = coded.literal(2);
  coded.literal(7); // y_ac_qi
  return sharpness === 0 && partitions === 0 && coded.optional(5, 4 + 1) <= 1;
}

/** `update_segmentation` of RFC 6386, 19.2. */
function segmentation(coded: BoolDecoder): void {
  const updatesMap = coded.flag();
  if (coded.flag()) {
    coded.flag(); // segment_feature_mode
    coded.optional(4, 7 + 1); // quantizer
    coded.optional(4, 6 + 1); // loop filter level
  }
  if (updatesMap) coded.optional(3, 8);
}
