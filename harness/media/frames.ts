/** Encoded frames out of RTP packets: reordering undone, repeats dropped, frames that miss a piece left out. */

import type { RtpPacket } from './rtp.ts';
import { parseVp8Payload } from './vp8.ts';

/** One frame as an encoder made it, or as the application's own transform left it. */
export interface EncodedFrame {
  ssrc: number;
  /** RTP timestamp, 32 bits. */
  timestamp: number;
  medium: 'audio' | 'video';
  /**
   * For video: what the P bit of its first byte says. Where a scheme encrypts that byte too, this is chance. For
   * audio: always true.
   */
  key: boolean;
  data: Uint8Array;
  /** `seq` of the events that it came from, in the order of its bytes. */
  evidence: number[];
}

/** An RTP packet and the event that recorded it. */
export interface PacketEvent {
  /** The event's `seq`. */
  event: number;
  packet: RtpPacket;
}

/** What did not become a frame. */
export interface FrameLosses {
  /** Frames of which a piece is missing. For audio, whose frames are one packet each, see `missing`. */
  incomplete: number;
  /** Packets that never came. */
  missing: number;
  /** Packets that came too late, or with another content under a sequence number that was there already. */
  repeated: number;
  /** Packets that came again as they were: the sender answered a request for them (RFC 4585). Nothing is lost by these. */
  resent: number;
}

export function noLosses(): FrameLosses {
  return { incomplete: 0, missing: 0, repeated: 0, resent: 0 };
}

/** A packet is waited for while so many later sequence numbers have not come: about 5 s of video at 1 Mbit/s. */
const WINDOW = 512;
/** So many of the last packets are remembered, to tell a resent one. */
const RECENT = 2048;
/** A frame that grows beyond this (bytes) is given up. */
const LARGEST_FRAME = 8 << 20;

interface OpenFrame {
  first: RtpPacket;
  pieces: Uint8Array[];
  length: number;
  evidence: number[];
}

/**
 * Puts together the frames of one stream: packets of one SSRC and one direction, in the order in which they came, with
 * those that RTX brought again among them. Frames are yielded in the order of their sequence numbers.
 *
 * Sequence numbers are followed through their wrap; one that is more than half their range ahead counts as late.
 * Memory: at most `RECENT` packets and one frame.
 * @param losses counted up as the generator runs
 */
export function* assembleFrames(
  packets: Iterable<PacketEvent>,
  codec: 'VP8' | 'opus',
  losses: FrameLosses = noLosses(),
): Generator<EncodedFrame> {
  const frames = codec === 'VP8' ? new Vp8Frames(losses) : new OpusFrames();
  for (const step of inOrder(packets, losses)) {
    const frame = step === 'gap' ? frames.gap() : frames.next(step);
    if (frame) yield frame;
  }
  frames.gap();
}

/** Packets by sequence number; `gap` where some are missing. */
function* inOrder(packets: Iterable<PacketEvent>, losses: FrameLosses): Generator<PacketEvent | 'gap'> {
  const waiting = new Map<number, PacketEvent>();
  const recent = new Map<number, RtpPacket>();
  let highest: number | undefined;
  // Sequence numbers are counted on beyond 16 bits; the start leaves room for packets that come before the first.
  let next = 0;
  let began = false;

  function* release(upTo: number): Generator<PacketEvent | 'gap'> {
    while (next <= upTo) {
      let skipped = 0;
      while (next <= upTo && !waiting.has(next)) {
        next++;
        skipped++;
      }
      if (began && skipped > 0) {
        losses.missing += skipped;
        yield 'gap';
      }
      const packet = waiting.get(next);
      if (!packet) continue;
      waiting.delete(next);
      next++;
      began = true;
      yield packet;
    }
  }

  for (const item of packets) {
    const { sequenceNumber } = item.packet;
    if (highest === undefined) {
      highest = sequenceNumber;
      next = sequenceNumber - WINDOW;
    }
    const place: number = highest + (((sequenceNumber - highest) << 16) >> 16);
    if (place < next || waiting.has(place)) {
      if (isSame(recent.get(place), item.packet)) losses.resent++;
      else losses.repeated++;
      continue;
    }
    waiting.set(place, item);
    recent.set(place, item.packet);
    recent.delete(place - RECENT);
    highest = Math.max(highest, place);
    yield* release(highest - WINDOW);
    // What follows without a gap need not wait.
    while (began && waiting.has(next)) yield* release(next);
  }
  if (highest !== undefined) yield* release(highest);
}

function isSame(a: RtpPacket | undefined, b: RtpPacket): boolean {
  return a !== undefined && a.timestamp === b.timestamp && Buffer.compare(a.payload, b.payload) === 0;
}

class OpusFrames {
  gap(): undefined {}

  next({ event, packet }: PacketEvent): EncodedFrame | undefined {
    if (packet.payload.length === 0) return undefined;
    const { ssrc, timestamp, payload } = packet;
    return { ssrc, timestamp, medium: 'audio', key: true, data: payload, evidence: [event] };
  }
}

class Vp8Frames {
  readonly #losses: FrameLosses;
  #open: OpenFrame | undefined;
  /** Timestamp of the last frame given up, so that its later pieces do not count again. */
  #givenUp: number | undefined;

  constructor(losses: FrameLosses) {
    this.#losses = losses;
  }

  gap(): undefined {
    if (this.#open) this.#giveUp(this.#open.first.timestamp);
  }

  next({ event, packet }: PacketEvent): EncodedFrame | undefined {
    // Padding keeps the sequence numbers whole and carries nothing.
    if (packet.payload.length === 0) return undefined;
    const piece = parseVp8Payload(packet.payload);
    if (this.#open && this.#open.first.timestamp !== packet.timestamp) this.#giveUp(this.#open.first.timestamp);
    if (piece?.start && !this.#open) this.#open = { first: packet, pieces: [], length: 0, evidence: [] };
    const open = this.#open;
    if (!piece || !open || open.length + piece.data.length > LARGEST_FRAME) {
      this.#giveUp(packet.timestamp);
      return undefined;
    }
    open.pieces.push(piece.data);
    open.length += piece.data.length;
    open.evidence.push(event);
    if (!packet.marker) return undefined;
    this.#open = undefined;
    return whole(open);
  }

  #giveUp(timestamp: number): void {
    this.#open = undefined;
    if (this.#givenUp !== timestamp) this.#losses.incomplete++;
    this.#givenUp = timestamp;
  }
}

function whole({ first, pieces, length, evidence }: OpenFrame): EncodedFrame {
  const data = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    data.set(piece, at);
    at += piece.length;
  }
  const { ssrc, timestamp } = first;
  const key = (data[0]! & 1) === 0;
  return { ssrc, timestamp, medium: 'video', key, data, evidence };
}
