import { describe, expect, it } from 'vitest';
import { startProcess } from './process.ts';

const told = { participants: ['alice'], hosts: {}, trust: [], reach: 'loopback' as const };
const sink = { append() {} };
const start = (script: string, readyWithin?: number) =>
  startProcess({ command: process.execPath, args: ['-e', script], told, sink, readyWithin });

describe('a process that is to run proxies', () => {
  it('and is never ready is ended', async () => {
    await expect(start('setInterval(() => {}, 1000)', 300)).rejects.toThrow(
      /^the proxies cannot start: they are not ready after 300 ms/,
    );
  });

  it('and ends before it is ready is told of with its last words', async () => {
    await expect(start('console.error("Error: no room"); process.exit(3)')).rejects.toThrow(
      "the proxies cannot start: the proxies' process ended (exit 3): Error: no room",
    );
  });
});
