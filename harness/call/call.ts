/** A call as a scenario drives it: participants join, talk and leave, and what arrives at the far ends is written down. */
import { stripVTControlCharacters } from 'node:util';
import type { EventSink, NewEvent } from '../recording/format.ts';
import type { Participant } from './participant.ts';
import type { RunningService, Visit } from './service.ts';

/** How often (ms) the pages are looked at; a test card stays readable for longer than that. */
const LOOK_EVERY = 400;
/** What must have arrived of each sender so that checks can say that media flowed. */
const ENOUGH = { cards: 3, words: 2 };
/** How long (ms) a connected call waits for that beyond its time. */
const LINGER = 30_000;

/** A call that couldn't be recorded; the message says which step failed and why. */
export class CallError extends Error {
  readonly step: string;
  constructor(step: string, message: string) {
    super(message);
    this.step = step;
  }
}

export interface CallOptions {
  service: RunningService;
  participants: ReadonlyMap<string, Participant>;
  meeting: string;
  secret: string;
  /** Seconds to talk. */
  seconds: number;
  sink: EventSink;
  /** Ends waiting when the run is interrupted. */
  signal: AbortSignal;
  /** When the call must be connected. */
  deadline: AbortSignal;
  progress(what: string): void;
}

export class Call {
  readonly #options: CallOptions;
  /** What arrived since both are in, by `receiver sender`. */
  readonly #arrived = new Map<string, { counters: Set<number>; words: number }>();
  readonly #inCall = new Map<string, Participant>();
  readonly #shared = new Set<string>();
  readonly #interrupted: Promise<never>;
  readonly #overdue: Promise<never>;
  connected = false;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#interrupted = aborted(options.signal);
    this.#overdue = aborted(options.deadline, 'it took too long');
  }

  get seconds(): number {
    return this.#options.seconds;
  }

  /** Takes a participant into the meeting. */
  async join(name: string): Promise<void> {
    const participant = this.#participant(name);
    const { service, meeting, secret, sink } = this.#options;
    const visit: Visit = { meeting, participant: name, secret };
    this.#options.progress(`${name} joins`);
    this.#share(service.shares?.(visit) ?? []);
    await this.#step(`${name} joins`, participant, () => service.join(participant.page, visit), this.#overdue);
    this.#inCall.set(name, participant);
    sink.append({
      participant: name,
      vantage: 'call',
      type: 'call.joined',
      url: participant.page.url().split('#')[0]!,
    });
  }

  #share(secrets: string[]): void {
    for (const secret of secrets) {
      if (this.#shared.has(secret)) continue;
      this.#shared.add(secret);
      this.#options.sink.append({
        participant: null,
        vantage: 'call',
        type: 'call.shared',
        value: Buffer.from(secret),
      });
    }
  }

  /** Before a participant joins: whatever comes from afar is kept from the page's media elements, so that nothing arrives. */
  async blind(name: string): Promise<void> {
    // As text: a transpiler's helpers would not be there in the page.
    const content =
      "Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', { get: () => null, set: () => {} })";
    await this.#participant(name).page.addInitScript({ content });
  }

  /** A participant leaves in good order. */
  async leave(name: string): Promise<void> {
    const participant = this.#participant(name);
    this.#options.progress(`${name} leaves`);
    await participant.lastLook();
    await this.#step(`${name} leaves`, participant, () => this.#options.service.leave(participant.page));
    this.#inCall.delete(name);
    for (const pair of [...this.#arrived.keys()]) if (pair.split(' ').includes(name)) this.#arrived.delete(pair);
    this.#options.sink.append({ participant: name, vantage: 'call', type: 'call.left' });
  }

  /** Waits until everyone in the call shows the test card of everyone else. */
  async untilConnected(): Promise<void> {
    this.#options.progress('waiting for pictures at the far ends');
    const missing = () => this.#pairs().filter((pair) => !this.#arrived.get(pair)?.counters.size);
    await this.#look(
      () => missing().length === 0,
      this.#options.deadline,
      () => {
        const what = missing().map((pair) => pair.split(' ').join(' does not show '));
        throw new CallError(
          'connecting',
          `the call did not connect in time: ${what.map((one) => `${one}'s test card`).join('; ')}`,
        );
      },
    );
    this.connected = true;
  }

  /**
   * Lets the call go on for some seconds, the whole of it unless said otherwise, looking at the far ends all the while. On a
   * busy machine a connected call goes on until enough arrived to judge by, for a while.
   */
  async talk(seconds = this.seconds): Promise<void> {
    this.#options.progress(`the call goes on for ${Math.round(seconds)} s`);
    await this.#look(
      () => false,
      AbortSignal.timeout(seconds * 1000),
      () => {},
    );
    if (!this.connected) return;
    const enough = () =>
      this.#pairs().every((pair) => {
        const { counters, words } = this.#arrived.get(pair) ?? { counters: new Set(), words: 0 };
        return counters.size >= ENOUGH.cards && words >= ENOUGH.words;
      });
    await this.#look(enough, AbortSignal.timeout(LINGER), () => {});
  }

  #pairs(): string[] {
    const names = [...this.#inCall.keys()];
    return names.flatMap((one) => names.filter((other) => other !== one).map((other) => `${one} ${other}`));
  }

  async #look(done: () => boolean, until: AbortSignal, overdue: () => void): Promise<void> {
    const { signal } = this.#options;
    while (!done()) {
      signal.throwIfAborted();
      if (until.aborted) return overdue();
      const next = nextLook(AbortSignal.any([until, signal]));
      for (const participant of this.#inCall.values()) await this.#lookAt(participant);
      await next;
    }
  }

  async #lookAt(participant: Participant): Promise<void> {
    const { cards, tones } = await this.#step(`looking at ${participant.name}'s page`, participant, () =>
      participant.look(),
    );
    const arrivedFrom = (card: number) => {
      const sender = [...this.#inCall.values()].find((one) => one.card === card);
      const pair = `${participant.name} ${sender?.name}`;
      const arrived = this.#arrived.get(pair) ?? { counters: new Set(), words: 0 };
      if (sender) this.#arrived.set(pair, arrived);
      return arrived;
    };
    for (const { sender, counter } of cards) arrivedFrom(sender).counters.add(counter);
    for (const { sender, words } of tones) arrivedFrom(sender).words += words;
  }

  #participant(name: string): Participant {
    const participant = this.#options.participants.get(name);
    if (!participant) throw new Error(`the scenario casts no participant named ${name}`);
    return participant;
  }

  /** Names the step in what goes wrong, with a picture of the page. */
  async #step<T>(step: string, participant: Participant, act: () => Promise<T>, limit?: Promise<never>): Promise<T> {
    const { signal, sink } = this.#options;
    try {
      return await Promise.race([act(), this.#interrupted, participant.gone, ...(limit ? [limit] : [])]);
    } catch (failure) {
      signal.throwIfAborted();
      const error = (await participant.whyGone()) ?? failure;
      const message = firstLine(error);
      const screenshot = await participant.screenshot();
      const event: NewEvent<'call.error'> = {
        participant: participant.name,
        vantage: 'call',
        type: 'call.error',
        step,
        message,
      };
      sink.append(screenshot ? { ...event, screenshot } : event);
      throw error instanceof CallError ? error : new CallError(step, `${step}: ${message}`);
    }
  }
}

/** The first line of an error's message, without terminal colours; what else it holds may come from a page. */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return stripVTControlCharacters(message).split('\n')[0]!.slice(0, 300);
}

function nextLook(end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      end.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, LOOK_EVERY);
    end.addEventListener('abort', finish);
    if (end.aborted) finish();
  });
}

/** Rejects when the signal is aborted, with `reason` or the signal's own. */
function aborted(signal: AbortSignal, reason?: string): Promise<never> {
  const rejection = new Promise<never>((_, reject) => {
    const end = () => reject(reason ? new Error(reason) : signal.reason);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  // It may never be raced against; that is no unhandled rejection.
  rejection.catch(() => {});
  return rejection;
}
