/** The VideoRoom of the Janus WebRTC server, a widely used SFU, with the demo pages that come with it. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import type { RunningService, Service, Visit } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { serveDemos } from './base/demos.ts';
import { startJanus } from './base/janus.ts';

/** Meetings at one time. */
const ROOMS = 6;
/** Participants of a meeting; the page has room for five others. */
const PUBLISHERS = 6;
/** ms for a step of joining or leaving; it takes a fraction of a second. */
const STEP_WITHIN = 15_000;

export const service: Service = {
  name: 'janus/videoroom',
  title: 'the VideoRoom of the Janus WebRTC server, with its own demo pages',
  vendor: readVendor(fileURLToPath(new URL('../../vendors/janus.yaml', import.meta.url))),
  start,
};

async function start(): Promise<RunningService> {
  const janus = await startJanus(ROOMS, PUBLISHERS);
  const demos = await serveDemos(janus.socket).catch(async (error) => {
    await janus.stop();
    throw error;
  });
  // Janus's rooms have numbers.
  const rooms = new Map<string, number>();
  const roomOf = (meeting: string) => {
    const room = rooms.get(meeting) ?? rooms.size + 1;
    if (room > ROOMS) throw new Error(`${service.name} has ${ROOMS} rooms, and each is taken by another meeting`);
    rooms.set(meeting, room);
    return room;
  };
  return {
    reach: 'loopback',
    join: async (page, visit) => {
      try {
        await join(page, visit, `${demos.origin}/videoroomtest.html?room=${roomOf(visit.meeting)}`);
      } catch (error) {
        throw new Error(janus.ended() ?? (error as Error).message, { cause: error });
      }
    },
    leave,
    stop: async () => {
      try {
        await demos.close();
      } finally {
        await janus.stop();
      }
    },
  };
}

async function join(page: Page, { participant }: Visit, url: string): Promise<void> {
  await page.goto(url, { timeout: STEP_WITHIN });
  await page.click('#start', { timeout: STEP_WITHIN });
  await arrival(page, '#username');
  await page.fill('#username', participant);
  await page.click('#register', { timeout: STEP_WITHIN });
  // The page shows this button once Janus has confirmed its connection for sending.
  await arrival(page, '#bitrateset');
}

/** Waits until the page shows an element; rejects with what it says if it shows an alert instead. */
async function arrival(page: Page, selector: string): Promise<void> {
  const alert = page.locator('.bootbox-body');
  const wanted = page.locator(selector);
  await wanted.or(alert).filter({ visible: true }).first().waitFor({ timeout: STEP_WITHIN });
  if (await alert.isVisible()) throw new Error(`the page says: ${(await alert.textContent())?.trim()}`);
}

/** The page's stop button ends its session; then the page reloads itself. */
async function leave(page: Page): Promise<void> {
  const reloaded = page.waitForEvent('load', { timeout: STEP_WITHIN });
  await Promise.all([reloaded, page.click('#start', { timeout: STEP_WITHIN })]);
}
