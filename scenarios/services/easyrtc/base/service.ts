/** open-easyrtc with its own demo page, whose server runs in a process of its own that ends when this one does, however it does. */
import type { Page } from 'playwright';
import type { RunningService } from '../../../../harness/call/service.ts';
import { find } from '../../../../tools/services/easyrtc.mjs';
import { startForked } from '../../../base/forked.ts';

/** ms; starting and joining take about 1 s. */
const START_WITHIN = 20_000;
const JOIN_WITHIN = 15_000;

/** What the server process tells once it is up. */
export interface Ready {
  origin: string;
}

/** What the server does with descriptions on their way: passes them on, or puts itself between the participants. */
export type Signalling = 'honest' | 'swapped';

/** @throws Error of one line: not installed, or why the server did not start. */
export async function startEasyRtc(signalling: Signalling): Promise<RunningService> {
  const { ok, path, problem } = find();
  if (!ok) throw new Error(`open-easyrtc can't be used: ${problem}; run \`node tools/services.mjs install easyrtc\``);
  const { origin, stop } = await startForked<Ready>(
    'open-easyrtc',
    new URL('./server.ts', import.meta.url),
    [path!, signalling],
    START_WITHIN,
  );
  let taken: string | undefined;
  return {
    origin,
    reach: 'loopback',
    async join(page, { meeting }) {
      // The demo page knows one room only.
      taken ??= meeting;
      if (taken !== meeting) throw new Error('open-easyrtc’s demo has one room, and it is taken by another meeting');
      await join(page, origin);
    },
    // The demo page has no button for it: people close it.
    async leave(page) {
      await page.goto('about:blank');
    },
    stop,
  };
}

async function join(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/demos/demo_multiparty.html`, { timeout: JOIN_WITHIN });
  // The library has its name from the server once the participant is in the room; the page shows errors only.
  const alert = page.locator('#easyrtcErrorDialog_body');
  await page.waitForFunction("easyrtc.myEasyrtcid || document.querySelector('#easyrtcErrorDialog_body')", undefined, {
    timeout: JOIN_WITHIN,
  });
  if (await alert.isVisible()) throw new Error(`the page says: ${(await alert.textContent())?.trim()}`);
}
