/** Looks at a participant's pages through `reader.ts`, which it puts into an isolated world of each frame. */
import type { BrowserContext, CDPSession, Frame, Page } from 'playwright';
import { z } from 'zod';
import { bundle } from '../../vantage/page/bundle.ts';
import type { FarEnd } from './reader.ts';

const WORLD = 'keywitness';
/** More pages and frames than these aren't looked at. */
const MOST_PAGES = 8;
const MOST_FRAMES = 16;

const text = z.string().max(100);
const number = z.number().int().nonnegative();
/** The world is isolated, but its renderer is the service's: what comes out of it is checked. */
const farEndSchema = z.strictObject({
  cards: z
    .array(
      z.strictObject({
        element: text,
        sender: number,
        counter: number,
        picture: z
          .base64()
          .max(8 << 20)
          .optional(),
      }),
    )
    .max(256),
  tones: z
    .array(z.strictObject({ element: text, sender: number, words: number, samples: number, rate: number }))
    .max(256),
});

/** Reads all of a participant's pages: a call may go on in one that the service opened. */
export class FarEndReader {
  readonly #context: BrowserContext;
  readonly #eyes = new Map<Page | Frame, Eyes>();

  constructor(context: BrowserContext) {
    this.#context = context;
  }

  /** What the pages show and play now; nothing where a navigation came between. @throws Error if no page is left */
  async look(): Promise<FarEnd> {
    const pages = this.#context.pages().slice(0, MOST_PAGES);
    if (pages.length === 0) throw new Error('all its pages are closed');
    const seen = await Promise.all(pages.map((page) => this.#lookAtPage(page)));
    return { cards: seen.flatMap(({ cards }) => cards), tones: seen.flatMap(({ tones }) => tones) };
  }

  async #lookAtPage(page: Page): Promise<FarEnd> {
    const all: FarEnd = { cards: [], tones: [] };
    for (const place of [page, ...foreignFrames(page)].slice(0, MOST_FRAMES)) {
      const eyes = this.#eyes.get(place) ?? (await this.#open(place));
      const seen = await eyes?.look();
      all.cards.push(...(seen?.cards ?? []));
      all.tones.push(...(seen?.tones ?? []));
    }
    return all;
  }

  /** Nothing where the place is gone, or a frame is seen through its page's eyes. */
  async #open(place: Page | Frame): Promise<Eyes | undefined> {
    const session = await this.#context.newCDPSession(place).catch(() => undefined);
    if (!session) return undefined;
    session.on('close', () => this.#eyes.delete(place));
    const eyes = new Eyes(session);
    this.#eyes.set(place, eyes);
    return eyes;
  }
}

/** Frames of other sites than the page's: they have a process, and a session, of their own. */
function foreignFrames(page: Page): Frame[] {
  const own = originOf(page.url());
  return page.frames().filter((frame) => frame !== page.mainFrame() && ![own, 'null'].includes(originOf(frame.url())));
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'null';
}

/** What one session sees. */
class Eyes {
  readonly #session: CDPSession;
  /** Execution context of our world in each frame; a navigation makes a new one. */
  readonly #contexts = new Map<string, number>();

  constructor(session: CDPSession) {
    this.#session = session;
  }

  /** Never rejects: what is gone shows nothing. */
  async look(): Promise<FarEnd> {
    const all: FarEnd = { cards: [], tones: [] };
    const frames = await this.#session.send('Page.getFrameTree').then(
      ({ frameTree }) => frameIds(frameTree),
      () => [],
    );
    for (const frame of frames.slice(0, MOST_FRAMES)) {
      const seen = await this.#lookAt(frame);
      all.cards.push(...seen.cards);
      all.tones.push(...seen.tones);
    }
    return all;
  }

  async #lookAt(frame: string): Promise<FarEnd> {
    const nothing = { cards: [], tones: [] };
    let context = this.#contexts.get(frame);
    try {
      if (context === undefined) {
        const world = await this.#session.send('Page.createIsolatedWorld', { frameId: frame, worldName: WORLD });
        context = world.executionContextId;
        const expression = bundle(new URL('./reader.ts', import.meta.url));
        await this.#session.send('Runtime.evaluate', { expression, contextId: context });
        this.#contexts.set(frame, context);
      }
      const { result, exceptionDetails } = await this.#session.send('Runtime.evaluate', {
        expression: 'look()',
        contextId: context,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) return nothing;
      const seen = farEndSchema.safeParse(result.value);
      return seen.success ? seen.data : nothing;
    } catch {
      // The frame was navigated or removed: its world is gone, the next look makes another.
      this.#contexts.delete(frame);
      return nothing;
    }
  }
}

interface FrameTree {
  frame: { id: string };
  childFrames?: FrameTree[];
}

function frameIds(tree: FrameTree): string[] {
  return [tree.frame.id, ...(tree.childFrames ?? []).flatMap(frameIds)];
}
