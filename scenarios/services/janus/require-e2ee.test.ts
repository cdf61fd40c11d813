import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find } from '../../../tools/services/janus.mjs';
import { findChromium } from '../../../tools/setup.mjs';
import { startRooms } from './base/rooms.ts';
import { service } from './require-e2ee.ts';

describe.skipIf(!find().ok)('a room with require_e2ee', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium().path,
      args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
    });
  });
  afterAll(() => browser?.close());

  /** A page, and the numbers of the errors that Janus answers it with. */
  async function visitor(): Promise<{ page: Page; errors: number[] }> {
    const page = await (await browser.newContext()).newPage();
    const errors: number[] = [];
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        const code = JSON.parse(String(payload)).plugindata?.data?.error_code;
        if (code !== undefined) errors.push(code);
      }),
    );
    return { page, errors };
  }

  const visit = { meeting: 'one', participant: 'alice', secret: 'x' };

  test('refuses the unmodified page with error 433', async () => {
    const running = await startRooms({ requireE2ee: true });
    try {
      const { page, errors } = await visitor();
      await expect(running.join(page, visit)).rejects.toThrow(/the page says: .*end-to-end/);
      expect(errors).toEqual([433]);
    } finally {
      await running.stop();
    }
  });

  test('takes the same page if it says that it encrypts', async () => {
    const running = await service.start();
    try {
      const { page, errors } = await visitor();
      await running.join(page, visit);
      expect(errors).toEqual([]);
    } finally {
      await running.stop();
    }
  });
});
