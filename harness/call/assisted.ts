/**
 * A person who joins calls by hand, in windows: the terminal says what to do, and a line on standard input (Enter) says that
 * it is done.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { JoinRecorder } from './join-script-recorder.ts';
import type { Participant } from './participant.ts';
import type { Visit } from './service.ts';

export interface AssistedOptions {
  /** Where the person answers, a line each time. */
  input: Readable;
  /** Shows the person a line. */
  say(line: string): void;
  /** The file in which what they do to join is saved, a script for `--join`; nothing is saved unless given. */
  saveJoin?: string;
}

export class Assisted {
  readonly #options: AssistedOptions;
  readonly #lines;
  readonly #recorder: JoinRecorder | undefined;
  readonly #limit = new AbortController();
  #limitMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: AssistedOptions) {
    this.#options = options;
    this.#lines = createInterface({ input: options.input, terminal: false });
    this.#lines.once('close', () => {
      this.#isOver = true;
    });
    if (options.saveJoin !== undefined) this.#recorder = new JoinRecorder(options.saveJoin);
  }

  /** A limit of so many ms that stands still while the person is asked, and begins anew with each answer. */
  deadline(ms: number): AbortSignal {
    this.#limitMs = ms;
    this.#count();
    return this.#limit.signal;
  }

  /** Asks the person to join; resolves once they say that the participant is in. @throws Error if the input has ended */
  async join(participant: Participant, visit: Visit): Promise<void> {
    const { context } = participant.browser;
    // Else Playwright says no to all that a page asks in a dialog.
    context.on('dialog', (dialog) => {
      if (dialog.type() === 'beforeunload') dialog.accept().catch(() => {});
    });
    await this.#recorder?.watch(context, visit);
    const { name, card } = participant;
    const who = `participant ${card} (${name})`;
    const room = `where a meeting has to be named, "${visit.meeting}"`;
    await this.#ask(
      card === 1
        ? `In the window of ${who}: join as "${name}"; ${room}. Press Enter when ${name} is in, or waits for the others.`
        : `In the window of ${who}: join the same meeting as "${name}"; ${room}. If asked, admit ${who} in another window. ` +
            'Press Enter when all see each other.',
    );
    this.#recorder?.joined(visit);
  }

  /** Everyone sees everyone: what it took is saved, if that was asked for. */
  connected(): void {
    const file = this.#recorder?.save();
    if (file) this.#options.say(`Saved ${file}: keywitness run ADDRESS --join ${file}`);
  }

  /** Aborted by the next line of the person, who says so that the call is over. */
  over(): AbortSignal {
    const over = new AbortController();
    this.#lines.once('line', () => over.abort());
    return over.signal;
  }

  /** No longer reads the input, which would keep the process from ending. */
  close(): void {
    clearTimeout(this.#timer);
    this.#lines.close();
    this.#options.input.destroy();
  }

  async #ask(what: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#options.say(what);
    await new Promise<void>((resolve, reject) => {
      const ended = () => reject(new Error('nobody says that it is done: standard input has ended'));
      if (this.#isOver) return ended();
      this.#lines.once('close', ended);
      this.#lines.once('line', () => {
        this.#lines.off('close', ended);
        resolve();
      });
    });
    this.#count();
  }

  #count(): void {
    this.#timer = setTimeout(() => this.#limit.abort(), this.#limitMs).unref();
  }
}
