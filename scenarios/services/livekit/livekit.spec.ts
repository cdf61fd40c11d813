/** Whole calls through the real LiveKit server: each adapter comes out as it is known to be; liars with proofs that run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, expect, type Page, test } from '@playwright/test';
import type { RunningService, Service } from '../../../harness/call/service.ts';
import { find } from '../../../tools/services/livekit.mjs';
import { findChromium } from '../../../tools/setup.mjs';
import { cardIn, reproduce, run, verdictsOf } from '../../testing/calls.ts';
import { startRelay } from './base/relay.ts';
import { serviceOf } from './base/service.ts';
import { service as sealed } from './e2ee.ts';

test.skip(!find().ok, "LiveKit isn't installed: node tools/services.mjs install livekit");

const SEALED = { cipher: 'upheld', 'ciphertext-sound': 'upheld' };
const HONEST = { ...SEALED, 'media-confidential': 'upheld', 'key-origin': 'upheld', 'key-delivery': 'upheld' };
const EXPECTED: Record<string, Record<string, string>> = {
  e2ee: HONEST,
  'flips-flag': HONEST,
  plain: { 'media-confidential': 'refuted' },
  'server-key': { ...SEALED, 'media-confidential': 'refuted', 'key-origin': 'refuted', 'key-delivery': 'refuted' },
};

for (const [name, expected] of Object.entries(EXPECTED))
  test(`livekit/${name} comes out as it is known to be`, async ({}, info) => {
    const folder = info.outputPath(`${name}.kw`);
    const { code, result } = await run(`livekit/${name}`, folder);
    expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual(expected);
    const refuted = Object.keys(expected).filter((claim) => expected[claim] === 'refuted');
    expect(code).toBe(refuted.length > 0 ? 1 : 0);
    for (const claim of refuted) {
      const proof = join(folder, 'proofs', claim);
      const again = reproduce(proof);
      expect(again.status, `${claim}: ${again.stderr}`).toBe(0);
      expect(cardIn(join(proof, 'picture.png'))?.sender, claim).toBeDefined();
    }
    if (name === 'server-key')
      expect(reproduce(join(folder, 'proofs/media-confidential')).stdout).toMatch(
        /"passphrase".*PBKDF2 with SHA-256 100000 times/s,
      );
  });

test.describe('in the pages', () => {
  let browser: Browser;
  test.beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium().path,
      args: [
        '--no-sandbox',
        '--use-fake-ui-for-media-stream',
        '--use-fake-device-for-media-stream',
        '--disable-background-networking',
        '--disable-component-update',
      ],
    });
  });
  test.afterAll(() => browser?.close());

  /** Takes participants into a meeting, each with a passphrase. */
  async function meet(running: RunningService, passphrases: Record<string, string>): Promise<Record<string, Page>> {
    const pages: Record<string, Page> = {};
    for (const [participant, secret] of Object.entries(passphrases)) {
      const page = await (await browser.newContext()).newPage();
      await page.addInitScript(collectConnections);
      await running.join(page, { meeting: 'one', participant, secret });
      pages[participant] = page;
    }
    return pages;
  }

  async function during(service: Service, act: (running: RunningService) => Promise<void>): Promise<void> {
    const running = await service.start();
    try {
      await act(running);
    } finally {
      for (const context of browser.contexts()) await context.close();
      await running.stop();
    }
  }

  test('who has another passphrase gets frames and can decode none', async () => {
    await during(sealed, async (running) => {
      const { alice, bob, carol } = await meet(running, { alice: 'right', bob: 'right', carol: 'wrong' });
      await expect.poll(() => shownVideos(alice!), PATIENTLY).toBe(1);
      await expect.poll(() => shownVideos(bob!), PATIENTLY).toBe(1);
      await expect.poll(async () => (await received(carol!)).packets, PATIENTLY).toBeGreaterThan(200);
      expect(await received(carol!)).toMatchObject({ decoded: 0, energy: 0 });
      expect(await shownVideos(carol!)).toBe(0);
      await expect(carol!.locator('#status')).toContainText('InvalidKey');
    });
  });

  test('whom the server tells that nothing is encrypted gets frames and can decode none', async () => {
    const service = serviceOf({
      name: 'flips-all',
      title: 'LiveKit whose server says of every track that it is not encrypted',
      vendor: 'livekit',
      passphrase: 'link',
      relay: (url) => startRelay(url, 'all'),
    });
    await during(service, async (running) => {
      const { bob } = await meet(running, { alice: 'right', bob: 'right' });
      await expect.poll(async () => (await received(bob!)).packets, PATIENTLY).toBeGreaterThan(200);
      expect(await received(bob!)).toMatchObject({ decoded: 0 });
      expect(await shownVideos(bob!)).toBe(0);
      // The client says nothing of it either.
      await expect(bob!.locator('#status')).toBeEmpty();
    });
  });

  test('who joins after LiveKit died is told what it died of', async () => {
    const before = livekits();
    await during(sealed, async (running) => {
      const own = livekits().find((pid) => !before.includes(pid))!;
      process.kill(own, 'SIGKILL');
      await expect(meet(running, { alice: 'right' })).rejects.toThrow(/LiveKit ended \(SIGKILL\)/);
    });
  });
});

/** A limit for what has no reason not to happen. */
const PATIENTLY = { timeout: 20_000 };

/** In the page, before its own code: keeps its connections where {@link received} finds them. */
function collectConnections(): void {
  const connections: RTCPeerConnection[] = [];
  Object.assign(globalThis, { connections });
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  };
}

/** Processes of LiveKit that this process started. */
function livekits(): number[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const parent = readFileSync(join('/proc', pid, 'status'), 'utf8').match(/^PPid:\s*(\d+)/m)?.[1];
        return (
          parent === String(process.pid) && readFileSync(join('/proc', pid, 'cmdline'), 'utf8').includes('livekit')
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

function shownVideos(page: Page): Promise<number> {
  return page
    .locator('video')
    .evaluateAll((videos) => videos.filter((video) => (video as HTMLVideoElement).videoWidth > 0).length);
}

/** Packets that came, video frames that were decoded, and the energy of the sound that was. */
function received(page: Page) {
  return page.evaluate(async () => {
    const sum = { packets: 0, decoded: 0, energy: 0 };
    for (const connection of (globalThis as unknown as { connections: RTCPeerConnection[] }).connections)
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type !== 'inbound-rtp') continue;
        sum.packets += stats.packetsReceived ?? 0;
        sum.decoded += stats.framesDecoded ?? 0;
        sum.energy += stats.totalAudioEnergy ?? 0;
      }
    return sum;
  });
}
