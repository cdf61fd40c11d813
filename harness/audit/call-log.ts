import type { Flow } from '../claims/evidence.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';

/** Different headers that are remembered of a participant. */
const MOST_HEADERS = 4096;

/** What the harness itself wrote down: who read whose card and tone, which vantage points were lost. */
export class CallLog {
  readonly lost = new Map<string, string>();
  /** The picture of each sender's card as it arrived, PNG in the recording. */
  readonly arrived = new Map<string, { picture: Body; receiver: string; counter: number }>();
  /** Bytes by participant, in addresses, headers, bodies and messages; a header that was sent before counts no more. */
  readonly sentOtherwise = new Map<string, number>();
  readonly #headers = new Map<string, Set<string>>();
  readonly #names: ReadonlyMap<number, string>;
  readonly #flow = new Map<string, Flow & { counters: Set<number> }>();

  constructor(participants: readonly { name: string; card: number }[]) {
    this.#names = new Map(participants.map(({ name, card }) => [card, name]));
  }

  see(event: RecordedEvent): void {
    if (event.type === 'vantage.lost') this.lost.set(`${event.vantage} ${event.participant}`, event.reason);
    this.#sent(event);
    if (event.type === 'http.request' || event.type === 'ws.opened') {
      this.#count(event.participant, event.url.length);
      for (const header of event.headers) this.#header(event.participant, header.join(': '));
    }
    if (event.type !== 'call.card' && event.type !== 'call.tone') return;
    const sender = this.#names.get(event.sender);
    const receiver = event.participant ?? '';
    if (!sender || sender === receiver) return;
    const name = `${sender} ${receiver}`;
    const flow = this.#flow.get(name) ?? { sender, receiver, cards: 0, words: 0, evidence: [], counters: new Set() };
    this.#flow.set(name, flow);
    if (flow.evidence.length < 16) flow.evidence.push(event.seq);
    if (event.type === 'call.tone') flow.words += event.words;
    else {
      flow.counters.add(event.counter);
      if (event.picture && !this.arrived.has(sender))
        this.arrived.set(sender, { picture: event.picture, receiver, counter: event.counter });
    }
  }

  #sent(event: RecordedEvent): void {
    const isMessage = event.type === 'ws.message' || event.type === 'rtc.data';
    const sent = isMessage ? event.direction === 'send' : event.type === 'http.body' && event.of === 'request';
    if (sent) this.#count(event.participant, (event as RecordedEvent<'ws.message'>).body.length);
  }

  #header(participant: string | null, line: string): void {
    const seen = this.#headers.get(participant ?? '') ?? new Set();
    this.#headers.set(participant ?? '', seen);
    if (seen.has(line)) return;
    if (seen.size < MOST_HEADERS) seen.add(line);
    this.#count(participant, line.length);
  }

  #count(participant: string | null, bytes: number): void {
    const name = participant ?? '';
    this.sentOtherwise.set(name, (this.sentOtherwise.get(name) ?? 0) + bytes);
  }

  flow(): Flow[] {
    return [...this.#flow.values()].map(({ counters, ...flow }) => ({ ...flow, cards: counters.size }));
  }
}
