/**
 * LINKTYPE_WIRESHARK_UPPER_PDU (252): a packet of an upper layer without those below it, in front of it tags that say which
 * dissector reads it and what the addresses were. Tags as in Wireshark's epan/exported_pdu.h: 16 bits of type, 16 bits of length,
 * big-endian, the value padded to four bytes; type 0 ends them.
 */

/** https://www.tcpdump.org/linktypes.html */
export const LINK_UPPER_PDU = 252;

const TAG = { end: 0, dissector: 12, ipv4Source: 20, ipv4Destination: 21, portType: 24, source: 25, destination: 26 };
/** `EXP_PDU_PT_TCP`, `EXP_PDU_PT_UDP`. */
const PORT_TYPE = { tcp: 2, udp: 3 };
/** Tags of one packet; Wireshark writes about ten. */
const MOST_TAGS = 64;

/** What Wireshark reads it with. */
export type Dissector = 'rtp' | 'rtcp' | 'sdp' | 'http' | 'websocket';

export interface End {
  /** IPv4, as four numbers. */
  address: readonly [number, number, number, number];
  port: number;
}

export interface UpperPdu {
  dissector: Dissector;
  transport: keyof typeof PORT_TYPE;
  source: End;
  destination: End;
  payload: Uint8Array;
}

export function writeUpperPdu({ dissector, transport, source, destination, payload }: UpperPdu): Buffer {
  return Buffer.concat([
    tag(TAG.dissector, Buffer.from(dissector)),
    tag(TAG.ipv4Source, Buffer.from(source.address)),
    tag(TAG.ipv4Destination, Buffer.from(destination.address)),
    tag(TAG.portType, number(PORT_TYPE[transport])),
    tag(TAG.source, number(source.port)),
    tag(TAG.destination, number(destination.port)),
    tag(TAG.end, Buffer.alloc(0)),
    payload,
  ]);
}

/** The dissector's name and what it reads; undefined where the tags reach beyond the packet or name none. */
export function readUpperPdu(packet: Uint8Array): { dissector: string; payload: Uint8Array } | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let dissector: string | undefined;
  for (let at = 0, count = 0; at + 4 <= packet.length && count < MOST_TAGS; count++) {
    const type = view.getUint16(at);
    const length = view.getUint16(at + 2);
    at += 4;
    if (type === TAG.end) return dissector === undefined ? undefined : { dissector, payload: packet.subarray(at) };
    if (at + length > packet.length) return undefined;
    if (type === TAG.dissector)
      dissector = Buffer.from(packet.subarray(at, at + length))
        .toString('latin1')
        .replace(/\0+$/, '');
    at += Math.ceil(length / 4) * 4;
  }
  return undefined;
}

function tag(type: number, value: Uint8Array): Buffer {
  const length = Math.ceil(value.length / 4) * 4;
  const bytes = Buffer.alloc(4 + length);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(length, 2);
  bytes.set(value, 4);
  return bytes;
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
