/**
 * The vantage point `screen`: what a participant saw and heard, as `screen/PARTICIPANT.webm` (VP8 and Opus) in the recording's
 * folder. Her browser records its own tab, from an isolated world (`recorder.ts`); why not by an extension:
 * docs/decisions/010-screen.md. A page that goes elsewhere ends a file, and the next is `PARTICIPANT.2.webm`.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright';
import { z } from 'zod';
import type { EventSink } from '../../recording/format.ts';
import { digest } from '../digest.ts';
import { bundle } from '../page/bundle.ts';
import { rewrite } from '../rewrite.ts';
import { within } from '../within.ts';
import type { Message } from './recorder.ts';

/**
 * Chromium's switches for a tab that records itself unasked, and uses camera and microphone unasked. Not beside
 * `--use-fake-ui-for-media-stream`, with which a made-up screen is recorded, nor `--mute-audio`, with which silence is.
 */
export const SCREEN_FLAGS = ['--auto-accept-this-tab-capture', '--auto-accept-camera-and-microphone-capture'] as const;

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
/** ms that a page may take to begin, and to hand over the last piece. */
const ANSWER_WITHIN = 20_000;
/** ms that ffmpeg may take to write a file anew. */
const REMUX_WITHIN = 60_000;
/** A page that goes elsewhere more often than this isn't followed. */
const MOST_FILES = 32;
/** Bytes in one file: about 4 hours. */
const LARGEST_FILE = 4 * 2 ** 30;
const WORLD = 'keywitness screen';

/** The world is isolated, but its renderer is the service's: what comes out of it is checked. */
const messageSchema: z.ZodType<Message> = z.union([
  z.strictObject({ piece: z.base64().max(64 << 20) }),
  z.strictObject({ began: z.number() }),
  z.strictObject({ broke: z.string().max(200) }),
]);

export interface ScreenOptions {
  participant: string;
  /** The recording's folder. */
  folder: string;
  /** The ffmpeg that makes finished files seekable; without one they stay as the browser wrote them. */
  ffmpeg?: string;
  sink: EventSink;
}

/** None of it ever rejects. */
export interface ScreenVantage {
  /** Records this page from now on, unless it is being recorded already. */
  watch(page: Page): Promise<void>;
  /** Ends the file, if one is being recorded, and makes it seekable. */
  stop(): Promise<void>;
  /** To be asked when the call is over: ends the file as well. */
  health(): Promise<{ state: 'alive' | 'lost'; detail: string }>;
}

export function startScreenVantage(options: ScreenOptions): ScreenVantage {
  return new Screen(options);
}

class Screen implements ScreenVantage {
  readonly #options: ScreenOptions;
  readonly #finished: Promise<void>[] = [];
  readonly #remarks: string[] = [];
  #take: Take | undefined;
  #files = 0;
  #bytes = 0;
  #lost: string | undefined;

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  async watch(page: Page): Promise<void> {
    if (this.#lost || (this.#take?.page === page && this.#take.isOpen)) return;
    await this.stop();
    try {
      if (this.#files === MOST_FILES) throw new Error(`it went elsewhere ${MOST_FILES} times`);
      this.#take = await this.#begin(page);
    } catch (error) {
      this.#lose(`the page can't be recorded: ${firstLine(error)}`);
    }
  }

  async stop(): Promise<void> {
    await this.#take?.end();
    await Promise.all(this.#finished);
  }

  async health(): Promise<{ state: 'alive' | 'lost'; detail: string }> {
    await this.stop();
    if (!this.#lost && this.#bytes === 0) this.#lose('nothing was recorded');
    const seen = [`${this.#bytes} bytes in ${this.#files} files`, ...this.#remarks].join('; ');
    return this.#lost ? { state: 'lost', detail: `${this.#lost} (${seen})` } : { state: 'alive', detail: seen };
  }

  async #begin(page: Page): Promise<Take> {
    const { participant, folder, sink } = this.#options;
    mkdirSync(join(folder, 'screen'), { recursive: true, mode: PRIVATE_FOLDER });
    this.#files++;
    const file = `screen/${participant}${this.#files === 1 ? '' : `.${this.#files}`}.webm`;
    const common = { participant, vantage: 'screen', file } as const;
    return Take.begin(page, join(folder, file), {
      began: (ago) => sink.append({ ...common, type: 'screen.began', ago }),
      broke: (reason) => this.#lose(reason),
      over: (reason, length) => {
        sink.append({ ...common, type: 'screen.ended', ...(reason ? { reason } : {}) });
        this.#bytes += length;
        if (length > 0) this.#finished.push(this.#keep(file));
      },
    });
  }

  /** Makes a file seekable and says what is in it. */
  async #keep(file: string): Promise<void> {
    const { participant, folder, ffmpeg, sink } = this.#options;
    const path = join(folder, file);
    try {
      const problem = ffmpeg ? await remux(ffmpeg, path) : 'there is no ffmpeg';
      if (problem) this.#remarks.push(`${file} is not seekable: ${problem}`);
      const event = { participant, vantage: 'screen', type: 'screen.kept', file, seekable: !problem } as const;
      sink.append({ ...event, ...(await digest(path)) });
    } catch (error) {
      this.#lose(`${file}: ${firstLine(error)}`);
    }
  }

  #lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = reason;
    this.#options.sink.append({
      participant: this.#options.participant,
      vantage: 'screen',
      type: 'vantage.lost',
      reason,
    });
  }
}

interface Listener {
  /** So many ms ago. */
  began(ago: number): void;
  /** It ended by itself, as it should not. */
  broke(reason: string): void;
  /** The file is closed; `reason` where nobody asked for its end. */
  over(reason: string | undefined, length: number): void;
}

/** One file, while it is being recorded. */
class Take {
  readonly page: Page;
  readonly #session: CDPSession;
  readonly #file: number;
  readonly #listener: Listener;
  #context = -1;
  #length = 0;
  isOpen = true;

  static async begin(page: Page, path: string, listener: Listener): Promise<Take> {
    const session = await page.context().newCDPSession(page);
    const take = new Take(page, session, openSync(path, 'wx', PRIVATE_FILE), listener);
    try {
      await answered(take.#start());
      return take;
    } catch (error) {
      take.#close('it never began');
      throw error;
    }
  }

  private constructor(page: Page, session: CDPSession, file: number, listener: Listener) {
    this.page = page;
    this.#session = session;
    this.#file = file;
    this.#listener = listener;
  }

  async #start(): Promise<void> {
    const session = this.#session;
    const binding = `_${randomBytes(12).toString('hex')}`;
    session.on('Runtime.bindingCalled', ({ name, payload }) => {
      if (name === binding) this.#take(payload);
    });
    const elsewhere = () => this.#close('the page went elsewhere');
    session.on('Runtime.executionContextDestroyed', ({ executionContextId }) => {
      if (executionContextId === this.#context) elsewhere();
    });
    session.on('Runtime.executionContextsCleared', elsewhere);
    session.on('close', () => this.#close('the page was closed'));
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: binding, executionContextName: WORLD });
    const { frameTree } = await session.send('Page.getFrameTree');
    const world = { frameId: frameTree.frame.id, worldName: WORLD };
    this.#context = (await session.send('Page.createIsolatedWorld', world)).executionContextId;
    await this.#evaluate(bundle(new URL('./recorder.ts', import.meta.url)));
    await this.#evaluate(`begin(${JSON.stringify(binding)})`);
  }

  async end(): Promise<void> {
    if (!this.isOpen) return;
    try {
      await answered(this.#evaluate('end()'));
      this.#close();
    } catch (error) {
      this.#close(`its last piece did not come: ${firstLine(error)}`);
    }
  }

  async #evaluate(expression: string): Promise<void> {
    const call = { expression, contextId: this.#context, awaitPromise: true };
    const { exceptionDetails } = await this.#session.send('Runtime.evaluate', call);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  #take(payload: string): void {
    if (!this.isOpen) return;
    const message = parse(payload);
    if (!message) this.#break('a message from its page is not the recorder’s own');
    else if ('began' in message) this.#listener.began(Math.max(0, Date.now() - message.began));
    else if ('broke' in message) this.#break(message.broke);
    else this.#write(Buffer.from(message.piece, 'base64'));
  }

  #write(piece: Buffer): void {
    try {
      if (this.#length + piece.length > LARGEST_FILE) throw new Error(`it is larger than ${LARGEST_FILE} bytes`);
      for (let done = 0; done < piece.length; ) done += writeSync(this.#file, piece, done);
      this.#length += piece.length;
    } catch (error) {
      this.#break(firstLine(error));
    }
  }

  #break(reason: string): void {
    this.#listener.broke(reason);
    this.#close(reason);
  }

  #close(reason?: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    closeSync(this.#file);
    this.#session.detach().catch(() => {});
    this.#listener.over(reason, this.#length);
  }
}

function parse(payload: string): Message | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}

/** Gives a WebM file its length and an index, as the browser can't. @returns what went wrong */
function remux(ffmpeg: string, path: string): Promise<string | undefined> {
  const args = ['-hide_banner', '-nostdin', '-loglevel', 'error', '-protocol_whitelist', 'file', '-f', 'matroska'];
  args.push('-i', `file:${path}`, '-map', '0', '-c', 'copy', '-bitexact', '-f', 'webm', '-y');
  return rewrite(path, ffmpeg, (next) => [...args, `file:${next}`], REMUX_WITHIN);
}

async function answered(act: Promise<void>): Promise<void> {
  const isDone = await within(
    ANSWER_WITHIN,
    act.then(() => true),
  );
  if (!isDone) throw new Error(`no answer within ${ANSWER_WITHIN} ms`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 300);
}
