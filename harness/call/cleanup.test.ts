import { describe, expect, it } from 'vitest';
import { Cleanup } from './cleanup.ts';

describe('cleaning up', () => {
  it('ends what was begun last first, each once, however often it is asked', async () => {
    const ended: string[] = [];
    const cleanup = new Cleanup();
    for (const name of ['service', 'proxies', 'browser']) cleanup.add(async () => ended.push(name));
    await Promise.all([cleanup.run(), cleanup.run()]);
    await cleanup.run();
    expect(ended).toEqual(['browser', 'proxies', 'service']);
  });

  it('goes on behind a failure and tells of it', async () => {
    const ended: string[] = [];
    const cleanup = new Cleanup();
    cleanup.add(() => ended.push('service'));
    cleanup.add(() => {
      throw new Error('the browser hangs');
    });
    await expect(cleanup.run()).rejects.toThrow('the browser hangs');
    expect(ended).toEqual(['service']);
  });
});
