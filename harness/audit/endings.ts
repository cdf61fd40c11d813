import type { RecordedEvent } from '../recording/format.ts';

/** How long (ms) before a participant's last packet her other streams may have ended, and before her leaving all of them. */
const STREAMS_APART = 2000;
const CLOSING = 10_000;
/** Times (ms) are kept so far apart. */
const STEP = 100;

/** Tells what a participant sent last, as her page was being closed, from what ended in mid-call. */
export class Endings {
  readonly #times: { seq: number; t: number }[] = [];
  readonly #packets = new Map<string, number>();
  readonly #frames = new Map<string, number>();
  readonly #left = new Map<string, number>();

  see(event: RecordedEvent): void {
    const { seq, t, type } = event;
    const participant = event.participant ?? '';
    if (this.#times.length === 0 || t >= this.#times.at(-1)!.t + STEP) this.#times.push({ seq, t });
    if (type === 'rtp' && event.direction === 'send' && event.vantage !== 'wire') this.#packets.set(participant, t);
    if (type === 'frame' && event.direction !== 'receive') this.#frames.set(participant, t);
    if (type === 'call.left') this.#left.set(participant, t);
  }

  /** Whether an event is of about a participant's last second in the call. */
  isEnd(participant: string, seq: number): boolean {
    const t = this.#times.findLast((one) => one.seq <= seq)?.t ?? 0;
    // What pages tell may come late; packets are told as they are sent.
    const last = this.#packets.get(participant) ?? this.#frames.get(participant) ?? 0;
    return t >= last - STREAMS_APART && t >= (this.#left.get(participant) ?? t) - CLOSING;
  }
}
