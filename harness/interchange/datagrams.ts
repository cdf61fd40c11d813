/** UDP datagrams out of captured packets: link layer, IP, UDP. Nothing is put together that was fragmented. */

/** https://www.tcpdump.org/linktypes.html; the BSDs' own numbers for raw IP are found in files, too. */
const LINK = {
  null: 0,
  ethernet: 1,
  raw: [12, 14, 101, 228, 229],
  loop: 108,
  linuxCooked: 113,
  linuxCooked2: 276,
} as const;
/** IEEE 802: EtherTypes. */
const ETHER = { ipv4: 0x0800, ipv6: 0x86dd, vlan: [0x8100, 0x88a8, 0x9100] } as const;
/** Tags of virtual networks, one in another. */
const MOST_VLANS = 4;
/** IPv6 extension headers (RFC 8200, 4), one after another. */
const MOST_EXTENSIONS = 8;
const UDP = 17;

export interface Datagram {
  /** Addresses as `addressOf` writes them. */
  source: { address: string; port: number };
  destination: { address: string; port: number };
  payload: Uint8Array;
}

/** Whether packets of a link type are read at all. */
export function isKnownLink(link: number): boolean {
  return Object.values(LINK).some((one) => (Array.isArray(one) ? one.includes(link) : one === link));
}

/** The datagram in a packet; undefined for what is none, or no whole one. */
export function datagramIn(link: number, packet: Uint8Array): Datagram | undefined {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  const start = networkLayer(link, bytes);
  return start === undefined ? undefined : fromIp(bytes.subarray(start));
}

function networkLayer(link: number, bytes: Buffer): number | undefined {
  // The address family of loopbacks is of the host that captured: the version in IP's own header says the same.
  if (link === LINK.null || link === LINK.loop) return 4;
  if (link === LINK.linuxCooked) return isIp(bytes, 14) ? 16 : undefined;
  if (link === LINK.linuxCooked2) return isIp(bytes, 0) ? 20 : undefined;
  if ((LINK.raw as readonly number[]).includes(link)) return 0;
  if (link !== LINK.ethernet) return undefined;
  let at = 12;
  for (let tags = 0; tags < MOST_VLANS && at + 2 <= bytes.length; tags++) {
    if (!(ETHER.vlan as readonly number[]).includes(bytes.readUInt16BE(at))) break;
    at += 4;
  }
  return isIp(bytes, at) ? at + 2 : undefined;
}

function isIp(bytes: Buffer, at: number): boolean {
  if (at + 2 > bytes.length) return false;
  const type = bytes.readUInt16BE(at);
  return type === ETHER.ipv4 || type === ETHER.ipv6;
}

/** RFC 791 and RFC 8200. */
function fromIp(bytes: Buffer): Datagram | undefined {
  if (bytes.length < 20) return undefined;
  if (bytes[0]! >> 4 === 4) {
    const header = (bytes[0]! & 15) * 4;
    const end = Math.min(bytes.length, bytes.readUInt16BE(2));
    const fragment = bytes.readUInt16BE(6) & 0x3fff;
    if (header < 20 || header > end || fragment !== 0 || bytes[9] !== UDP) return undefined;
    return fromUdp(bytes.subarray(header, end), bytes.subarray(12, 16), bytes.subarray(16, 20));
  }
  if (bytes[0]! >> 4 !== 6 || bytes.length < 40) return undefined;
  let next = bytes[6]!;
  let at = 40;
  // Hop-by-hop, routing, destination options: the next header, and a length in units of eight bytes beyond the first.
  for (let count = 0; [0, 43, 60].includes(next) && at + 8 <= bytes.length && count < MOST_EXTENSIONS; count++) {
    next = bytes[at]!;
    at += (bytes[at + 1]! + 1) * 8;
  }
  const end = Math.min(bytes.length, 40 + bytes.readUInt16BE(4));
  if (next !== UDP || at > end) return undefined;
  return fromUdp(bytes.subarray(at, end), bytes.subarray(8, 24), bytes.subarray(24, 40));
}

/** RFC 768. */
function fromUdp(bytes: Buffer, source: Buffer, destination: Buffer): Datagram | undefined {
  if (bytes.length < 8) return undefined;
  const length = bytes.readUInt16BE(4);
  if (length < 8 || length > bytes.length) return undefined;
  return {
    source: { address: addressOf(source), port: bytes.readUInt16BE(0) },
    destination: { address: addressOf(destination), port: bytes.readUInt16BE(2) },
    payload: bytes.subarray(8, length),
  };
}

/** Four numbers, or eight groups of hexadecimal digits without leading zeros. */
export function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = [];
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  return groups.join(':');
}

/** The same of an address as people write it; undefined for what is none. */
export function readAddress(text: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4) {
    const numbers = v4.slice(1).map(Number);
    return numbers.every((number) => number < 256) ? numbers.join('.') : undefined;
  }
  const halves = text.toLowerCase().split('::');
  if (halves.length > 2 || !/^[0-9a-f:]+$/i.test(text)) return undefined;
  const [before = [], after = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - before.length - after.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...before, ...new Array<string>(missing).fill('0'), ...after];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}

/** Whether an address is of whoever names it: everybody's is the same. */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '0:0:0:0:0:0:0:1';
}

/**
 * Whether an address belongs to a device in a local network rather than a server on the Internet: private (RFC 1918, RFC 4193),
 * link-local (RFC 3927, RFC 4291), loopback, or shared by a carrier's customers (RFC 6598).
 */
export function isLocal(address: string): boolean {
  if (!address.includes(':'))
    return /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
      address,
    );
  return /^(f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|0:0:0:0:0:0:0:1$)/.test(address);
}
