import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Chromium, findChromium, launchChromium } from './chromium.ts';

const MINUTE = 60_000;
const WAIT = { timeout: 20_000, interval: 20 };

/** Processes whose command line names the folder. */
function processesOf(folder: string): number[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(folder))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

describe('a launched Chromium', { timeout: MINUTE }, () => {
  const started: Chromium[] = [];
  let server: Server;
  let url: string;
  let folder: string;
  const own = process.env.TMPDIR;

  const launch = async (...[options]: Partial<Parameters<typeof launchChromium>[0]>[]) => {
    const browser = await launchChromium({ reach: 'loopback', ...options });
    started.push(browser);
    return browser;
  };

  beforeAll(async () => {
    server = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>here</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'chromium-test-'));
    process.env.TMPDIR = folder;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((browser) => browser.close()));
    if (own === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = own;
    rmSync(folder, { recursive: true, force: true });
  });

  function expectNothingLeft(): void {
    expect(readdirSync(folder)).toEqual([]);
    expect(processesOf(folder)).toEqual([]);
  }

  test('shows pages through Playwright and answers on its own protocol', async () => {
    const { page, context, cdp, version, pid } = await launch();
    await page.goto(url);
    expect(await page.title()).toBe('here');
    expect(context.pages()).toEqual([page]);
    expect(await cdp.send('Browser.getVersion')).toMatchObject({ product: expect.stringContaining(version) });
    expect(processesOf(folder)).toContain(pid);
    expect(findChromium()).toMatchObject({ version });
  });

  test('ends in order and leaves no process and no file', async () => {
    const browser = await launch();
    await browser.page.goto(url);
    await browser.close();
    expect(await browser.exited).toBe('code 0');
    expectNothingLeft();
    await browser.close();
  });

  test('leaves nothing when it was killed', async () => {
    const browser = await launch();
    await browser.page.goto(url);
    process.kill(browser.pid, 'SIGKILL');
    expect(await browser.exited).toBe('signal SIGKILL');
    await browser.close();
    expectNothingLeft();
  });

  test('leaves nothing when it does not answer', async () => {
    const browser = await launch();
    process.kill(browser.pid, 'SIGSTOP');
    await browser.close();
    expectNothingLeft();
  });

  test('ends when whoever launched it is killed', async () => {
    const script = `import { launchChromium } from ${JSON.stringify(new URL('./chromium.ts', import.meta.url).href)};
      launchChromium({ reach: 'loopback' }).then(({ pid }) => console.log(pid));`;
    const launcher = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) => launcher.stdout!.once('data', (text) => resolve(Number(text))));
    expect(processesOf(folder)).toContain(pid);
    launcher.kill('SIGKILL');
    await vi.waitFor(() => expect(processesOf(folder)).toEqual([]), WAIT);
  });

  test('goes through its proxy alone, to loopback too, and says what it asks for', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url!);
      response.setHeader('content-type', 'text/html');
      response.end('<title>from the proxy</title>');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { page } = await launch({ proxy: { port: (proxy.address() as AddressInfo).port, spki: '' } });
    await page.goto(url);
    expect(await page.title()).toBe('from the proxy');
    await page.goto('http://meeting.example/');
    expect(asked).toEqual(expect.arrayContaining([url, 'http://meeting.example/']));
    proxy.close();
  });

  test('resolves no name itself when it may reach only loopback', async () => {
    const { page } = await launch();
    await expect(page.goto(url.replace('127.0.0.1', 'localhost'))).rejects.toThrow('ERR_NAME_NOT_RESOLVED');
  });

  test('two of them connect on loopback, and the packets without SRTP are on stderr', async () => {
    const output: Buffer[] = [];
    const [one, two] = [await launch({ rtpDump: true, onStderr: (chunk) => output.push(chunk) }), await launch()];
    for (const { page } of [one, two]) {
      await page.goto(url);
      // Names of hosts behind mDNS and addresses alike are candidates; all are gathered before the description is passed on.
      await page.evaluate(() => {
        const peer = new RTCPeerConnection();
        const gathered = new Promise<void>((resolve) => {
          peer.onicecandidate = ({ candidate }) => candidate ?? resolve();
        });
        const connected = new Promise<void>((resolve) => {
          peer.onconnectionstatechange = () => peer.connectionState === 'connected' && resolve();
        });
        Object.assign(window, { peer, gathered, connected });
      });
    }
    const describeOne = async (description?: RTCSessionDescriptionInit) => {
      const { peer, gathered } = window as unknown as { peer: RTCPeerConnection; gathered: Promise<void> };
      const media = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (description) await peer.setRemoteDescription(description);
      for (const track of media.getTracks()) peer.addTrack(track, media);
      await peer.setLocalDescription();
      await gathered;
      return peer.localDescription!.toJSON();
    };
    const offer = await one.page.evaluate(describeOne, undefined);
    const answer = await two.page.evaluate(describeOne, offer);
    await one.page.evaluate(
      (description) => (window as unknown as { peer: RTCPeerConnection }).peer.setRemoteDescription(description),
      answer,
    );
    for (const { page } of [one, two])
      await page.evaluate(() => (window as unknown as { connected: Promise<void> }).connected);
    expect(offer.sdp).toContain('127.0.0.1');
    await vi.waitFor(() => expect(Buffer.concat(output).toString('latin1')).toMatch(/O \S+ 0000 .*# RTP_DUMP/), WAIT);
  });

  test('that can not be found is named', async () => {
    const named = process.env.KEYWITNESS_CHROMIUM;
    vi.resetModules();
    process.env.KEYWITNESS_CHROMIUM = '/nowhere/chromium';
    try {
      const fresh = await import('./chromium.ts');
      expect(fresh.findChromium()).toBeUndefined();
      await expect(fresh.launchChromium({ reach: 'loopback' })).rejects.toThrow(
        'KEYWITNESS_CHROMIUM names /nowhere/chromium, which is no browser that runs',
      );
    } finally {
      if (named === undefined) delete process.env.KEYWITNESS_CHROMIUM;
      else process.env.KEYWITNESS_CHROMIUM = named;
    }
  });
});
