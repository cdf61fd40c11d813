/**
 * What the adapters for Element Call share: Element's own client, Matrix's homeserver Synapse, LiveKit, and between the latter two a
 * token service of ours. The client's package is the one for embedding, whose documentation has it as a widget only; it holds all of
 * the client nevertheless, and without the parameters of a widget it logs in and calls by itself.
 */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { Cleanup } from '../../../../harness/call/cleanup.ts';
import type { RunningService, Service } from '../../../../harness/call/service.ts';
import { readVendor } from '../../../vendors/vendors.ts';
import { startLiveKit } from '../../livekit/base/server.ts';
import { type Invitation, roomsOn } from './rooms.ts';
import { serveSite } from './site.ts';
import { type Synapse, startSynapse } from './synapse.ts';
import { exchangeToken } from './token-service.ts';

/** ms: Synapse takes some seconds to start, and each participant logs in and makes keys before joining; 17,000 to 30,000 were seen. */
const CONNECT_WITHIN = 60_000;
/** ms for a step of joining or leaving; most take a second or two. */
const STEP_WITHIN = 30_000;

export interface Adapter {
  /** `e2ee` is `element-call/e2ee`. */
  name: string;
  title: string;
  /** File below `scenarios/vendors`, without its extension. */
  vendor: string;
  /** Whether meetings' rooms are encrypted, from which Element Call takes whether calls are. */
  encrypted: boolean;
}

export function serviceOf({ name, title, vendor, encrypted }: Adapter): Service {
  return {
    name: `element-call/${name}`,
    title,
    vendor: readVendor(fileURLToPath(new URL(`../../../vendors/${vendor}.yaml`, import.meta.url))),
    connectWithin: CONNECT_WITHIN,
    start: () => start(encrypted),
  };
}

async function start(encrypted: boolean): Promise<RunningService> {
  const cleanup = new Cleanup();
  try {
    const livekit = await startLiveKit();
    cleanup.add(livekit.stop);
    // The site tells clients where Synapse is, and Synapse where the site is.
    let synapse: Synapse | undefined;
    const site = await serveSite({
      config: () => configuration(synapse!),
      exchangeToken: (asked) => exchangeToken(asked, livekit, synapse!),
    });
    cleanup.add(site.close);
    synapse = await startSynapse(site.tokenService);
    const { ended, stop } = synapse;
    cleanup.add(stop);
    const invite = roomsOn(synapse, encrypted);
    return {
      origin: site.origin,
      reach: 'loopback',
      join: async (page, { meeting, participant }) => {
        try {
          await join(page, site.origin, await invite(meeting, participant));
        } catch (error) {
          throw new Error(livekit.ended() ?? ended() ?? (error as Error).message, { cause: error });
        }
      },
      leave,
      stop: () => cleanup.run(),
    };
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

/** One picture of the test card's size, so that it can be read however large it is shown. Neither telemetry nor bug reports. */
function configuration({ url, serverName }: Synapse) {
  return {
    default_server_config: { 'm.homeserver': { base_url: url, server_name: serverName } },
    media_quality: { video: { max_resolution: 360, simulcast_layers: [] } },
  };
}

async function join(page: Page, origin: string, { user, password, room }: Invitation): Promise<void> {
  page.context().setDefaultTimeout(STEP_WITHIN);
  // What makes speech clearer would take the test tone for noise.
  const parameters = new URLSearchParams({ roomId: room, noiseSuppression: 'false', echoCancellation: 'false' });
  await page.goto(`${origin}/login#?${parameters}`);
  await page.getByTestId('login_username').fill(user);
  await page.getByTestId('login_password').fill(password);
  await page.getByTestId('login_login').click();
  await page.waitForURL(`${origin}/`);
  // As its links do: loading the page anew could cut off the upload of the device's keys.
  await page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, `/room#?${parameters}`);
  await page.getByTestId('lobby_joinCall').click();
  await page.getByTestId('incall_leave').waitFor();
}

async function leave(page: Page): Promise<void> {
  // In windows lower than 600 pixels the buttons hide.
  await page.setViewportSize({ width: 800, height: 640 });
  await page.getByTestId('incall_leave').click();
  await page.getByTestId('incall_leave').waitFor({ state: 'detached' });
}
