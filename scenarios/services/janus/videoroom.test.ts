import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findChromium } from '../../../tools/setup.mjs';
import { iceAddress, startJanus } from './base/janus.ts';
import { service } from './videoroom.ts';

/** A limit for what has no reason not to happen. */
const PATIENTLY = { timeout: 20_000 };
const installed = existsSync('/usr/bin/janus');

/** Folders, and processes of this process, that are there: `keywitness-janus-XXXXXX` names both. */
function traces(): { folders: string[]; processes: { pid: number; name: string }[] } {
  const folders = readdirSync(tmpdir()).filter((name) => name.startsWith('keywitness-janus-'));
  const processes = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const name = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').match(/keywitness-janus-\w+/)?.[0];
        const parent = Number(readFileSync(join('/proc', pid, 'status'), 'utf8').match(/^PPid:\s*(\d+)/m)?.[1]);
        return name && parent === process.pid ? { pid: Number(pid), name } : [];
      } catch {
        return [];
      }
    });
  return { folders, processes };
}

/** Whether a folder, or a process that runs on it, is there. */
function isTraced(name: string): boolean {
  const { folders, processes } = traces();
  return folders.includes(name) || processes.some((process) => process.name === name);
}

function folderOf(socket: string): string {
  return socket.match(/keywitness-janus-\w+/)![0];
}

describe('the address for ICE', () => {
  const entry = (address: string, internal = false) => ({
    address,
    internal,
    family: address.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
    netmask: '',
    mac: '',
    cidr: null,
    scopeid: 0,
  });

  test('is one of an interface other than loopback', () => {
    expect(iceAddress({ lo: [entry('127.0.0.1', true)], eth0: [entry('192.0.2.2')] })).toBe('192.0.2.2');
  });

  test('is IPv4 if there is one', () => {
    expect(iceAddress({ a: [entry('2001:db8::1')], b: [entry('198.51.100.7')] })).toBe('198.51.100.7');
    expect(iceAddress({ a: [entry('fe80::1'), entry('2001:db8::1')] })).toBe('2001:db8::1');
  });

  test('is never link-local, and its lack is explained', () => {
    const lonely = {
      lo: [entry('127.0.0.1', true), entry('::1', true)],
      eth0: [entry('169.254.7.7'), entry('fe80::1')],
    };
    expect(() => iceAddress(lonely)).toThrow(/network interface other than loopback/);
  });
});

describe.skipIf(!installed)('Janus', () => {
  test('leaves nothing behind when stopped', async () => {
    const janus = await startJanus({ name: 'videoroom', rooms: 1, publishers: 2 });
    const name = folderOf(janus.socket);
    expect(traces().folders).toContain(name);
    expect(traces().processes).toEqual([{ pid: janus.pid, name }]);
    await janus.stop();
    expect(isTraced(name)).toBe(false);
  });
});

describe.skipIf(!installed)('janus/videoroom', () => {
  let browser: Browser;
  beforeEach(async () => {
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
  afterEach(() => browser?.close());

  const visitor = async () => (await browser.newContext()).newPage();
  const pictures = (page: Page) =>
    page
      .locator('video[id^=remotevideo]')
      .evaluateAll(
        (videos) =>
          videos.filter((video) => (video as HTMLVideoElement).videoWidth > 0 && !(video as HTMLVideoElement).paused)
            .length,
      );

  test('carries a call: participants see each other, leave, and meetings stay apart', { timeout: 60_000 }, async () => {
    const running = await service.start();
    try {
      const [alice, bob, carol] = [await visitor(), await visitor(), await visitor()];
      const foreign: string[] = [];
      for (const page of [alice, bob, carol])
        page.on('request', (request) => {
          if (!request.url().startsWith('http://127.0.0.1:')) foreign.push(request.url());
        });
      await running.join(alice, { meeting: 'one', participant: 'alice', secret: 'x' });
      await running.join(bob, { meeting: 'one', participant: 'bob', secret: 'x' });
      await running.join(carol, { meeting: 'two', participant: 'carol', secret: 'x' });
      await expect.poll(() => pictures(alice), PATIENTLY).toBe(1);
      await expect.poll(() => pictures(bob), PATIENTLY).toBe(1);
      expect(await pictures(carol)).toBe(0);
      await expect.poll(() => alice.locator('#remote1').textContent(), PATIENTLY).toBe('bob');

      await running.leave(bob);
      expect(await bob.locator('#start').textContent()).toBe('Start');
      await expect.poll(() => pictures(alice), PATIENTLY).toBe(0);
      expect(foreign).toEqual([]);
    } finally {
      await running.stop();
    }
  });

  test('rejects who cannot join with what the page says', { timeout: 60_000 }, async () => {
    const running = await service.start();
    try {
      const page = await visitor();
      await page.route('**/settings.js', (route) =>
        route.fulfill({
          contentType: 'text/javascript',
          body: "var server = 'ws://127.0.0.1:1/', iceServers = [], token, apisecret;",
        }),
      );
      const joined = running.join(page, { meeting: 'one', participant: 'alice', secret: 'x' });
      await expect(joined).rejects.toThrow(/the page says: .*server/);
    } finally {
      await running.stop();
    }
  });

  test('rejects who joins after Janus died with what it died of', { timeout: 60_000 }, async () => {
    const before = traces().processes;
    const running = await service.start();
    const page = await visitor();
    const own = traces().processes.find(({ pid }) => !before.some((one) => one.pid === pid))!;
    process.kill(own.pid, 'SIGKILL');
    const joined = running.join(page, { meeting: 'one', participant: 'alice', secret: 'x' });
    await expect(joined).rejects.toThrow(/Janus ended \(SIGKILL\)/);
    await running.stop();
    expect(isTraced(own.name)).toBe(false);
  });
});
