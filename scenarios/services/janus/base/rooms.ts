/** Meetings in rooms of Janus's VideoRoom, joined through the demo page `videoroomtest.html`. */
import type { Page } from 'playwright';
import type { RunningService, Visit } from '../../../../harness/call/service.ts';
import { arrival, leave, STEP_WITHIN } from './pages.ts';
import { runJanus } from './run.ts';

/** Meetings at one time. */
const ROOMS = 6;
/** Participants of a meeting; the page has room for five others. */
const PUBLISHERS = 6;

export interface RoomOptions {
  /** Whether Janus refuses who doesn't say that its media is end-to-end encrypted. */
  requireE2ee?: boolean;
  /** JavaScript at the end of the page's `settings.js`. */
  more?: string;
}

/** @throws Error of one line. */
export async function startRooms({ requireE2ee, more }: RoomOptions = {}): Promise<RunningService> {
  const janus = await runJanus({ name: 'videoroom', rooms: ROOMS, publishers: PUBLISHERS, requireE2ee }, more);
  // Janus's rooms have numbers.
  const rooms = new Map<string, number>();
  const roomOf = (meeting: string) => {
    const room = rooms.get(meeting) ?? rooms.size + 1;
    if (room > ROOMS) throw new Error(`Janus was given ${ROOMS} rooms, and each is taken by another meeting`);
    rooms.set(meeting, room);
    return room;
  };
  return {
    reach: 'loopback',
    join: (page, visit) =>
      janus.attempt(() => join(page, visit, `${janus.origin}/videoroomtest.html?room=${roomOf(visit.meeting)}`)),
    leave,
    stop: janus.stop,
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
