/**
 * How far the `page` and `rtp` vantage points agree: each frame that leaves the application's transform must reach the
 * provider's server byte for byte. Counted while the call is recorded, as the health of both.
 */
import { createHash, type Hash } from 'node:crypto';
import { parseRtp } from '../media/rtp.ts';
import { parseVp8Payload } from '../media/vp8.ts';
import type { EventSink, NewEvent } from '../recording/format.ts';

/** One frame, from both sides; either may come first. */
interface Meeting {
  left?: { digest: string; isVp8: boolean };
  /** What its packets carry, as they are (Opus) and without VP8's payload descriptors. */
  arrived?: { asIs: Hash; vp8: Hash; ended: boolean };
}

/** Frames of which one side is missing; more than these are long lost. */
const MOST_WAITING = 2048;

/** Stands before a sink and passes everything on. */
export class Agreement implements EventSink {
  readonly #sink: EventSink;
  /** By participant, SSRC and RTP timestamp. */
  readonly #waiting = new Map<string, Meeting>();
  readonly #counts = new Map<string, { compared: number; agreed: number }>();

  constructor(sink: EventSink) {
    this.#sink = sink;
  }

  append(event: NewEvent): void {
    this.#sink.append(event);
    if (event.type === 'frame' && event.position === 'after' && event.direction !== 'receive') {
      const isVp8 = /vp8/i.test(event.mimeType ?? '');
      this.#meet(event, { left: { digest: createHash('sha256').update(event.body).digest('hex'), isVp8 } });
    }
    if (event.type === 'rtp' && event.direction === 'send') this.#packet(event);
  }

  /** For people; empty where the application transforms nothing. */
  detail(participant: string): string {
    const counts = this.#counts.get(participant);
    return counts ? `page and packets agree in ${counts.agreed} of ${counts.compared} frames` : '';
  }

  #packet(event: NewEvent<'rtp'>): void {
    const packet = parseRtp(event.body);
    if (!packet || packet.payload.length === 0) return;
    const arrived = this.#waiting.get(nameOf(event))?.arrived ?? {
      asIs: createHash('sha256'),
      vp8: createHash('sha256'),
      ended: false,
    };
    arrived.asIs.update(packet.payload);
    arrived.vp8.update(parseVp8Payload(packet.payload)?.data ?? packet.payload);
    arrived.ended ||= event.marker;
    this.#meet(event, { arrived });
  }

  #meet(event: NewEvent<'rtp' | 'frame'>, side: Meeting): void {
    const name = nameOf(event);
    const { left, arrived } = { ...this.#waiting.get(name), ...side };
    if (!left || !arrived || (left.isVp8 && !arrived.ended)) {
      this.#waiting.set(name, { left, arrived });
      if (this.#waiting.size > MOST_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
      return;
    }
    this.#waiting.delete(name);
    const participant = event.participant ?? '';
    const counts = this.#counts.get(participant) ?? { compared: 0, agreed: 0 };
    this.#counts.set(participant, counts);
    counts.compared++;
    if ((left.isVp8 ? arrived.vp8 : arrived.asIs).digest('hex') === left.digest) counts.agreed++;
  }
}

function nameOf({ participant, ssrc, timestamp }: NewEvent<'rtp' | 'frame'>): string {
  return `${participant} ${ssrc} ${timestamp}`;
}
