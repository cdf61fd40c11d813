/** A call as a scenario drives it: participants join, talk and leave, and what arrives at the far ends is written down. */
import { stripVTControlCharacters } from 'node:util';
import type { EventSink, NewEvent } from '../recording/format.ts';
import type { Assisted } from './assisted.ts';
import type { Participant } from './participant.ts';
import type { RunningService, Visit } from './service.ts';

/** How often (ms) the pages are looked at; a test card stays readable for longer than that. */
const LOOK_EVERY = 400;
/** What must have arrived of each sender so that checks can say that media flowed. */
const ENOUGH = { cards: 3, words: 2 };
/** How long (ms) a connected call waits for that beyond its time. */
const LINGER = 30_000;
/** A connected call in which nothing new arrived at anyone for so long (ms) has broken off. */
const BROKEN_OFF = 25_000;

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
  /** When it must be again, from now: asked as somebody joins a connected call. */
  nextDeadline(): AbortSignal;
  /** Who does by hand what the service's `join` leaves to do; nobody unless given. */
  assisted?: Assisted;
  progress(what: string): void;
}

export class Call {
  readonly #options: CallOptions;
  /** What arrived since both are in, by `receiver sender`. */
  readonly #arrived = new Map<string, { counters: Set<number>; last?: number; words: number }>();
  /** When something new arrived last. */
  #arrivedAt = 0;
  readonly #inCall = new Map<string, Participant>();
  readonly #shared = new Set<string>();
  readonly #interrupted: Promise<never>;
  #deadline: AbortSignal;
  connected = false;

  constructor(options: CallOptions) {
    this.#options = options;
    this.#interrupted = aborted(options.signal);
    this.#deadline = options.deadline;
  }

  get seconds(): number {
    return this.#options.seconds;
  }

  /** Takes a participant into the meeting. */
  async join(name: string): Promise<void> {
    const participant = this.#participant(name);
    const { service, meeting, secret, sink, assisted } = this.#options;
    const visit: Visit = { meeting, participant: name, secret };
    this.#options.progress(`${name} joins`);
    if (this.connected) this.#deadline = this.#options.nextDeadline();
    this.#share(service.shares?.(visit) ?? []);
    const join = async () => {
      await service.join(participant.page, visit);
      await assisted?.join(participant, visit);
    };
    await this.#step(`${name} joins`, participant, join, aborted(this.#deadline, 'it took too long'));
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

  /** Waits until everyone in the call shows the test card of everyone else; whoever is the only one of the cast, her own. */
  async untilConnected(): Promise<void> {
    this.#options.progress('waiting for pictures at the far ends');
    const missing = () => this.#pairs().filter((pair) => !this.#arrived.get(pair)?.counters.size);
    await this.#look(
      () => missing().length === 0,
      this.#deadline,
      () => {
        const what = missing().map((pair) => pair.split(' ').join(' does not show '));
        const reason = `the call did not connect in time: ${what.map((one) => `${one}'s test card`).join('; ')}`;
        return this.#fail('connecting', reason, [...new Set(missing().map((pair) => pair.split(' ')[0]!))]);
      },
    );
    this.connected = true;
    this.#options.assisted?.connected();
  }

  /**
   * Lets the call go on for some seconds, the whole of it unless said otherwise, looking at the far ends all the while. On a
   * busy machine a connected call goes on until enough arrived to judge by, for a while. A person who assists may end it earlier.
   */
  async talk(seconds = this.seconds): Promise<void> {
    const over = this.#options.assisted?.over();
    const how = over ? '; press Enter to end it earlier' : '';
    this.#options.progress(`the call goes on for ${Math.round(seconds)} s${how}`);
    this.#arrivedAt = performance.now();
    const isBroken = () => this.connected && performance.now() - this.#arrivedAt > BROKEN_OFF;
    const time = AbortSignal.timeout(seconds * 1000);
    await this.#look(isBroken, over ? AbortSignal.any([time, over]) : time, () => {});
    if (!this.connected || over?.aborted) return;
    const enough = () =>
      this.#pairs().every((pair) => {
        const { counters, words } = this.#arrived.get(pair) ?? { counters: new Set(), words: 0 };
        return counters.size >= ENOUGH.cards && words >= ENOUGH.words;
      });
    await this.#look(
      () => isBroken() || enough(),
      AbortSignal.timeout(LINGER),
      () => {},
    );
    if (isBroken())
      await this.#fail('talking', `the call broke off: nothing has arrived for ${BROKEN_OFF / 1000} s`, [
        ...this.#inCall.keys(),
      ]);
  }

  #pairs(): string[] {
    const names = [...this.#inCall.keys()];
    const isEcho = this.#options.participants.size === 1;
    return names.flatMap((one) => names.filter((other) => other !== one || isEcho).map((other) => `${one} ${other}`));
  }

  async #look(done: () => boolean, until: AbortSignal, overdue: () => Promise<void> | void): Promise<void> {
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
    const arrivedFrom = (card: number): { counters: Set<number>; last?: number; words: number } => {
      const sender = [...this.#inCall.values()].find((one) => one.card === card);
      const pair = `${participant.name} ${sender?.name}`;
      const arrived = this.#arrived.get(pair) ?? { counters: new Set(), words: 0 };
      if (sender) this.#arrived.set(pair, arrived);
      return arrived;
    };
    const isFromAfar = (card: number) => card !== participant.card || this.#options.participants.size === 1;
    for (const { sender, counter } of cards) {
      const arrived = arrivedFrom(sender);
      arrived.counters.add(counter);
      if (arrived.last !== counter && isFromAfar(sender)) this.#arrivedAt = performance.now();
      arrived.last = counter;
    }
    for (const { sender, words } of tones) {
      arrivedFrom(sender).words += words;
      if (words > 0 && isFromAfar(sender)) this.#arrivedAt = performance.now();
    }
  }

  #participant(name: string): Participant {
    const participant = this.#options.participants.get(name);
    if (!participant) throw new Error(`the scenario casts no participant named ${name}`);
    return participant;
  }

  /** Names the step in what goes wrong, with a picture of the page. */
  async #step<T>(step: string, participant: Participant, act: () => Promise<T>, limit?: Promise<never>): Promise<T> {
    const { signal } = this.#options;
    try {
      return await Promise.race([act(), this.#interrupted, participant.gone, ...(limit ? [limit] : [])]);
    } catch (failure) {
      signal.throwIfAborted();
      const error = (await participant.whyGone()) ?? failure;
      const message = await this.#noteError(step, firstLine(error), participant);
      throw error instanceof CallError ? error : new CallError(step, `${step}: ${message}`);
    }
  }

  /** Ends the call for a reason that shows, or rather doesn't, at these participants'. */
  async #fail(step: string, reason: string, names: string[]): Promise<never> {
    let message = reason;
    for (const name of names) message = await this.#noteError(step, message, this.#participant(name));
    throw new CallError(step, message);
  }

  /** Writes down what went wrong, with a picture of the page; returns it with what the page says of it, if anything. */
  async #noteError(step: string, reason: string, participant: Participant): Promise<string> {
    const asks = `${participant.name}'s page asks for a password`;
    const message = (await participant.asksForPassword()) ? `${reason}; ${asks}` : reason;
    const screenshot = await participant.screenshot();
    const event: NewEvent<'call.error'> = {
      participant: participant.name,
      vantage: 'call',
      type: 'call.error',
      step,
      message,
    };
    this.#options.sink.append(screenshot ? { ...event, screenshot } : event);
    return message;
  }
}

/**
 * The first line of an error's message, without terminal colours; what else it holds may come from a page. Of Playwright's
 * errors also what they waited for, which stands in the log that they carry.
 */
export function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [first = '', ...log] = stripVTControlCharacters(message).split('\n');
  const awaited = log.map((line) => /^\s*- (waiting for .*)/.exec(line)?.[1]).find(Boolean);
  return (awaited ? `${first.replace(/\.$/, '')}, ${awaited}` : first).slice(0, 300);
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
