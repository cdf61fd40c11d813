/** RTP packets (RFC 3550) and the two formats that carry one packet's payload inside another: RTX and RED. */

/** An RTP packet, its header read and its extensions and padding taken off. */
export interface RtpPacket {
  payloadType: number;
  marker: boolean;
  /** 16 bits. */
  sequenceNumber: number;
  /** 32 bits, in units of the payload type's clock rate. */
  timestamp: number;
  ssrc: number;
  /** A view into the packet's bytes. Empty in packets that are padding only. */
  payload: Uint8Array;
}

/** The fixed header (RFC 3550, 5.1), in bytes. */
const FIXED_HEADER = 12;

/**
 * Whether a packet that shares a port with RTP is RTCP, by the packet type in its second byte (RFC 5761, 4: 192 to 223).
 */
export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1] ?? 0;
  return packet.length >= 4 && packet[0]! >> 6 === 2 && type >= 192 && type <= 223;
}

/**
 * Reads an RTP packet (RFC 3550, 5.1). Header extensions, RFC 8285's among them, are skipped.
 * Undefined for what is no RTP: RTCP, another version, or lengths that reach beyond the packet.
 */
export function parseRtp(packet: Uint8Array): RtpPacket | undefined {
  if (packet.length < FIXED_HEADER || packet[0]! >> 6 !== 2 || isRtcp(packet)) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const first = packet[0]!;
  let start = FIXED_HEADER + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (start + 4 > packet.length) return undefined;
    start += 4 + 4 * view.getUint16(start + 2);
  }
  let end = packet.length;
  if (first & 0x20) {
    const padding = packet[end - 1]!;
    if (padding === 0) return undefined;
    end -= padding;
  }
  if (start > end) return undefined;
  return {
    payloadType: packet[1]! & 0x7f,
    marker: packet[1]! >= 0x80,
    sequenceNumber: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: packet.subarray(start, end),
  };
}

/**
 * The packet that an RTX packet repeats (RFC 4588, 4): its first two payload bytes are the original sequence number.
 * @param payloadType the repeated payload type: `apt` in the RTX payload type's format parameters
 * @param ssrc the repeated stream: the first of the FID group (RFC 5576, 4.2) that the RTX stream's SSRC is in
 * @returns undefined where it repeats nothing (RTX padding, which senders use to probe for bandwidth).
 */
export function unwrapRtx(packet: RtpPacket, payloadType: number, ssrc: number): RtpPacket | undefined {
  const { payload } = packet;
  if (payload.length <= 2) return undefined;
  const sequenceNumber = (payload[0]! << 8) | payload[1]!;
  return { ...packet, payloadType, ssrc, sequenceNumber, payload: payload.subarray(2) };
}

/**
 * The packet inside a RED packet (RFC 2198, 3): its primary, i.e. last, block. The redundant blocks before it repeat
 * earlier packets and are skipped.
 * @returns undefined where the block headers reach beyond the packet.
 */
export function unwrapRed(packet: RtpPacket): RtpPacket | undefined {
  const { payload } = packet;
  let header = 0;
  let redundant = 0;
  while (header < payload.length && payload[header]! & 0x80) {
    if (header + 4 > payload.length) return undefined;
    redundant += ((payload[header + 2]! & 0x03) << 8) | payload[header + 3]!;
    header += 4;
  }
  const start = header + 1 + redundant;
  if (header >= payload.length || start > payload.length) return undefined;
  return { ...packet, payloadType: payload[header]! & 0x7f, payload: payload.subarray(start) };
}
