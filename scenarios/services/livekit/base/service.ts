/** What the adapters for LiveKit share: each is the real server, the real client, and a passphrase from somewhere. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { Cleanup } from '../../../../harness/call/cleanup.ts';
import type { RunningService, Service, Visit } from '../../../../harness/call/service.ts';
import { readVendor } from '../../../vendors/vendors.ts';
import type { Passphrase } from './protocol.ts';
import { type LiveKit, startLiveKit } from './server.ts';
import { type Site, serveSite } from './site.ts';
import { accessToken } from './token.ts';

/** ms for a step of joining or leaving; it takes a second or two. */
const STEP_WITHIN = 20_000;

export interface Adapter {
  /** `e2ee` is `livekit/e2ee`. */
  name: string;
  title: string;
  /** File below `scenarios/vendors`, without its extension. */
  vendor: string;
  passphrase: Passphrase;
  /** The passphrase that the site hands out with the token, where it does. */
  passphraseOf?(meeting: string): string;
  /** Stands between the clients and LiveKit: takes where LiveKit is, and gives where they connect instead. */
  relay?(url: string): Promise<Relay>;
}

export interface Relay {
  url: string;
  close(): Promise<void>;
}

export function serviceOf(adapter: Adapter): Service {
  return {
    name: `livekit/${adapter.name}`,
    title: adapter.title,
    vendor: readVendor(fileURLToPath(new URL(`../../../vendors/${adapter.vendor}.yaml`, import.meta.url))),
    start: () => start(adapter),
  };
}

async function start({ passphrase, passphraseOf, relay }: Adapter): Promise<RunningService> {
  const livekit = await startLiveKit();
  const cleanup = new Cleanup();
  cleanup.add(livekit.stop);
  try {
    const between = await relay?.(livekit.url);
    if (between) cleanup.add(between.close);
    const site = await serveSite(passphrase, (meeting, participant) => ({
      url: between?.url ?? livekit.url,
      token: accessToken(livekit.key, meeting, participant),
      passphrase: passphraseOf?.(meeting),
    }));
    cleanup.add(site.close);
    return runningService(livekit, site, passphrase, () => cleanup.run());
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

function runningService(
  livekit: LiveKit,
  site: Site,
  passphrase: Passphrase,
  stop: RunningService['stop'],
): RunningService {
  return {
    origin: site.origin,
    reach: 'loopback',
    join: async (page, visit) => {
      try {
        await join(page, addressOf(site.origin, visit, passphrase));
      } catch (error) {
        throw new Error(livekit.ended() ?? (error as Error).message, { cause: error });
      }
    },
    ...(passphrase === 'link' && { shares: ({ secret }: Visit) => [secret] }),
    leave,
    stop,
  };
}

function addressOf(origin: string, { meeting, participant, secret }: Visit, passphrase: Passphrase): string {
  const fragment = passphrase === 'link' ? `#${encodeURIComponent(secret)}` : '';
  return `${origin}/room/${meeting}?name=${participant}${fragment}`;
}

async function join(page: Page, address: string): Promise<void> {
  await page.goto(address, { timeout: STEP_WITHIN });
  await page.getByRole('button', { name: 'Join' }).click({ timeout: STEP_WITHIN });
  const outcome = page.locator('body[data-state=joined], body[data-state=failed]');
  await outcome.waitFor({ timeout: STEP_WITHIN });
  if ((await outcome.getAttribute('data-state')) === 'failed')
    throw new Error(`the page says: ${await page.locator('#status').textContent()}`);
}

async function leave(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Leave' }).click({ timeout: STEP_WITHIN });
  await page.locator('body[data-state=left]').waitFor({ timeout: STEP_WITHIN });
}
