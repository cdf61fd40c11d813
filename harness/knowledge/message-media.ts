/**
 * Media that pages pack and send by themselves: frames of a WebCodecs encoder, each in one binary message of a WebSocket or a data
 * channel, behind and before what the application adds to it. No format is known for these: which frame a message carries is told
 * by what the page did, and how much longer the message is.
 *
 * A message is taken for a frame that the encoder gave before, and that is in it as it is, or else is shorter by
 * {@link MOST_ADDED} bytes at most: the next one after the last that went the same way; or, where that would have waited much longer
 * than those before, the newest, since others may not have been sent at all. Of several it is the one that is shorter by as much as
 * most that went this way. Whatever else is sent in binary may be taken for a frame now and then: a way is one of media only where
 * most of what the encoder gave went it. What a key opens is compared with the frame, so that a wrong match accuses nobody.
 */
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Connections } from './connections.ts';
import type { Bodies } from './crossings.ts';
import { LeavingFrames } from './leaving-frames.ts';
import type { SentStream } from './media-view.ts';
import { PackedBodies } from './packed-bodies.ts';

/** Bytes that an application and its cipher add to a frame, at most. */
const MOST_ADDED = 128;
/** Shorter frames (bytes) may stand in a message by chance. */
const LONG_ENOUGH = 8;
/** Frames of a participant that may still be sent; about 4 s. */
const WAITING = 256;
/** A stream has so many frames at least, and the share of those that the encoder gave meanwhile. */
const FEWEST = 20;
const MOST_OF_THEM = 0.5;
/** Of what is added to a frame (bytes), so many are accounted for by a tag, a nonce, and a header of the application's own. */
const ACCOUNTED = 40;
/** ms that a frame may wait longer for being sent than the one before it. */
const LONGER_WAIT = 250;
/** RTP's clock rates (RFC 7741, RFC 7587), by which the timestamps of these frames count, too; in Hz. */
const CLOCK = { video: 90_000, audio: 48_000 };
/** Above all SSRCs of RTP, which have 32 bits (RFC 3550, 3). */
const FIRST_NUMBER = 2 ** 32;

/** `number` counts all of a recording, `index` those of one encoder. */
type Chunk = RecordedEvent<'encoder.chunk'> & { number: number; index: number };

/** One frame, and the part of its message (bytes) that is looked at: the frame as it is, or else all. */
interface Carried {
  timestamp: number;
  key: boolean;
  offset: number;
  length: number;
  /** Of the message, how many bytes are the frame or what seals it. */
  accounted: number;
}

interface Stream {
  participant: string;
  number: number;
  carrier: 'websocket' | 'data channel';
  /** Of a data channel. */
  connection: string | undefined;
  codec: string;
  medium: 'audio' | 'video';
  /** Of the encoder's frames, the first that went this way and the last. */
  range: [number, number];
  /** Of the last frame that went this way; and how long it had waited, in ms. */
  last: number;
  waited: number;
  carried: Carried[];
  /** The messages of these, as the page handed them over. */
  messages: PackedBodies;
  leaving: LeavingFrames;
}

/** A message seen as the frame that it carries, and that frame as the encoder gave it. */
export interface AsFrame {
  frame: RecordedEvent<'frame'>;
  before: Body;
}
type Message = RecordedEvent<'socket.message' | 'rtc.data'>;

/** Gathers such media from a recording's events, fed in order. */
export class MessageMedia {
  readonly #bodies: Bodies;
  readonly #connections: Connections;
  readonly #chunks = new Map<string, Chunk[]>();
  readonly #streams = new Map<string, Stream>();
  /** What the proxy saw go to WebSockets: events by participant and digest. */
  readonly #crossed = new Map<string, number[]>();
  /** How often a message was longer than its frame by so many bytes, by the way that it went. */
  readonly #added = new Map<string, Map<number, number>>();
  readonly #given = new Map<string, number>();
  #numbers = 0;

  /** @param connections fed with the same events. */
  constructor(bodies: Bodies, connections: Connections) {
    this.#bodies = bodies;
    this.#connections = connections;
  }

  /** @returns a page's message as the frame that it carries, if it does. */
  see(event: RecordedEvent): AsFrame | undefined {
    if (event.type === 'encoder.chunk') this.#chunk(event);
    if (event.type === 'ws.message' && event.direction === 'send' && event.binary) this.#cross(event);
    if (event.type === 'socket.message') return this.#message(event, 'websocket', event.socket);
    if (event.type === 'rtc.data' && event.direction === 'send' && event.binary)
      return this.#message(event, 'data channel', event.connection);
    return undefined;
  }

  /** The streams, once all events were seen; in order of their first frames. */
  streams(): SentStream[] {
    return this.#media().map((stream) => this.#sent(stream));
  }

  /** Once all events were seen: digests of the messages that carried media. */
  carrying(): Set<string> {
    return new Set(this.#media().flatMap(({ messages }) => [...messages].map(({ body }) => body.sha256)));
  }

  /** Bytes of a participant's messages that were media and what seals it, of those that crossed. */
  bytes(participant: string): number {
    let bytes = 0;
    for (const stream of this.#media())
      if (stream.participant === participant)
        for (const index of this.#crossing(stream).keys()) bytes += stream.carried[index]!.accounted;
    return bytes;
  }

  #media(): Stream[] {
    return [...this.#streams.values()].filter(
      ({ carried, range: [first, last] }) =>
        carried.length >= FEWEST && carried.length >= MOST_OF_THEM * (last - first + 1),
    );
  }

  /** Which of a stream's messages crossed, and in which events. */
  #crossing({ participant, carrier, messages }: Stream): Map<number, number> {
    const times = new Map<string, number>();
    const events = new Map<number, number>();
    for (const [index, { seq, body }] of [...messages].entries()) {
      const name = `${participant} ${body.sha256}`;
      const time = times.get(name) ?? 0;
      times.set(name, time + 1);
      // A data channel's messages are seen by the page alone.
      const event = carrier === 'websocket' ? this.#crossed.get(name)?.[time] : seq;
      if (event !== undefined) events.set(index, event);
    }
    return events;
  }

  #chunk(event: RecordedEvent<'encoder.chunk'>): void {
    const participant = event.participant ?? '';
    const chunks = this.#chunks.get(participant) ?? [];
    this.#chunks.set(participant, chunks);
    const encoder = `${participant} ${event.encoder}`;
    const index = this.#given.get(encoder) ?? 0;
    this.#given.set(encoder, index + 1);
    chunks.push({ ...event, number: this.#numbers++, index });
    if (chunks.length > WAITING) chunks.shift();
  }

  #cross({ participant, body, seq }: RecordedEvent<'ws.message'>): void {
    const name = `${participant} ${body.sha256}`;
    const events = this.#crossed.get(name) ?? [];
    this.#crossed.set(name, events);
    events.push(seq);
  }

  #message(event: Message, carrier: Stream['carrier'], way: string): AsFrame | undefined {
    const participant = event.participant ?? '';
    const nameOf = ({ encoder }: Chunk) => `${participant} ${way} ${encoder}`;
    const fitting = (this.#chunks.get(participant) ?? []).filter(
      (chunk) =>
        chunk.number > (this.#streams.get(nameOf(chunk))?.last ?? -1) &&
        chunk.body.length > 0 &&
        chunk.body.length <= event.body.length &&
        event.body.length <= chunk.body.length + MOST_ADDED,
    );
    if (fitting.length === 0) return undefined;
    const message = Buffer.from(this.#bodies.body(event.body));
    const found = fitting.map((chunk) => ({ chunk, offset: message.indexOf(this.#bodies.body(chunk.body)) }));
    const inClear = found.find(({ chunk, offset }) => offset >= 0 && chunk.body.length >= LONG_ENOUGH);
    const typical = this.#typical(way);
    const added = ({ chunk }: { chunk: Chunk }) => event.body.length - chunk.body.length;
    const likely = found.filter((one) => added(one) === typical);
    const next = (some: typeof found) =>
      firsts(some, ({ chunk }) => chunk.encoder).find(({ chunk }) => this.#isNext(chunk, event, nameOf)) ?? some.at(-1);
    const one = inClear ?? next(likely) ?? next(found)!;
    const { chunk, offset } = one;
    this.#count(way, added(one));
    const stream = this.#streams.get(nameOf(chunk)) ?? this.#open(nameOf(chunk), chunk, event, carrier);
    let timestamp = Math.round((chunk.timestamp * CLOCK[chunk.medium]) / 1e6);
    // It is the page that gives frames their times, and the frames are told apart by them here.
    while (stream.leaving.get(timestamp)) timestamp++;
    const { key, body } = chunk;
    stream.last = chunk.number;
    stream.range[1] = chunk.index;
    stream.waited = event.t - chunk.t;
    stream.carried.push({
      timestamp,
      key,
      offset: Math.max(0, offset),
      length: offset >= 0 ? body.length : event.body.length,
      accounted: Math.min(event.body.length, body.length + ACCOUNTED),
    });
    stream.messages.push(event.seq, event.body);
    stream.leaving.add(timestamp, 'before', key, chunk.seq, body);
    stream.leaving.add(timestamp, 'after', key, event.seq, offset >= 0 ? body : event.body);
    return { frame: asFrame(event, stream, timestamp), before: body };
  }

  /** How many bytes most messages that went this way had added to their frame. */
  #typical(way: string): number | undefined {
    let typical: number | undefined;
    let most = 0;
    for (const [added, count] of this.#added.get(way) ?? []) if (count > most) [typical, most] = [added, count];
    return typical;
  }

  #count(way: string, added: number): void {
    const counts = this.#added.get(way) ?? new Map<number, number>();
    this.#added.set(way, counts.set(added, (counts.get(added) ?? 0) + 1));
  }

  /** Whether a frame would not have waited much longer than the one before it that went the same way. */
  #isNext(chunk: Chunk, { t }: Message, nameOf: (chunk: Chunk) => string): boolean {
    const stream = this.#streams.get(nameOf(chunk));
    return stream !== undefined && t - chunk.t <= stream.waited + LONGER_WAIT;
  }

  #open(name: string, { codec, medium, index }: Chunk, event: Message, carrier: Stream['carrier']): Stream {
    const stream: Stream = {
      participant: event.participant ?? '',
      number: FIRST_NUMBER + this.#streams.size,
      carrier,
      connection: event.type === 'rtc.data' ? event.connection : undefined,
      codec,
      medium,
      range: [index, index],
      last: -1,
      waited: 0,
      carried: [],
      messages: new PackedBodies(),
      leaving: new LeavingFrames(medium),
    };
    this.#streams.set(name, stream);
    return stream;
  }

  #sent(stream: Stream): SentStream {
    const { participant, number: ssrc, carrier, connection, codec, medium, carried, messages, leaving } = stream;
    const bodies = this.#bodies;
    const events = this.#crossing(stream);
    let places: Map<number, number> | undefined;
    return {
      participant,
      ssrc,
      medium,
      codec: codec === 'vp8' ? 'VP8' : codec === 'opus' ? 'opus' : undefined,
      carrier,
      ...this.#route(participant, connection),
      packets: carried.length,
      leaving,
      *frames(losses) {
        for (const [index, { timestamp, key, offset, length }] of carried.entries()) {
          const event = events.get(index);
          if (event !== undefined) {
            const data = bodies.body(messages.at(index).body).subarray(offset, offset + length);
            yield { ssrc, timestamp, medium, key, data, evidence: [event] };
          } else if (losses) losses.incomplete++;
        }
      },
      *before() {
        for (const [timestamp, { key, before, seq }] of leaving)
          if (before) yield { ssrc, timestamp, medium, key, body: before, evidence: [seq] };
      },
      message(timestamp) {
        places ??= new Map(carried.map((frame, index) => [frame.timestamp, index]));
        const index = places.get(timestamp)!;
        return { body: messages.at(index).body, offset: carried[index]!.offset, length: carried[index]!.length };
      },
    };
  }

  #route(participant: string, name: string | undefined): Pick<SentStream, 'route' | 'secured'> {
    if (name === undefined) return { route: 'provider', secured: false };
    const connection = this.#connections.named(participant, name);
    return {
      route: this.#connections.routeOf(participant, name),
      secured: connection !== undefined && this.#connections.isSecured(participant, connection),
    };
  }
}

/** The first of each kind. */
function firsts<T>(all: readonly T[], kindOf: (one: T) => string): T[] {
  return all.filter((one, index) => all.findIndex((other) => kindOf(other) === kindOf(one)) === index);
}

function asFrame(event: Message, { medium, number }: Stream, timestamp: number): AsFrame['frame'] {
  const { seq, t, participant, vantage, realm, body } = event;
  return {
    ...{ seq, t, participant, vantage, realm, body, medium, timestamp },
    ...{ type: 'frame', transform: '', api: 'streams', position: 'after', direction: 'send', ssrc: number, key: false },
  };
}
