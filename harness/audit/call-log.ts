import type { Flow } from '../claims/evidence.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';

/** Headers that are remembered, and values of each: more may be a message, letter by letter. */
const MOST_HEADERS = 4096;
const MOST_VALUES = 8;
/** Bytes that choosing among known values of a header tells at most, or that an empty message is there, and when. */
const CHOICE = 2;

/** What the harness itself wrote down: who read whose card and tone, which vantage points were lost. */
export class CallLog {
  readonly lost = new Map<string, string>();
  /** The picture of each sender's card as it arrived, PNG in the recording. */
  readonly arrived = new Map<string, { picture: Body; receiver: string; counter: number }>();
  /** In addresses, headers, bodies, messages and the names of data channels; a header that was sent before counts no more. */
  readonly #sentOtherwise = new Map<string, number>();
  /** Bytes that a participant's data channels were seen sending, and that its browser says they sent, by connection. */
  readonly #seen = new Map<string, number>();
  readonly #told = new Map<string, Map<string, number>>();
  readonly #headers = new Map<string, Set<string>>();
  /** The last value of each header. */
  readonly #last = new Map<string, string>();
  readonly #names: ReadonlyMap<number, string>;
  readonly #flow = new Map<string, Flow & { counters: Set<number> }>();

  constructor(participants: readonly { name: string; card: number }[]) {
    this.#names = new Map(participants.map(({ name, card }) => [card, name]));
  }

  see(event: RecordedEvent): void {
    if (event.type === 'vantage.lost') this.lost.set(`${event.vantage} ${event.participant}`, event.reason);
    this.#sent(event);
    if (event.type === 'rtc.data' && event.direction === 'send')
      this.#seen.set(event.participant ?? '', (this.#seen.get(event.participant ?? '') ?? 0) + event.body.length);
    if (event.type === 'rtc.transport') this.#tell(event);
    if (event.type === 'http.request' || event.type === 'ws.opened') {
      this.#count(event.participant, event.url.length);
      if (event.type === 'http.request') this.#count(event.participant, event.method.length);
      for (const [name, value] of event.headers) this.#header(event.participant, name, value);
    }
    if (event.type === 'ws.closed') this.#count(event.participant, event.reason?.length ?? 0);
    if (event.type === 'rtc.channel' && event.direction === 'send')
      this.#count(event.participant, event.label.length + event.protocol.length);
    if (event.type === 'rtc.opened') this.#count(event.participant, JSON.stringify(event.configuration).length);
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
    for (const [name, bytes] of this.#unseen) all.set(name, (all.get(name) ?? 0) + bytes);
    return all;
  }

  /** Participants whose data channels sent what was not seen. */
  get unseen(): number {
    return this.#unseen.size;
  }

  get #unseen(): Map<string, number> {
    const unseen = new Map<string, number>();
    for (const [name, connections] of this.#told) {
      const told = [...connections.values()].reduce((sum, bytes) => sum + bytes, 0);
      const bytes = told - (this.#seen.get(name) ?? 0);
      if (bytes > 0) unseen.set(name, bytes);
    }
    return unseen;
  }

  #sent(event: RecordedEvent): void {
    const isMessage = event.type === 'ws.message' || event.type === 'rtc.data';
    const sent = isMessage ? event.direction === 'send' : event.type === 'http.body' && event.of === 'request';
    if (!sent) return;
    const { length } = (event as RecordedEvent<'ws.message'>).body;
    this.#count(event.participant, isMessage ? Math.max(length, CHOICE) : length);
  }

  #tell({ participant, connection, dataSent = 0 }: RecordedEvent<'rtc.transport'>): void {
    const told = this.#told.get(participant ?? '') ?? new Map<string, number>();
    this.#told.set(participant ?? '', told.set(connection, Math.max(told.get(connection) ?? 0, dataSent)));
  }

  /** A header that is sent with each request carries nothing anew; one that switches, a little; one of ever more values, all. */
  #header(participant: string | null, name: string, value: string): void {
    const header = `${participant} ${name}`;
    const seen = this.#headers.get(header) ?? new Set();
    if (this.#headers.size < MOST_HEADERS) this.#headers.set(header, seen);
    const last = this.#last.get(header);
    if (this.#headers.has(header)) this.#last.set(header, value);
    if (seen.has(value) && seen.size < MOST_VALUES) {
      if (last !== value) this.#count(participant, CHOICE);
      return;
    }
    if (seen.size < MOST_VALUES) seen.add(value);
    this.#count(participant, name.length + value.length);
  }

  #count(participant: string | null, bytes: number): void {
    const name = participant ?? '';
    this.#sentOtherwise.set(name, (this.#sentOtherwise.get(name) ?? 0) + bytes);
  }

  flow(): Flow[] {
    return [...this.#flow.values()].map(({ counters, ...flow }) => ({ ...flow, cards: counters.size }));
  }
}
