/**
 * The media that participants sent: as the provider's server sees it (RTP without SRTP), beside what the page's hooks saw
 * before and after the application's own transform.
 */
import { createHash } from 'node:crypto';
import type { RtpMap } from '../media/codecs.ts';
import { assembleFrames, type EncodedFrame, type FrameLosses, type PacketEvent } from '../media/frames.ts';
import { parseRtp, type RtpPacket, unwrapRed, unwrapRtx } from '../media/rtp.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Connections, Route } from './connections.ts';
import type { Bodies } from './crossings.ts';
import { LeavingFrames } from './leaving-frames.ts';
import { PackedBodies } from './packed-bodies.ts';

/** One stream of media that a participant sent. */
export interface SentStream {
  participant: string;
  ssrc: number;
  medium: 'audio' | 'video';
  /** `VP8` or `opus`; undefined where it is another or the description doesn't say. */
  codec: 'VP8' | 'opus' | undefined;
  /** What its frames travel in. */
  carrier: 'rtp' | 'websocket' | 'data channel';
  /** Whether its other end is the provider's server: told by the DTLS fingerprints (RFC 8122) in the descriptions. */
  route: Route;
  /** Of a direct route: DTLS was seen to end at another participant's browser. */
  secured: boolean;
  /** Of RTP, or messages. */
  packets: number;
  leaving: LeavingFrames;
  /** The provider's view, frame by frame; read anew each time. */
  frames(losses?: FrameLosses): Generator<EncodedFrame>;
  /** The frames before the application's transform, to be read from their bodies; empty where there is none. */
  before(): Generator<Omit<EncodedFrame, 'data'> & { body: Body }>;
  /** Of RTP: the codec's name of a payload type. */
  codecOf?(payloadType: number): string | undefined;
  /** Of frames that travel in messages: the one that carried a frame, and which part of it (bytes) the frame's data is. */
  message?(timestamp: number): { body: Body; offset: number; length: number };
}

interface Packets {
  payloadType: number;
  refs: PackedBodies;
}

/** Gathers streams from a recording's events, fed in order. */
export class MediaView {
  readonly #bodies: Bodies;
  readonly #connections: Connections;
  readonly #packets = new Map<string, Map<number, Packets>>();
  readonly #leaving = new Map<string, Map<number, LeavingFrames>>();

  /** @param connections fed with the same events. */
  constructor(bodies: Bodies, connections: Connections) {
    this.#bodies = bodies;
    this.#connections = connections;
  }

  see(event: RecordedEvent): void {
    const participant = event.participant ?? '';
    switch (event.type) {
      case 'rtp': {
        // On the wire it may be SRTP: no view of the media, neither the provider's nor anybody's.
        if (event.direction !== 'send' || event.vantage === 'wire') break;
        const streams = within(this.#packets, participant, () => new Map<number, Packets>());
        const stream = within(
          streams,
          event.ssrc,
          () => ({ payloadType: event.payloadType, refs: new PackedBodies() }) as Packets,
        );
        stream.refs.push(event.seq, event.body);
        break;
      }
      case 'frame': {
        if (event.direction === 'receive') break;
        const streams = within(this.#leaving, participant, () => new Map<number, LeavingFrames>());
        const frames = within(streams, event.ssrc, () => new LeavingFrames(event.medium));
        frames.add(event.timestamp, event.position, event.key, event.seq, event.body);
        break;
      }
    }
  }

  /** The streams that left the browser, once all events were seen; in order of participant and first packet. */
  streams(): SentStream[] {
    const all: SentStream[] = [];
    for (const [participant, streams] of this.#packets) {
      const everything = this.#connections.rtpMap(participant);
      for (const [ssrc, packets] of streams) {
        const own = this.#connections.sending(participant, ssrc);
        const route = this.#connections.route(participant, own);
        if (route === 'own') continue;
        const map = own ? this.#connections.rtpMap(participant, own) : everything;
        const codec = codecOf(map, packets.payloadType);
        // What RTX brings again was sent before by the same browser, and is in the recording.
        if (codec?.name === 'rtx' && this.#repeats(map, ssrc, packets, streams)) continue;
        const known = this.#leaving.get(participant)?.get(ssrc);
        const medium = codec?.medium ?? known?.medium ?? 'video';
        const leaving = known ?? new LeavingFrames(medium);
        all.push(
          this.#stream(
            participant,
            ssrc,
            medium,
            codec?.name,
            map,
            route,
            own !== undefined && this.#connections.isSecured(participant, own),
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
    const repeated = [...refs].flatMap(({ body }) => {
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
    route: Route,
    secured: boolean,
    packets: Packets,
    leaving: LeavingFrames,
  ): SentStream {
    const known = name === 'red' ? (medium === 'audio' ? 'opus' : 'VP8') : name;
    const codec = known === 'VP8' || known === 'opus' ? known : undefined;
    const bodies = this.#bodies;
    function* read(losses?: FrameLosses): Generator<PacketEvent> {
      for (const { seq, body } of packets.refs) {
        const packet = parseRtp(bodies.body(body));
        // A sender may begin or end redundancy in the midst of a stream.
        const own = packet && codecOf(map, packet.payloadType)?.name;
        const inner = packet && own === 'red' ? unwrapRed(packet) : packet;
        const carries = inner && codecOf(map, inner.payloadType)?.name;
        if (inner && carries === codec) yield { event: seq, packet: inner };
        // Forward error correction (RFC 5109) has a number among the others and carries nothing of its own.
        else if (inner && own === 'red' && carries === 'ulpfec')
          yield { event: seq, packet: { ...inner, payload: new Uint8Array() } };
        // Of another codec than the stream: nothing that is said of the stream is said of it.
        else if (losses) losses.incomplete++;
      }
    }
    return {
      participant,
      ssrc,
      medium,
      codec,
      carrier: 'rtp',
      route,
      secured,
      packets: packets.refs.length,
      leaving,
      codecOf: (payloadType) => codecOf(map, payloadType)?.name,
      *frames(losses) {
        if (codec) yield* assembleFrames(read(losses), codec, losses);
      },
      *before() {
        for (const [timestamp, { medium, key, before, seq }] of leaving)
          if (before) yield { ssrc, timestamp, medium, key, body: before, evidence: [seq] };
      },
    };
  }
}

/** What tells one packet of a stream from another. */
function contentOf({ sequenceNumber, payload }: RtpPacket): string {
  return `${sequenceNumber} ${createHash('sha256').update(payload).digest('hex')}`;
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
