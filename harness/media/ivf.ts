/** IVF, the file format of the VP8 tools: a header, then frames each with its length and time. */

/** Lengths in bytes, as the IVF writer of libvpx (ivfenc.c) lays them out; all numbers are little-endian. */
const FILE_HEADER = 32;
const FRAME_HEADER = 12;

/**
 * Puts VP8 frames into an IVF file. Frame n has the time n, in a time base of 1/30 s: the place of a decoded picture in
 * its stream is known by it.
 * @param width pixels; for the header only, decoders go by the frames
 */
export function ivf(frames: readonly Uint8Array[], width: number, height: number): Uint8Array {
  const file = new Uint8Array(frames.reduce((length, frame) => length + FRAME_HEADER + frame.length, FILE_HEADER));
  const view = new DataView(file.buffer);
  file.set(Buffer.from('DKIF'), 0);
  view.setUint16(6, FILE_HEADER, true);
  file.set(Buffer.from('VP80'), 8);
  view.setUint16(12, width, true);
  view.setUint16(14, height, true);
  view.setUint32(16, 30, true);
  view.setUint32(20, 1, true);
  view.setUint32(24, frames.length, true);
  let at = FILE_HEADER;
  for (const [time, frame] of frames.entries()) {
    view.setUint32(at, frame.length, true);
    view.setBigUint64(at + 4, BigInt(time), true);
    file.set(frame, at + FRAME_HEADER);
    at += FRAME_HEADER + frame.length;
  }
  return file;
}
