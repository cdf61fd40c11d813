/**
 * The `rtp` vantage point: what the provider's media server sees. Chromium prints each RTP and RTCP packet, before SRTP
 * is put on and after it is taken off, when it is started with {@link RTP_DUMP_FLAGS}; this reads its stderr.
 *
 * A packet is three lines, the second empty (webrtc: pc/srtp_session.cc and rtc_base/text2pcap.cc):
 *
 *     [pid:tid:MMDD/hhmmss.uuuuuu:VERBOSE1:third_party/webrtc/pc/srtp_session.cc:549]
 *
 *     O 12:34:56.789 0000 80 60 ... # RTP_DUMP
 *
 * `O` is sent, `I` is received. A page's console messages reach stderr as well, line breaks and all, so a page that sets
 * out to can print packets that never were. It can't keep a real one from being printed.
 */
import { isRtcp, parseRtp } from '../../media/rtp.ts';
import type { EventSink, NewEvent } from '../../recording/format.ts';

/** Chromium's switches for the dump. It comes on stderr only: with `--log-file` it doesn't come. */
export const RTP_DUMP_FLAGS = [
  '--force-fieldtrials=WebRTC-Debugging-RtpDump/Enabled/',
  '--enable-logging=stderr',
  '--vmodule=srtp_session=1',
] as const;

/** One packet, without SRTP. */
export interface DumpedPacket {
  direction: 'send' | 'receive';
  packet: Uint8Array;
}

/** Three characters a byte for the largest UDP datagram, and the rest of the line. */
const LONGEST_LINE = 3 * 65536 + 256;
const NEWLINE = 0x0a;
const MARK = Buffer.from('# RTP_DUMP');
const PREAMBLE = Buffer.from('srtp_session.cc:');
/** It ends its line. Before it may stand what a library wrote without a line end, as ALSA's does. */
const ANNOUNCEMENT = /\[\d+:\d+:\d{4}\/\d{6}\.\d+:VERBOSE1:[\w/]*\/srtp_session\.cc:\d+\] ?$/;
/** Characters in which it fits. */
const LONGEST_ANNOUNCEMENT = 160;
/** A line of which no more characters than this are kept to be shown. */
const SHOWN = 120;

/** Finds packets in stderr as it comes, in pieces cut anywhere. Holds at most one line. */
export class RtpDumpReader {
  /** Lines with the dump's mark that hold no packet: cut, or mixed with another process's. */
  malformed = 0;
  /** The first of these, and the line before it, for people: without the packet's bytes. */
  shape: string | undefined;
  #before = '';
  #line: Buffer[] = [];
  #length = 0;
  /** The last line that was not empty was the dump's preamble. */
  #announced = false;

  /** The packets that this piece completes. */
  push(piece: Uint8Array): DumpedPacket[] {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const packets: DumpedPacket[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#hold(bytes.subarray(start, end));
      const packet = this.#endLine();
      if (packet) packets.push(packet);
      start = end + 1;
    }
    this.#hold(bytes.subarray(start));
    return packets;
  }

  #hold(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > LONGEST_LINE) this.#line = [];
    // A copy: whoever reads the stream may use the buffer again.
    else if (part.length > 0) this.#line.push(Buffer.from(part));
  }

  #endLine(): DumpedPacket | undefined {
    const line = this.#line.length === 1 ? this.#line[0]! : Buffer.concat(this.#line);
    this.#line = [];
    this.#length = 0;
    if (line.length === 0) return undefined;
    const announced = this.#announced;
    this.#announced =
      line.includes(PREAMBLE) && ANNOUNCEMENT.test(line.toString('latin1', line.length - LONGEST_ANNOUNCEMENT));
    const mark = line.lastIndexOf(MARK);
    if (mark < 0) {
      this.#before = shapeOf(line);
      return undefined;
    }
    const packet = announced ? parseLine(line.subarray(0, mark)) : undefined;
    if (!packet) {
      this.malformed++;
      this.shape ??= `${this.#before} ⏎ ${shapeOf(line)}`;
    }
    return packet;
  }
}

/** How a line begins and ends, its bytes in hex left out: they are somebody's media. */
function shapeOf(line: Buffer): string {
  const text = line
    .toString('latin1')
    .replaceAll(/(?:\b[0-9a-f]{2} ?){2,}/gi, '… ')
    .replaceAll(/[^ -~…]/g, '?');
  return text.length > SHOWN ? `${text.slice(0, SHOWN / 2)} [...] ${text.slice(-SHOWN / 2)}` : text;
}

/** `O 12:34:56.789 0000 80 60 ...`, up to the mark. */
function parseLine(line: Buffer): DumpedPacket | undefined {
  const head = /^([IO]) \d\d:\d\d:\d\d\.\d{3} 0000 /.exec(line.toString('latin1', 0, 32));
  if (!head) return undefined;
  const packet = parseHex(line.subarray(head[0].length));
  return packet && { direction: head[1] === 'O' ? 'send' : 'receive', packet };
}

const NIBBLES = Int8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return value;
});

/** Bytes of two hex digits each, with a space after each; undefined for anything else, and for no bytes. */
function parseHex(text: Buffer): Uint8Array | undefined {
  if (text.length === 0 || text.length % 3 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 3);
  for (let at = 0, from = 0; at < bytes.length; at++, from += 3) {
    const value = (NIBBLES[text[from]!]! << 4) | NIBBLES[text[from + 1]!]!;
    if (value < 0 || text[from + 2] !== 0x20) return undefined;
    bytes[at] = value;
  }
  return bytes;
}

/** What a recorder has seen so far, in packets. */
export interface RtpCounts {
  rtp: number;
  rtcp: number;
  /** Neither: recorded nowhere. */
  other: number;
  /** Lines of the dump that could not be read, and how the first of them looks. */
  malformed: number;
  shape: string | undefined;
}

/** Turns one participant's stderr into `rtp` and `rtcp` events. */
export class RtpRecorder {
  readonly #reader = new RtpDumpReader();
  readonly #participant: string;
  readonly #sink: EventSink;
  readonly #counts = { rtp: 0, rtcp: 0, other: 0 };

  constructor(participant: string, sink: EventSink) {
    this.#participant = participant;
    this.#sink = sink;
  }

  /** Takes a piece of stderr. */
  push(piece: Uint8Array): void {
    for (const dumped of this.#reader.push(piece)) {
      const event = rtpEvent(this.#participant, dumped);
      this.#counts[event?.type ?? 'other']++;
      if (event) this.#sink.append(event);
    }
  }

  get counts(): RtpCounts {
    const { malformed, shape } = this.#reader;
    return { ...this.#counts, malformed, shape };
  }
}

/** A packet's event; undefined for what is neither RTP nor RTCP (told apart by RFC 5761, 4). */
export function rtpEvent(participant: string, dumped: DumpedPacket): NewEvent<'rtp' | 'rtcp'> | undefined {
  const { direction, packet: body } = dumped;
  const common = { participant, vantage: 'rtp', direction, body } as const;
  if (isRtcp(body)) return { ...common, type: 'rtcp', payloadType: body[1]! };
  const packet = parseRtp(body);
  if (!packet) return undefined;
  const { payload: _, ...header } = packet;
  return { ...common, type: 'rtp', ...header };
}
