import type { Flow } from '../claims/evidence.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';

/** Different headers that are remembered of a participant. */
const MOST_HEADERS = 4096;

/** What the harness itself wrote down: who read whose card and tone, which vantage points were lost. */
export class CallLog {
  readonly lost = new Map<string, string>();
  /** The picture of each sender's card as it arrived, PNG in the recording. */
  readonly arrived = new Map<string, { picture: Body; receiver: string; counter: number }>();
  /** In addresses, headers, bodies and messages; a header that was sent before counts no more. */
  readonly #sentOtherwise = new Map<string, number>();
  /** Of each connection: bytes that data channels were seen sending, and that the browser says they sent. */
  readonly #data = new Map<string, { participant: string; seen: number; told: number }>();
  readonly #headers = new Map<string, Set<string>>();
  readonly #names: ReadonlyMap<number, string>;
  readonly #flow = new Map<string, Flow & { counters: Set<number> }>();

  constructor(participants: readonly { name: string; card: number }[]) {
    this.#names = new Map(participants.map(({ name, card }) => [card, name]));
  }

  see(event: RecordedEvent): void {
    if (event.type === 'vantage.lost') this.lost.set(`${event.vantage} ${event.participant}`, event.reason);
    this.#sent(event);
    if (event.type === 'rtc.data' && event.direction === 'send') this.#dataOf(event).seen += event.body.length;
    if (event.type === 'rtc.transport') {
      const data = this.#dataOf(event);
      data.told = Math.max(data.told, event.dataSent ?? 0);
    }
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

  /** Bytes by participant. A data channel that the page handed to a worker is seen by what the browser itself counts. */
  get sentOtherwise(): Map<string, number> {
    const all = new Map(this.#sentOtherwise);
    for (const { participant, seen, told } of this.#data.values())
      if (told > seen) all.set(participant, (all.get(participant) ?? 0) + told - seen);
    return all;
  }

  #sent(event: RecordedEvent): void {
    const isMessage = event.type === 'ws.message' || event.type === 'rtc.data';
    const sent = isMessage ? event.direction === 'send' : event.type === 'http.body' && event.of === 'request';
    if (sent) this.#count(event.participant, (event as RecordedEvent<'ws.message'>).body.length);
  }

  #dataOf({ participant, connection }: RecordedEvent<'rtc.data' | 'rtc.transport'>) {
    const name = `${participant} ${connection}`;
    const data = this.#data.get(name) ?? { participant: participant ?? '', seen: 0, told: 0 };
    this.#data.set(name, data);
    return data;
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
    this.#sentOtherwise.set(name, (this.#sentOtherwise.get(name) ?? 0) + bytes);
  }

  flow(): Flow[] {
    return [...this.#flow.values()].map(({ counters, ...flow }) => ({ ...flow, cards: counters.size }));
  }
}
