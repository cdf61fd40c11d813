/**
 * Packets out of pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng) files of either byte order. Reads a
 * packet at a time; holds no more than one block.
 */
import { BLOCK, BYTE_ORDER, FLAG, OPTION } from './pcapng.ts';
import type { ByteSource, InterchangeError } from './source.ts';

/** A packet, a section's comments, or secrets that stand in the file. */
export type Captured =
  | {
      kind: 'packet';
      /** Microseconds since 1970. */
      time: number;
      /** https://www.tcpdump.org/linktypes.html */
      link: number;
      /** What the capture calls the interface, and says of it; empty where it doesn't say. */
      face: string;
      description: string;
      /** From its flags: `send` is outbound. */
      direction: 'send' | 'receive' | undefined;
      data: Uint8Array;
      comments: string[];
    }
  | { kind: 'section'; comments: string[] }
  | { kind: 'secrets'; type: number; data: Uint8Array };

/** Link types have 16 bits; the others of the field tell of frame check sequences. */
const LINK_BITS = 0xffff;
/** The largest that Wireshark reads; a longer one is damage. */
const LARGEST_PACKET = 262_144;
const LARGEST_BLOCK = 16 << 20;
const MOST_INTERFACES = 4096;
const MOST_OPTIONS = 256;
/** The year 9999 in microseconds. */
const LAST = 253_402_300_799_000_000n;

const PCAP_MICRO = 0xa1b2c3d4;
const PCAP_NANO = 0xa1b23c4d;

/** Whether a file that begins with these four bytes is a capture. */
export function isCapture(start: Uint8Array): boolean {
  if (start.length < 4) return false;
  const view = viewOf(start);
  return [true, false].some((little) => [PCAP_MICRO, PCAP_NANO, BLOCK.section].includes(view.getUint32(0, little)));
}

/**
 * @param seeFace is given what the file says of each interface, whether or not it has packets
 * @throws InterchangeError that says where the file is damaged or cut off.
 */
export function* readCapture(
  source: ByteSource,
  seeFace: (description: string) => void = () => {},
): Generator<Captured> {
  const magic = viewOf(source.need(4, 'a capture'));
  if (magic.getUint32(0) === BLOCK.section) yield* readBlocks(source, seeFace);
  else yield* readRecords(source, magic);
}

function* readRecords(source: ByteSource, magic: DataView): Generator<Captured> {
  const little = [PCAP_MICRO, PCAP_NANO].includes(magic.getUint32(0, true));
  const word = magic.getUint32(0, little);
  if (word !== PCAP_MICRO && word !== PCAP_NANO)
    throw source.wrong(`it begins with ${hex(word)}, expected the start of a pcap or pcapng file`, 0);
  const header = viewOf(source.need(20, "a pcap file's header"));
  const link = header.getUint32(16, little) & LINK_BITS;
  const perMicrosecond = word === PCAP_NANO ? 1000 : 1;
  for (;;) {
    const head = source.read(16, "a packet's header");
    if (!head) return;
    const view = viewOf(head);
    const length = view.getUint32(8, little);
    if (length > LARGEST_PACKET)
      throw source.wrong(`a packet of ${length} bytes, expected at most ${LARGEST_PACKET}`, source.offset - 16);
    const time = view.getUint32(0, little) * 1e6 + Math.floor(view.getUint32(4, little) / perMicrosecond);
    const data = source.need(length, 'a packet');
    yield { kind: 'packet', time, link, face: '', description: '', direction: undefined, data, comments: [] };
  }
}

interface Face {
  link: number;
  name: string;
  description: string;
  snap: number;
  /** Ticks a second, and seconds to add. */
  resolution: bigint;
  offset: bigint;
}

function* readBlocks(source: ByteSource, seeFace: (description: string) => void): Generator<Captured> {
  let little = true;
  let faces: Face[] = [];
  let last = 0;
  // The first block's type has been read.
  for (let start: Uint8Array | undefined = new Uint8Array(); start; start = source.read(4, 'a block')) {
    const at = source.offset - 4;
    const isFirst = start.length === 0;
    const lengthBytes = source.need(4, "a block's length");
    const isSection = isFirst || viewOf(start).getUint32(0) === BLOCK.section;
    let body: Uint8Array = new Uint8Array();
    if (isSection) {
      const order = viewOf(source.need(4, "a section's byte order"));
      little = order.getUint32(0, true) === BYTE_ORDER;
      if (!little && order.getUint32(0) !== BYTE_ORDER)
        throw source.wrong(`a section's byte order is ${hex(order.getUint32(0))}, expected ${hex(BYTE_ORDER)}`);
      faces = [];
    }
    const type = isSection ? BLOCK.section : viewOf(start).getUint32(0, little);
    const length = viewOf(lengthBytes).getUint32(0, little);
    const inside = length - 12 - (isSection ? 4 : 0);
    if (length % 4 !== 0 || inside < (isSection ? 12 : 0) || length > LARGEST_BLOCK)
      throw source.wrong(`a block of ${length} bytes, expected a multiple of 4 up to ${LARGEST_BLOCK}`, at);
    body = source.need(inside, 'a block');
    const again = viewOf(source.need(4, "a block's length")).getUint32(0, little);
    if (again !== length) throw source.wrong(`a block of ${length} bytes ends as one of ${again}`, at);

    const view = viewOf(body);
    const wrong = (what: string): InterchangeError => source.wrong(what, at);
    if (type === BLOCK.section) yield { kind: 'section', comments: commentsIn(body.subarray(12), little) };
    else if (type === BLOCK.interface) {
      if (body.length < 8) throw wrong('an interface of no link type');
      if (faces.length >= MOST_INTERFACES) throw wrong(`more than ${MOST_INTERFACES} interfaces`);
      const face = readFace(body, view, little);
      faces.push(face);
      seeFace(face.description);
    } else if (type === BLOCK.packet) {
      if (body.length < 20) throw wrong('a packet without its header');
      const face = faces[view.getUint32(0, little)];
      if (!face) throw wrong(`a packet of interface ${view.getUint32(0, little)}, which was not described`);
      const captured = view.getUint32(12, little);
      if (captured > body.length - 20) throw wrong(`a packet of ${captured} bytes in a block of ${length}`);
      const ticks = (BigInt(view.getUint32(4, little)) << 32n) | BigInt(view.getUint32(8, little));
      const time = (ticks * 1_000_000n) / face.resolution + face.offset * 1_000_000n;
      if (time < 0n || time > LAST) throw wrong('a packet of no year before 10000');
      last = Number(time);
      const options = optionsIn(body.subarray(20 + Math.ceil(captured / 4) * 4), little);
      yield {
        kind: 'packet',
        time: last,
        link: face.link,
        face: face.name,
        description: face.description,
        direction: directionOf(options, little),
        data: body.subarray(20, 20 + captured),
        comments: textsOf(options, OPTION.comment),
      };
    } else if (type === BLOCK.simple) {
      const face = faces[0];
      if (body.length < 4 || !face) throw wrong('a packet of no interface');
      const original = view.getUint32(0, little);
      const captured = Math.min(original, face.snap || original, body.length - 4);
      const data = body.subarray(4, 4 + captured);
      // It has no time of its own (4.4).
      yield {
        ...{ kind: 'packet', time: last, link: face.link, face: face.name, description: face.description },
        ...{ direction: undefined, data, comments: [] },
      };
    } else if (type === BLOCK.secrets && body.length >= 8) {
      const size = view.getUint32(4, little);
      if (size > body.length - 8) throw wrong(`secrets of ${size} bytes in a block of ${length}`);
      yield { kind: 'secrets', type: view.getUint32(0, little), data: body.subarray(8, 8 + size) };
    }
  }
}

function readFace(body: Uint8Array, view: DataView, little: boolean): Face {
  const options = optionsIn(body.subarray(8), little);
  const resolution = options.find(({ code }) => code === OPTION.resolution)?.value[0] ?? 6;
  const offset = options.find(({ code, value }) => code === OPTION.timeOffset && value.length === 8)?.value;
  return {
    link: view.getUint16(0, little),
    name: textsOf(options, OPTION.interfaceName)[0] ?? '',
    description: textsOf(options, OPTION.interfaceDescription)[0] ?? '',
    snap: view.getUint32(4, little),
    resolution: (resolution & 0x80 ? 2n : 10n) ** BigInt(resolution & 0x7f),
    offset: offset ? viewOf(offset).getBigInt64(0, little) : 0n,
  };
}

interface Option {
  code: number;
  value: Uint8Array;
}

/** As many as are whole. */
function optionsIn(bytes: Uint8Array, little: boolean): Option[] {
  const view = viewOf(bytes);
  const all: Option[] = [];
  for (let at = 0; at + 4 <= bytes.length && all.length < MOST_OPTIONS; ) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === OPTION.end || at + 4 + length > bytes.length) break;
    all.push({ code, value: bytes.subarray(at + 4, at + 4 + length) });
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return all;
}

function commentsIn(bytes: Uint8Array, little: boolean): string[] {
  return textsOf(optionsIn(bytes, little), OPTION.comment);
}

function textsOf(options: Option[], wanted: number): string[] {
  return options.filter(({ code }) => code === wanted).map(({ value }) => Buffer.from(value).toString('utf8'));
}

function directionOf(options: Option[], little: boolean): 'send' | 'receive' | undefined {
  const flags = options.find(({ code, value }) => code === OPTION.packetFlags && value.length === 4)?.value;
  const bits = flags ? viewOf(flags).getUint32(0, little) & 3 : 0;
  return bits === FLAG.outbound ? 'send' : bits === FLAG.inbound ? 'receive' : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}
