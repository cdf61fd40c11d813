/** VP8: the RTP payload descriptor (RFC 7741) and the head of a frame (RFC 6386). */

/** One RTP payload of VP8, its descriptor taken off. */
export interface Vp8Payload {
  /** The payload begins a frame: it begins partition 0 (RFC 7741, 4.2: S set, PID 0). */
  start: boolean;
  /** A piece of the frame; a view into the payload. */
  data: Uint8Array;
}

/** Reads the payload descriptor (RFC 7741, 4.2); undefined where it reaches beyond the payload or nothing follows it. */
export function parseVp8Payload(payload: Uint8Array): Vp8Payload | undefined {
  const first = payload[0] ?? 0;
  let length = 1;
  if (first & 0x80) {
    const extension = payload[length++] ?? 0;
    if (extension & 0x80) length += (payload[length] ?? 0) & 0x80 ? 2 : 1; // PictureID of 15 or 7 bits
    if (extension & 0x40) length++; // TL0PICIDX
    if (extension & 0x30) length++; // TID, Y, KEYIDX
  }
  if (length >= payload.length) return undefined;
  return { start: (first & 0x17) === 0x10, data: payload.subarray(length) };
}

/** The uncompressed data chunk that begins a VP8 frame (RFC 6386, 9.1). */
export interface Vp8FrameHeader {
  key: boolean;
  /** Which reconstruction and loop filters: 0 to 3 are defined. */
  version: number;
  show: boolean;
  /** Bytes in the first partition. */
  firstPartitionSize: number;
  /** Bytes before the first partition: 10 in key frames, 3 in others. */
  length: number;
  /** Pixels; key frames only, as are the other two. */
  width?: number;
  height?: number;
  /** The three bytes 9d 01 2a stand where they must. */
  startCode?: boolean;
}

/** Reads a frame's header (RFC 6386, 9.1, and the code in 19.1); undefined where the frame is too short to hold one. */
export function parseVp8FrameHeader(frame: Uint8Array): Vp8FrameHeader | undefined {
  if (frame.length < 3) return undefined;
  const tag = frame[0]! | (frame[1]! << 8) | (frame[2]! << 16);
  const common = { version: (tag >> 1) & 7, show: Boolean(tag & 0x10), firstPartitionSize: tag >> 5 };
  if (tag & 1) return { key: false, length: 3, ...common };
  if (frame.length < 10) return undefined;
  return {
    key: true,
    length: 10,
    ...common,
    startCode: frame[3] === 0x9d && frame[4] === 0x01 && frame[5] === 0x2a,
    // The top two bits ask the player to scale; they are no part of the size.
    width: (frame[6]! | (frame[7]! << 8)) & 0x3fff,
    height: (frame[8]! | (frame[9]! << 8)) & 0x3fff,
  };
}

/**
 * Whether a frame begins as a VP8 frame must: a defined version, a first partition that fits, and in key frames the
 * start code and a size. Says nothing of the rest: several schemes leave these bytes clear and encrypt what follows. Of
 * random frames of 1000 bytes about one in 1000 looks so.
 */
export function looksLikeVp8(frame: Uint8Array): boolean {
  const header = parseVp8FrameHeader(frame);
  if (!header || header.version > 3) return false;
  if (header.firstPartitionSize === 0 || header.length + header.firstPartitionSize > frame.length) return false;
  return !header.key || Boolean(header.startCode && header.width && header.height);
}
