/** Watches what a person does in the pages of participants, and saves it as a script. */
import { writeFileSync } from 'node:fs';
import type { BrowserContext, Frame, Page } from 'playwright';
import { bundle } from '../vantage/page/bundle.ts';
import { actionSchema, type Joining, joinScript } from './join-script.ts';
import type { Visit } from './service.ts';

/** Of the isolated world, and of the function there that tells; the application sees neither. */
const WORLD = 'keywitness-join';
const BINDING = 'keywitnessJoin';
/** More than a person does to join. */
const MOST_STEPS = 10_000;

export class JoinRecorder {
  readonly #file: string;
  readonly #joinings = new Map<string, Joining>();
  readonly #in = new Set<string>();
  #isOn = false;
  #isSaved = false;

  /** @param file must not exist yet */
  constructor(file: string) {
    this.#file = file;
  }

  /** Begins to watch all pages of a participant, also those that are opened later. */
  async watch(context: BrowserContext, visit: Visit): Promise<void> {
    const joining: Joining = { visit, steps: [] };
    this.#joinings.set(visit.participant, joining);
    this.#isOn = true;
    const watched = new Set<Frame>();
    const watchFrame = async (page: Page, frame: Frame) => {
      if (watched.has(frame)) return;
      // Frames of other sites have a session of their own; for the rest there is none, and the page's sees them too.
      const session = await context.newCDPSession(frame === page.mainFrame() ? page : frame).catch(() => undefined);
      if (!session || watched.has(frame)) return;
      watched.add(frame);
      session.on('close', () => watched.delete(frame));
      session.on('Runtime.bindingCalled', ({ name, payload }) => {
        if (name === BINDING) this.#take(joining, context.pages().indexOf(page), payload);
      });
      const source = `(() => {${bundle(new URL('./join-script-page.ts', import.meta.url))}})();`;
      await session.send('Page.enable');
      await session.send('Runtime.enable');
      await session.send('Runtime.addBinding', { name: BINDING, executionContextName: WORLD });
      await session.send('Page.addScriptToEvaluateOnNewDocument', { source, worldName: WORLD, runImmediately: true });
    };
    const watchPage = async (page: Page) => {
      // A frame that goes while it is being watched has nothing to tell.
      page.on('framenavigated', (frame) => void watchFrame(page, frame).catch(() => {}));
      await Promise.all(page.frames().map((frame) => watchFrame(page, frame)));
    };
    context.on('page', (page) => void watchPage(page).catch(() => {}));
    await Promise.all(context.pages().map(watchPage));
  }

  /** The participant is in: what is done in her pages from now on is done for others. */
  joined(visit: Visit): void {
    this.#in.add(visit.participant);
  }

  /** Writes the script, and watches no more until somebody else joins. Returns the file, unless it was written before. */
  save(): string | undefined {
    this.#isOn = false;
    const script = joinScript([...this.#joinings.values()]);
    const wasSaved = this.#isSaved;
    // What was typed may be for its owner's eyes only, as recordings are.
    writeFileSync(this.#file, script, { mode: 0o600, flag: wasSaved ? 'w' : 'wx' });
    this.#isSaved = true;
    return wasSaved ? undefined : this.#file;
  }

  #take({ visit, steps }: Joining, page: number, payload: string): void {
    if (!this.#isOn || page < 0 || steps.length >= MOST_STEPS) return;
    const parsed = actionSchema.safeParse(parse(payload));
    if (parsed.success) steps.push({ action: parsed.data, page, later: this.#in.has(visit.participant) });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
