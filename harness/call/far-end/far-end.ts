/** Looks at a participant's page through `reader.ts`, which it puts into an isolated world of the page's own frames. */
import type { CDPSession, Page } from 'playwright';
import { z } from 'zod';
import { bundle } from '../../vantage/page/bundle.ts';
import type { FarEnd } from './reader.ts';

const WORLD = 'keywitness';
/** A page with more frames than this isn't looked at beyond them. */
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

export class FarEndReader {
  readonly #page: Page;
  #session: Promise<CDPSession> | undefined;
  /** Execution context of our world in each frame; a navigation makes a new one. */
  readonly #contexts = new Map<string, number>();

  constructor(page: Page) {
    this.#page = page;
  }

  /** What the page shows and plays now; nothing where a navigation came between. */
  async look(): Promise<FarEnd> {
    this.#session ??= this.#page.context().newCDPSession(this.#page);
    const session = await this.#session;
    const all: FarEnd = { cards: [], tones: [] };
    const { frameTree } = await session.send('Page.getFrameTree');
    for (const frame of frameIds(frameTree).slice(0, MOST_FRAMES)) {
      const seen = await this.#lookAt(session, frame);
      all.cards.push(...seen.cards);
      all.tones.push(...seen.tones);
    }
    return all;
  }

  async #lookAt(session: CDPSession, frame: string): Promise<FarEnd> {
    const nothing = { cards: [], tones: [] };
    let context = this.#contexts.get(frame);
    try {
      if (context === undefined) {
        const world = await session.send('Page.createIsolatedWorld', { frameId: frame, worldName: WORLD });
        context = world.executionContextId;
        const expression = bundle(new URL('./reader.ts', import.meta.url));
        await session.send('Runtime.evaluate', { expression, contextId: context });
        this.#contexts.set(frame, context);
      }
      const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
        expression: 'look()',
        contextId: context,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) return nothing;
      const seen = farEndSchema.safeParse(result.value);
      return seen.success ? seen.data : nothing;
    } catch (error) {
      if (this.#page.isClosed()) throw error;
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
