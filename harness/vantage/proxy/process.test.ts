import { describe, expect, it } from 'vitest';
import { startProcess } from './process.ts';

const told = { participants: ['alice'], hosts: {}, trust: [], reach: 'loopback' as const };
const sink = { append() {} };
const start = (script: string, readyWithin?: number) =>
  startProcess({ command: process.execPath, args: ['-e', script], told, sink, readyWithin });

/** What a process says to its first question, beside that it is ready: frames without bodies, in one write. */
const saying = (...values: object[]) => `
  const frame = (value) => {
    const json = Buffer.from(JSON.stringify(value));
    const head = Buffer.alloc(8, 0xff);
    head.writeUInt32BE(json.length, 0);
    return Buffer.concat([head, json]);
  };
  const say = (values) => require('node:fs').writeSync(3, Buffer.concat(values.map(frame)));
  let lines = 0;
  require('node:readline').createInterface({ input: process.stdin })
    .on('line', () => say(lines++ === 0 ? [{ control: 'ready', ports: {} }] : ${JSON.stringify(values)}))
    .on('close', () => process.exit(0));`;

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

describe('the health of a process that runs proxies', () => {
  const event = { participant: 'alice', vantage: 'proxy', type: 'vantage.alive' };
  const health = (events: number) => ({ control: 'health', events, count: 0, mishaps: [] });

  it.each([
    ['events that come behind its answer don’t count', [event, health(1), event], 'alive', '2 events'],
    ['one that got lost does', [event, health(2), event], 'lost', '1 events arrived of the 2 that the proxies saw'],
  ])('%s', async (_, values, state, detail) => {
    const running = await start(saying(...values));
    expect(await running.health()).toEqual({ state, detail });
    await running.stop();
  });
});
