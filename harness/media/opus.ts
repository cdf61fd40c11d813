/** Opus: an RTP payload is one Opus packet (RFC 7587, 4.2); its framing is read here, its sound is not (RFC 6716, 3). */

/** What an Opus packet says of itself. */
export interface OpusPacket {
  /** RFC 6716, table 2: 0 to 31. */
  config: number;
  mode: 'silk' | 'hybrid' | 'celt';
  stereo: boolean;
  /** How many Opus frames it holds. */
  frames: number;
  /** Length of one frame in samples at 48 kHz. */
  samplesPerFrame: number;
}

/** An Opus frame is at most so long, in bytes (RFC 6716, 3.4, R2). */
const LONGEST_FRAME = 1275;
/** A packet lasts at most 120 ms (RFC 6716, 3.4, R5), here in samples at 48 kHz. */
const LONGEST_PACKET = 5760;
/** Frame lengths at 48 kHz by the low bits of the configuration (RFC 6716, table 2). */
const SILK = [480, 960, 1920, 2880] as const;
const HYBRID = [480, 960] as const;
const CELT = [120, 240, 480, 960] as const;

/** Reads the TOC byte and the framing, held to all of RFC 6716, 3.4; undefined for what breaks a rule there. */
export function parseOpus(packet: Uint8Array): OpusPacket | undefined {
  if (packet.length === 0) return undefined;
  const toc = packet[0]!;
  const config = toc >> 3;
  const mode = config < 12 ? 'silk' : config < 16 ? 'hybrid' : 'celt';
  const samplesPerFrame =
    mode === 'silk' ? SILK[config & 3]! : mode === 'hybrid' ? HYBRID[config & 1]! : CELT[config & 3]!;
  const frames = framesIn(packet, toc & 3);
  if (!frames || frames * samplesPerFrame > LONGEST_PACKET) return undefined;
  return { config, mode, stereo: Boolean(toc & 4), frames, samplesPerFrame };
}

/**
 * Whether the bytes are framed as an Opus packet must be. Weak on its own: most random bytes are, since a packet of one
 * frame (code 0) is bound by nothing but its length.
 */
export function looksLikeOpus(packet: Uint8Array): boolean {
  return parseOpus(packet) !== undefined;
}

/** RFC 6716, 3.2: how many frames, or 0 where the framing is broken. */
function framesIn(packet: Uint8Array, code: number): number {
  const rest = packet.length - 1;
  if (code === 0) return rest <= LONGEST_FRAME ? 1 : 0;
  if (code === 1) return rest % 2 === 0 && rest / 2 <= LONGEST_FRAME ? 2 : 0;
  if (code === 2) {
    const first = frameLength(packet, 1);
    const second = first ? rest - first.bytes - first.length : -1;
    return second >= 0 && second <= LONGEST_FRAME ? 2 : 0;
  }
  return framesOfCode3(packet);
}

/** RFC 6716, 3.2.5: a count, padding, then frames of one length or of lengths given one by one. */
function framesOfCode3(packet: Uint8Array): number {
  if (packet.length < 2) return 0;
  const count = packet[1]! & 0x3f;
  // 48 frames of 2.5 ms are the 120 ms that no packet exceeds.
  if (count === 0 || count > 48) return 0;
  let at = 2;
  let padding = 0;
  if (packet[1]! & 0x40) {
    let piece: number;
    do {
      if (at >= packet.length) return 0;
      piece = packet[at++]!;
      padding += piece === 255 ? 254 : piece;
    } while (piece === 255);
  }
  const variable = Boolean(packet[1]! & 0x80);
  let left = packet.length - at - padding;
  if (!variable) return left >= 0 && left % count === 0 && left / count <= LONGEST_FRAME ? count : 0;
  for (let frame = 0; frame < count - 1; frame++) {
    const length = frameLength(packet, at);
    if (!length) return 0;
    at += length.bytes;
    left -= length.bytes + length.length;
  }
  return left >= 0 && left <= LONGEST_FRAME ? count : 0;
}

/** RFC 6716, 3.2.1: a frame's length, in one or two bytes. */
function frameLength(packet: Uint8Array, at: number): { length: number; bytes: number } | undefined {
  const first = packet[at];
  if (first === undefined) return undefined;
  if (first < 252) return { length: first, bytes: 1 };
  const second = packet[at + 1];
  return second === undefined ? undefined : { length: second * 4 + first, bytes: 2 };
}
