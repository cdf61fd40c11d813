import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { reservePorts } from './ports.ts';

/** All blocks that there are. */
const MOST = 64;

describe('blocks of UDP ports', () => {
  it('do not overlap, and lie below what systems hand out by themselves', async () => {
    const { blocks, release } = await reservePorts(15);
    release();
    const sorted = blocks.toSorted((a, b) => a.first - b.first);
    for (const [index, { first, last }] of sorted.entries()) {
      expect(last - first).toBe(254);
      expect(first).toBeGreaterThan(sorted[index - 1]?.last ?? 16_384);
      expect(last).toBeLessThan(32_768);
    }
  });

  it('are reserved until they are released', async () => {
    const one = await reservePorts(MOST / 2 - 2);
    const other = await reservePorts(MOST / 2 - 2);
    const starts = [...one.blocks, ...other.blocks].map(({ first }) => first);
    expect(new Set(starts).size).toBe(starts.length);
    await expect(reservePorts(MOST / 2)).rejects.toThrow(/^there are no 32 blocks of 256 free UDP ports/);
    one.release();
    other.release();
    const again = await reservePorts(MOST / 2);
    again.release();
  });

  it.skipIf(process.platform !== 'linux')('hold no port that somebody has, whatever the address', async () => {
    const socket = createSocket('udp4');
    const taken = 16_384 + 5 * 256 + 77;
    socket.bind(taken, '0.0.0.0');
    await once(socket, 'listening');
    const { blocks, release } = await reservePorts(MOST - 4);
    release();
    socket.close();
    expect(blocks.filter(({ first, last }) => first <= taken && taken <= last)).toEqual([]);
  });
});
