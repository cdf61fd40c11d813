/**
 * Janus's own demo of end-to-end encryption, `e2etest.html`: the page seals what it sends with a key that is typed at its
 * prompt, Janus's EchoTest sends it back, and the page opens it again. So there is one participant, who sees herself.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import type { RunningService, Service, Visit } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { arrival, leave, STEP_WITHIN } from './base/pages.ts';
import { runJanus } from './base/run.ts';

/**
 * Characters of the key that is typed: more than the page's own example has (`mysecret`), too many to be guessed, and few enough
 * that 40 frames give it away; one of 24 takes a hundred.
 */
const KEY_LENGTH = 12;

export const service: Service = {
  name: 'janus/e2etest',
  title: "the Janus WebRTC server's own demo of end-to-end encryption, an echo of one participant",
  vendor: readVendor(fileURLToPath(new URL('../../vendors/janus-e2etest.yaml', import.meta.url))),
  scenario: 'echo',
  start,
};

async function start(): Promise<RunningService> {
  const janus = await runJanus({ name: 'echotest' });
  return {
    reach: 'loopback',
    join: (page, visit) => janus.attempt(() => join(page, visit, `${janus.origin}/e2etest.html`)),
    // It never leaves the page.
    shares: (visit) => [keyOf(visit)],
    leave,
    stop: janus.stop,
  };
}

function keyOf({ secret }: Visit): string {
  return createHash('sha256').update(secret).digest('base64url').slice(0, KEY_LENGTH);
}

async function join(page: Page, visit: Visit, url: string): Promise<void> {
  await page.goto(url, { timeout: STEP_WITHIN });
  await page.click('#start', { timeout: STEP_WITHIN });
  await arrival(page, '.bootbox-input');
  await page.fill('.bootbox-input', keyOf(visit));
  await page.click('.bootbox-accept', { timeout: STEP_WITHIN });
  for (const side of ['#videoleft', '#videoright']) await arrival(page, `${side} video`);
  // Else what the camera shows would pass for what came back.
  await page.locator('#videoleft video').evaluate((own) => own.remove());
}
