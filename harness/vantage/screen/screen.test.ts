import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Chromium, launchChromium } from '../../call/chromium.ts';
import type { NewEvent } from '../../recording/format.ts';
import { startScreenVantage } from './screen.ts';

/** A page on which something moves, so that there is something to record. */
const PAGE = `<!doctype html><canvas></canvas><script>
let n = 0; setInterval(() => document.querySelector('canvas').getContext('2d').fillRect(n++ % 300, 0, 1, 90), 30);
globalThis.before = Object.getOwnPropertyNames(globalThis).join();</script>`;

describe('the screen vantage point', () => {
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', 'text/html');
    if (url === '/forbids') response.setHeader('permissions-policy', 'display-capture=()');
    response.end(PAGE);
  });
  let origin: string;
  let browser: Chromium;
  let folder: string;
  let events: NewEvent[];

  const screen = (ffmpeg?: string) =>
    startScreenVantage({ participant: 'alice', folder, ffmpeg, sink: { append: (event) => events.push(event) } });
  const types = () => events.map((event) => event.type);

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium({ reach: 'loopback', screen: true });
  });
  afterAll(async () => {
    await browser.close();
    server.close();
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'screen-test-'));
    events = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('records a page, which sees nothing of it', async () => {
    await browser.page.goto(`${origin}/`);
    const vantage = screen();
    await vantage.watch(browser.page);
    await delay(1500);
    expect(await browser.page.evaluate('Object.getOwnPropertyNames(globalThis).join() === before + ",before"')).toBe(
      true,
    );
    const { state, detail } = await vantage.health();
    expect(state).toBe('alive');
    expect(detail).toMatch(/^\d+ bytes in 1 files; screen\/alice\.webm is not seekable: there is no ffmpeg$/);
    expect(types()).toEqual(['screen.began', 'screen.ended', 'screen.kept']);
    expect(statSync(join(folder, 'screen/alice.webm')).mode & 0o777).toBe(0o600);
  });

  it('begins another file where the page goes elsewhere', async () => {
    const vantage = screen();
    for (const path of ['/one', '/two']) {
      await browser.page.goto(origin + path);
      await vantage.watch(browser.page);
      await vantage.watch(browser.page);
      await delay(1000);
    }
    expect((await vantage.health()).state).toBe('alive');
    expect(readdirSync(join(folder, 'screen')).sort()).toEqual(['alice.2.webm', 'alice.webm']);
    const [first] = events.filter((event) => event.type === 'screen.ended');
    expect(first).toMatchObject({ file: 'screen/alice.webm', reason: 'the page went elsewhere' });
  });

  it('is lost where a page forbids it, and says why', async () => {
    await browser.page.goto(`${origin}/forbids`);
    const vantage = screen();
    await vantage.watch(browser.page);
    await vantage.watch(browser.page);
    const { state, detail } = await vantage.health();
    expect(state).toBe('lost');
    expect(detail).toMatch(/^the page can't be recorded: NotAllowedError/);
    expect(types().filter((type) => type === 'vantage.lost')).toHaveLength(1);
  });

  it('keeps what it has where ffmpeg fails', async () => {
    await browser.page.goto(`${origin}/`);
    const vantage = screen('/bin/false');
    await vantage.watch(browser.page);
    await delay(1000);
    expect((await vantage.health()).detail).toMatch(/not seekable: false: exit code 1$/);
    expect(readdirSync(join(folder, 'screen'))).toEqual(['alice.webm']);
  });

  it('is lost where nothing was recorded', async () => {
    expect(await screen().health()).toEqual({ state: 'lost', detail: 'nothing was recorded (0 bytes in 0 files)' });
  });
});
