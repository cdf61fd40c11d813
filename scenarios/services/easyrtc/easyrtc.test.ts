import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright';
import { describe, expect, test, vi } from 'vitest';
import { find } from '../../../tools/services/easyrtc.mjs';
import { startEasyRtc } from './base/service.ts';

const PATIENTLY = { timeout: 20_000, interval: 100 };

describe.skipIf(!find().ok)('open-easyrtc', () => {
  test('serves its own demo, and tells browsers of no other servers', async () => {
    const running = await startEasyRtc('honest');
    try {
      const demo = await fetch(`${running.origin}/demos/demo_multiparty.html`);
      expect(await demo.text()).toContain('<title>Multiparty Chatroom</title>');
      expect((await fetch(`${running.origin}/easyrtc/easyrtc.js`)).status).toBe(200);
    } finally {
      await running.stop();
    }
    await expect(fetch(running.origin!)).rejects.toThrow();
  });

  test('has one room', async () => {
    const running = await startEasyRtc('honest');
    try {
      const page = { goto: () => Promise.reject(new Error('somewhere')) } as unknown as Page;
      const visit = { meeting: 'one', participant: 'alice', secret: 'x' };
      await expect(running.join(page, visit)).rejects.toThrow('somewhere');
      await expect(running.join(page, { ...visit, meeting: 'two' })).rejects.toThrow(/one room.* taken/);
    } finally {
      await running.stop();
    }
  });

  test('does not outlive the process that started it', async () => {
    const script = `
      const { startEasyRtc } = await import(${JSON.stringify(new URL('./base/service.ts', import.meta.url).href)});
      console.log((await startEasyRtc('swapped')).origin);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [origin] = await once(createInterface({ input: parent.stdout! }), 'line');
    expect((await fetch(`${origin}/demos/`)).status).toBe(200);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(fetch(origin)).rejects.toThrow(), PATIENTLY);
  });
});
