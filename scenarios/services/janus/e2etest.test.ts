import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find } from '../../../tools/services/janus.mjs';
import { findChromium } from '../../../tools/setup.mjs';
import { service } from './e2etest.ts';

describe.skipIf(!find().ok)('janus/e2etest', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium().path,
      args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
    });
  });
  afterAll(() => browser?.close());

  test('shows a participant what comes back, opened with the key that was typed, and nothing else', async () => {
    const running = await service.start();
    try {
      const page = await browser.newPage();
      const visit = { meeting: 'one', participant: 'alice', secret: '0123456789abcdef' };
      await running.join(page, visit);
      expect(running.shares!(visit)).toEqual([await page.evaluate('currentCryptoKey')]);
      expect(await page.locator('video').count()).toBe(1);
      const width = () => page.locator('#videoright video').evaluate((video: HTMLVideoElement) => video.videoWidth);
      await expect.poll(width, { timeout: 20_000 }).toBeGreaterThan(0);
      await running.leave(page);
      expect(await page.locator('#start').textContent()).toBe('Start');
    } finally {
      await running.stop();
    }
  });
});
