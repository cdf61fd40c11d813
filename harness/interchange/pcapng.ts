/** Blocks of pcapng (draft-ietf-opsawg-pcapng), little-endian, times in microseconds. */

import { InterchangeError } from './source.ts';

/** Block types (sections 4.1 to 4.7). */
export const BLOCK = { section: 0x0a0d0d0a, interface: 1, simple: 3, packet: 6, secrets: 10 } as const;
/** Option codes: of any block (3.5), of section headers (4.1), of interfaces (4.2), of packets (4.3). */
export const OPTION = {
  end: 0,
  comment: 1,
  userApplication: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  resolution: 9,
  timeOffset: 14,
  packetFlags: 2,
} as const;
export const BYTE_ORDER = 0x1a2b3c4d;
/** Direction, in the two lowest bits of a packet's flags. */
export const FLAG = { inbound: 1, outbound: 2 } as const;
/** An option's length has 16 bits. */
export const LONGEST_OPTION = 0xffff;
/** Wireshark refuses packets above this (wiretap's WTAP_MAX_PACKET_SIZE_STANDARD). */
export const LARGEST_PACKET = 262_144;

type Options = [code: number, value: string | Uint8Array][];

export function sectionBlock(options: Options): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(BYTE_ORDER, 0);
  body.writeUInt16LE(1, 4);
  // The section's length isn't known when it begins.
  body.fill(0xff, 8);
  return block(BLOCK.section, body, options);
}

export function interfaceBlock(link: number, name: string, description: string): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt16LE(link, 0);
  return block(BLOCK.interface, body, [
    [OPTION.interfaceName, name],
    [OPTION.interfaceDescription, description],
  ]);
}

/** @param time microseconds since 1970 */
export function packetBlock(
  face: number,
  time: number,
  direction: 'send' | 'receive',
  data: Uint8Array,
  comment?: string,
): Buffer {
  const body = Buffer.alloc(20);
  body.writeUInt32LE(face, 0);
  body.writeUInt32LE(Math.floor(time / 2 ** 32), 4);
  body.writeUInt32LE(time % 2 ** 32, 8);
  body.writeUInt32LE(data.length, 12);
  body.writeUInt32LE(data.length, 16);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(direction === 'send' ? FLAG.outbound : FLAG.inbound);
  return block(BLOCK.packet, Buffer.concat([body, padded(data)]), [
    [OPTION.packetFlags, flags],
    ...(comment === undefined ? [] : ([[OPTION.comment, comment]] as Options)),
  ]);
}

/** @param type `TLSK` for a TLS key log (4.7) */
export function secretsBlock(type: number, secrets: Uint8Array): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(type, 0);
  body.writeUInt32LE(secrets.length, 4);
  return block(BLOCK.secrets, Buffer.concat([body, padded(secrets)]), []);
}

/** @throws InterchangeError where an option is longer than {@link LONGEST_OPTION} */
function block(type: number, body: Uint8Array, options: Options): Buffer {
  const parts = [body];
  for (const [code, value] of options) {
    const bytes = Buffer.from(value);
    if (bytes.length > LONGEST_OPTION)
      throw new InterchangeError(
        `pcapng has no room for ${bytes.length} bytes of description (${JSON.stringify(bytes.toString('utf8', 0, 40))}…), expected at most ${LONGEST_OPTION}`,
      );
    const head = Buffer.alloc(4);
    head.writeUInt16LE(code, 0);
    head.writeUInt16LE(bytes.length, 2);
    parts.push(head, padded(bytes));
  }
  if (options.length > 0) parts.push(Buffer.alloc(4));
  const inside = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(inside.length + 12);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(type);
  return Buffer.concat([head, length, inside, length]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
