/** Ogg Opus files (RFC 7845 on RFC 3533). */
import { parseOpus } from './opus.ts';

/** Pages carry one packet each: 255 lacing values of at most 255, the last below 255 (RFC 3533, 6). */
const LARGEST_PACKET = 255 * 255 - 1;
/** The one logical stream's serial number; any will do. */
const SERIAL = 1;
const FIRST_PAGE = 2;
const LAST_PAGE = 4;

/**
 * Puts Opus packets into an Ogg file, mono, without pre-skip. Silence between packets (lost, or never sent) is closed up.
 * What {@link parseOpus} refuses is left out: no decoder takes it.
 */
export function oggOpus(packets: readonly Uint8Array[]): Uint8Array {
  const sound = packets.filter((packet) => packet.length <= LARGEST_PACKET && parseOpus(packet));
  const pages = [page(opusHead(), 0, 0n, FIRST_PAGE), page(opusTags(), 1, 0n, sound.length === 0 ? LAST_PAGE : 0)];
  let samples = 0n;
  for (const [index, packet] of sound.entries()) {
    const { frames, samplesPerFrame } = parseOpus(packet)!;
    samples += BigInt(frames * samplesPerFrame);
    pages.push(page(packet, index + 2, samples, index === sound.length - 1 ? LAST_PAGE : 0));
  }
  return Buffer.concat(pages);
}

/** The identification header (RFC 7845, 5.1): version 1, one channel, 48 kHz, no gain, channel mapping family 0. */
function opusHead(): Uint8Array {
  const head = Buffer.alloc(19);
  head.write('OpusHead');
  head[8] = 1;
  head[9] = 1;
  head.writeUInt32LE(48000, 12);
  return head;
}

/** The comment header (RFC 7845, 5.2) with a vendor string and no comments. */
function opusTags(): Uint8Array {
  const vendor = 'keywitness';
  const tags = Buffer.alloc(16 + vendor.length);
  tags.write('OpusTags');
  tags.writeUInt32LE(vendor.length, 8);
  tags.write(vendor, 12);
  return tags;
}

/** One page with one packet (RFC 3533, 6). `granule`: samples at 48 kHz up to the page's end. */
function page(packet: Uint8Array, sequence: number, granule: bigint, flags: number): Uint8Array {
  const lacings = Math.floor(packet.length / 255) + 1;
  const bytes = Buffer.alloc(27 + lacings + packet.length);
  bytes.write('OggS');
  bytes[5] = flags;
  bytes.writeBigUInt64LE(granule, 6);
  bytes.writeUInt32LE(SERIAL, 14);
  bytes.writeUInt32LE(sequence, 18);
  bytes[26] = lacings;
  bytes.fill(255, 27, 27 + lacings);
  bytes[26 + lacings] = packet.length % 255;
  bytes.set(packet, 27 + lacings);
  bytes.writeUInt32LE(oggCrc(bytes), 22);
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value;
});

/** Ogg's checksum (RFC 3533, 6): polynomial 0x04c11db7, initial value 0, nothing reflected, nothing inverted. */
export function oggCrc(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte]!;
  return crc >>> 0;
}
