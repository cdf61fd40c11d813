/**
 * The media that participants sent: as the provider's server sees it (RTP without SRTP), beside what the page's hooks saw
 * before and after the application's own transform.
 */
import { createHash } from 'node:crypto';
import { type RtpMap, readRtpMap } from '../media/codecs.ts';
import { assembleFrames, type EncodedFrame, type FrameLosses, type PacketEvent } from '../media/frames.ts';
import { parseRtp, type RtpPacket, unwrapRed, unwrapRtx } from '../media/rtp.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Bodies } from './crossings.ts';

/** A frame as the page's hooks saw it leave. */
export interface LeavingFrame {
  /** Event of `after`. */
  seq: number;
  medium: 'audio' | 'video';
  key: boolean;
  before?: Body;
  after?: Body;
}

/** One stream of media that a participant sent. */
export interface SentStream {
  participant: string;
  ssrc: number;
  medium: 'audio' | 'video';
  /** `VP8` or `opus`; undefined where it is another or the description doesn't say. */
  codec: 'VP8' | 'opus' | undefined;
  /** Whether its other end is the provider's server: told by the DTLS fingerprints (RFC 8122) in the descriptions. */
  route: 'provider' | 'direct' | 'unknown';
  packets: number;
  /** By RTP timestamp. */
  leaving: ReadonlyMap<number, LeavingFrame>;
  /** The provider's view, frame by frame; read anew each time. */
  frames(losses?: FrameLosses): Generator<EncodedFrame>;
  /** The frames before the application's transform; empty where there is none. */
  before(): Generator<EncodedFrame>;
}

interface Connection {
  local: string[];
  remote: string[];
}
interface Packets {
  payloadType: number;
  refs: { seq: number; body: Body }[];
}

/** More descriptions of one connection than this aren't read: renegotiations of a long meeting stay below. */
const MOST_DESCRIPTIONS = 64;

/** Gathers streams from a recording's events, fed in order. */
export class MediaView {
  readonly #bodies: Bodies;
  readonly #connections = new Map<string, Map<string, Connection>>();
  readonly #packets = new Map<string, Map<number, Packets>>();
  readonly #leaving = new Map<string, Map<number, Map<number, LeavingFrame>>>();

  constructor(bodies: Bodies) {
    this.#bodies = bodies;
  }

  see(event: RecordedEvent): void {
    const participant = event.participant ?? '';
    switch (event.type) {
      case 'rtc.description': {
        const connections = within(this.#connections, participant, () => new Map<string, Connection>());
        const connection = within(connections, event.connection, () => ({ local: [], remote: [] }) as Connection);
        if (connection[event.side].length < MOST_DESCRIPTIONS) connection[event.side].push(event.sdp);
        break;
      }
      case 'rtp': {
        if (event.direction !== 'send') break;
        const streams = within(this.#packets, participant, () => new Map<number, Packets>());
        const stream = within(streams, event.ssrc, () => ({ payloadType: event.payloadType, refs: [] }) as Packets);
        stream.refs.push({ seq: event.seq, body: event.body });
        break;
      }
      case 'frame': {
        if (event.direction === 'receive') break;
        const streams = within(this.#leaving, participant, () => new Map<number, Map<number, LeavingFrame>>());
        const frames = within(streams, event.ssrc, () => new Map<number, LeavingFrame>());
        const { seq, medium, key, body } = event;
        const frame = within(frames, event.timestamp, () => ({ seq, medium, key }) as LeavingFrame);
        frame[event.position] = body;
        if (event.position === 'after') frame.seq = seq;
        break;
      }
    }
  }

  /** The streams, once all events were seen; in order of participant and first packet. */
  streams(): SentStream[] {
    const all: SentStream[] = [];
    for (const [participant, streams] of this.#packets) {
      const connections = [...(this.#connections.get(participant)?.values() ?? [])];
      const everything = readRtpMap(connections.flatMap(({ local, remote }) => [...remote, ...local]));
      for (const [ssrc, packets] of streams) {
        const own = connections.find(({ local }) => readRtpMap(local).ssrcs.has(ssrc));
        const map = own ? readRtpMap([...own.remote, ...own.local]) : everything;
        const codec = codecOf(map, packets.payloadType);
        // What RTX brings again was sent before by the same browser, and is in the recording.
        if (codec?.name === 'rtx' && this.#repeats(map, ssrc, packets, streams)) continue;
        const leaving = this.#leaving.get(participant)?.get(ssrc) ?? new Map<number, LeavingFrame>();
        const medium = codec?.medium ?? [...leaving.values()][0]?.medium ?? 'video';
        all.push(
          this.#stream(
            participant,
            ssrc,
            medium,
            codec?.name,
            map,
            this.#route(participant, own, connections),
            packets,
            leaving,
          ),
        );
      }
    }
    return all;
  }

  /** Whether an RTX stream (RFC 4588) brings nothing but what the stream that it repeats had. */
  #repeats(map: RtpMap, ssrc: number, { refs }: Packets, streams: ReadonlyMap<number, Packets>): boolean {
    const original = map.repeats.get(ssrc);
    const repeated = refs.flatMap(({ body }) => {
      const packet = parseRtp(this.#bodies.body(body));
      return (packet && unwrapRtx(packet, packet.payloadType, original ?? 0)) ?? [];
    });
    const wanted = new Set(repeated.map(({ sequenceNumber }) => sequenceNumber));
    const sent = new Set<string>();
    for (const { body } of streams.get(original ?? -1)?.refs ?? []) {
      const packet = parseRtp(this.#bodies.body(body));
      if (packet && wanted.has(packet.sequenceNumber)) sent.add(contentOf(packet));
    }
    return repeated.every((packet) => sent.has(contentOf(packet)));
  }

  #stream(
    participant: string,
    ssrc: number,
    medium: 'audio' | 'video',
    name: string | undefined,
    map: RtpMap,
    route: SentStream['route'],
    packets: Packets,
    leaving: Map<number, LeavingFrame>,
  ): SentStream {
    const codec = name === 'VP8' ? 'VP8' : name === 'opus' || name === 'red' ? 'opus' : undefined;
    const bodies = this.#bodies;
    function* read(losses?: FrameLosses): Generator<PacketEvent> {
      for (const { seq, body } of packets.refs) {
        const packet = parseRtp(bodies.body(body));
        // A sender may begin or end redundancy in the midst of a stream.
        const own = packet && codecOf(map, packet.payloadType)?.name;
        const inner = packet && own === 'red' && codec === 'opus' ? unwrapRed(packet) : packet;
        const carries = inner && codecOf(map, inner.payloadType)?.name;
        if (inner && carries === codec) yield { event: seq, packet: inner };
        // Of another codec than the stream: nothing that is said of the stream is said of it.
        else if (losses) losses.incomplete++;
      }
    }
    return {
      participant,
      ssrc,
      medium,
      codec,
      route,
      packets: packets.refs.length,
      leaving,
      *frames(losses) {
        if (codec) yield* assembleFrames(read(losses), codec, losses);
      },
      *before() {
        for (const [timestamp, { medium, key, before, seq }] of leaving)
          if (before) yield { ssrc, timestamp, medium, key, data: bodies.body(before), evidence: [seq] };
      },
    };
  }

  #route(participant: string, own: Connection | undefined, all: Connection[]): SentStream['route'] {
    const others = new Set<string>();
    for (const [name, connections] of this.#connections)
      if (name !== participant)
        for (const { local } of connections.values())
          for (const sdp of local) for (const print of prints(sdp)) others.add(print);
    const remote = (own ? [own] : all).flatMap(({ remote }) => remote.flatMap(prints));
    if (remote.length === 0) return 'unknown';
    const direct = remote.filter((print) => others.has(print)).length;
    if (direct === 0) return 'provider';
    return direct === remote.length ? 'direct' : 'unknown';
  }
}

/** What tells one packet of a stream from another. */
function contentOf({ sequenceNumber, payload }: RtpPacket): string {
  return `${sequenceNumber} ${createHash('sha256').update(payload).digest('hex')}`;
}

/** Certificate fingerprints of a description (RFC 8122, 5), in lower case. */
function prints(sdp: string): string[] {
  return [...sdp.matchAll(/^a=fingerprint:([^\r\n]{1,300})/gm)].map((match) => match[1]!.trim().toLowerCase());
}

function codecOf(
  { payloadTypes }: RtpMap,
  payloadType: number,
): { name: string; medium: 'audio' | 'video' } | undefined {
  const codec = payloadTypes.get(payloadType);
  if (!codec) return undefined;
  const name = ['VP8', 'opus', 'rtx', 'red'].find((known) => known.toLowerCase() === codec.name.toLowerCase());
  return { name: name ?? codec.name, medium: codec.medium };
}

function within<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
