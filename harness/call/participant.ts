/** An automated participant: one browser of its own with its vantage points. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright';
import type { EventSink, Recording } from '../recording/format.ts';
import { type PageVantage, startPageVantage } from '../vantage/page/page.ts';
import { type RtpVantage, startRtpVantage } from '../vantage/rtp/rtp-vantage.ts';
import { type ScreenVantage, startScreenVantage } from '../vantage/screen/screen.ts';
import type { WireBrowser } from '../vantage/wire/wire.ts';
import type { Chromium } from './chromium.ts';
import { launchChromium } from './chromium.ts';
import { FarEndReader } from './far-end/far-end.ts';
import type { FarEnd } from './far-end/reader.ts';

export interface ParticipantOptions {
  name: string;
  /** Number in the test card and tone. */
  card: number;
  /** Files for the camera (Y4M) and the microphone (WAV). */
  camera?: string;
  microphone?: string;
  proxy: { port: number; spki: string };
  reach: 'loopback' | 'anywhere';
  /** A window for a person to act in, `left` pixels from the left; none unless given. */
  window?: { left: number };
  /** Folder of the browser's profile, which is kept; unless given, the profile goes with the browser. */
  profile?: string;
  /** Vantage points other than the proxy that record. */
  vantages: { page: boolean; rtp: boolean };
  /** Where to record what the participant sees and hears; nowhere unless given. */
  screen?: { folder: string; ffmpeg?: string };
  /** What her packets are found and read by, where they are recorded. */
  wire?: WireBrowser;
  sink: EventSink;
}

/** ms between a browser's last word and its end. */
const EXIT_WITHIN = 2_000;
/** ms for a question to a page in which something went wrong. */
const ANSWER_WITHIN = 2_000;

type VantagePoint = Recording['vantagePoints'][number];

export class Participant {
  readonly name: string;
  readonly card: number;
  /** Rejects if the browser ends before it was told to. */
  readonly gone: Promise<never>;
  readonly browser: Chromium;
  readonly #sink: EventSink;
  readonly #hooks: PageVantage | undefined;
  readonly #rtp: RtpVantage | undefined;
  readonly #screen: ScreenVantage | undefined;
  readonly #reader: FarEndReader;
  #closing = false;
  #lost: string | undefined;

  static async start(options: ParticipantOptions): Promise<Participant> {
    const rtp = options.vantages.rtp ? startRtpVantage(options.name, options.sink) : undefined;
    const browser = await launchChromium({
      proxy: options.proxy,
      reach: options.reach,
      camera: options.camera,
      microphone: options.microphone,
      rtpDump: options.vantages.rtp,
      screen: options.screen !== undefined,
      wire: options.wire,
      window: options.window && { title: `participant ${options.card} (${options.name})`, ...options.window },
      profile: options.profile,
      onStderr: (chunk) => rtp?.write(chunk),
    });
    try {
      const hooks = options.vantages.page ? await startPageVantage(browser.cdp, options.name, options.sink) : undefined;
      return new Participant(options, browser, hooks, rtp);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  private constructor(
    options: ParticipantOptions,
    browser: Chromium,
    hooks: PageVantage | undefined,
    rtp: RtpVantage | undefined,
  ) {
    this.name = options.name;
    this.card = options.card;
    this.browser = browser;
    this.#sink = options.sink;
    this.#hooks = hooks;
    this.#rtp = rtp;
    const { name: participant, screen, sink } = options;
    this.#screen = screen && startScreenVantage({ participant, ...screen, sink });
    this.#reader = new FarEndReader(browser.context);
    this.gone = browser.exited.then((reason) => {
      if (this.#closing) return new Promise<never>(() => {});
      this.#lost = `the browser ended: ${reason}`;
      throw new Error(`${this.name}'s browser ended unexpectedly (${reason})`);
    });
    this.gone.catch(() => {});
  }

  get page(): Page {
    return this.browser.page;
  }

  /** Looks at the pages once and writes down what they show and play. */
  async look(): Promise<FarEnd> {
    const shown = this.#shown();
    if (shown) await this.#screen?.watch(shown);
    const seen = await this.#reader.look();
    for (const { picture, ...card } of seen.cards)
      this.#sink.append({
        participant: this.name,
        vantage: 'call',
        type: 'call.card',
        ...card,
        ...(picture ? { picture: Buffer.from(picture, 'base64') } : {}),
      });
    for (const tone of seen.tones)
      this.#sink.append({ participant: this.name, vantage: 'call', type: 'call.tone', ...tone });
    return seen;
  }

  /** Before the page goes: the state of its connections, and the last of what it shows. */
  async lastLook(): Promise<void> {
    if (!this.#lost) await this.#hooks?.transports();
    await this.#screen?.stop();
  }

  /** That the browser ended, where that is why the page is gone. */
  async whyGone(): Promise<Error | undefined> {
    if (!this.page.isClosed()) return undefined;
    const unknown = delay(EXIT_WITHIN, undefined, { ref: false });
    return Promise.race([this.gone.catch((error: Error) => error), unknown]);
  }

  /** Whether the page shows a field for a password: often why a step can't be done. */
  async asksForPassword(): Promise<boolean> {
    const field = this.page.locator('input[type=password]:visible').first();
    return Promise.race([field.isVisible().catch(() => false), delay(ANSWER_WITHIN, false, { ref: false })]);
  }

  /** A last picture of the page as PNG, or of another one of hers if it was closed; nothing if there is none. */
  async screenshot(): Promise<Buffer | undefined> {
    const page = this.#shown();
    // A server that never answers would keep the picture waiting, too.
    const session = await page
      ?.context()
      .newCDPSession(page)
      .catch(() => undefined);
    await Promise.race([
      session?.send('Page.stopLoading').catch(() => {}),
      delay(ANSWER_WITHIN, undefined, { ref: false }),
    ]);
    return page?.screenshot({ timeout: ANSWER_WITHIN }).catch(() => undefined);
  }

  /** Her page, or another one of hers if it was closed. */
  #shown(): Page | undefined {
    return this.page.isClosed() ? this.browser.context.pages().at(-1) : this.page;
  }

  /** How the vantage points fared; to be asked before {@link close}. */
  async health(): Promise<VantagePoint[]> {
    const points: VantagePoint[] = [];
    const version = this.browser.version;
    const own = { participant: this.name, version };
    points.push({ ...own, vantage: 'call', state: this.#lost ? 'lost' : 'alive', detail: this.#lost });
    if (this.#hooks)
      points.push({ ...own, vantage: 'page', ...(this.#lost ? lostWith(this.#lost) : await this.#hooks.health()) });
    if (this.#rtp) points.push({ ...own, vantage: 'rtp', ...(this.#lost ? lostWith(this.#lost) : this.#rtp.health()) });
    if (this.#screen) points.push({ ...own, vantage: 'screen', ...(await this.#screen.health()) });
    return points;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.browser.close();
  }
}

function lostWith(detail: string): { state: 'lost'; detail: string } {
  return { state: 'lost', detail };
}
