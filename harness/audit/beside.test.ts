import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Beside } from './beside.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

/** Bytes that are not explained, of a hundred frames. */
function unexplained(beside: (at: number, nonce: Uint8Array) => Uint8Array): number {
  const all = new Beside<object>();
  const stream = {};
  let sum = 0;
  for (let at = 0; at < 100; at++) {
    const nonce = noise(`nonce ${at}`, 12);
    sum += all.add(stream, beside(at, nonce), nonce);
  }
  return sum;
}

describe('what stands beside a sealed frame', () => {
  it('is explained where it is the nonce or a part of it, with its length and a key’s index', () => {
    expect(unexplained((_, nonce) => Buffer.concat([nonce, Buffer.of(12, 0)]))).toBe(2);
    expect(unexplained((_, nonce) => nonce.subarray(4))).toBe(0);
  });

  it('is explained where it counts, from either end, but for where it gets longer', () => {
    const big = (at: number) => Uint8Array.of(0, 0, 0, 0, at >> 8, at & 255);
    expect(unexplained((at) => big(160 * at))).toBeLessThan(10);
    expect(unexplained((at) => big(160 * at).reverse())).toBeLessThan(10);
    expect(unexplained((at) => (at < 50 ? Buffer.of(0x10, at) : Buffer.of(0x11, 1, at)))).toBeLessThan(10);
  });

  it('is not where it is anything else', () => {
    expect(unexplained((at) => noise(`speech ${at}`, 30))).toBeGreaterThan(2900);
    expect(unexplained((at) => noise(`speech ${at}`, 6))).toBeGreaterThan(550);
  });

  it('is searched for secrets, of whichever stream', () => {
    const all = new Beside<object>();
    const [own, other] = [noise('key 1', 32), noise('key 2', 32)];
    all.add({}, Buffer.concat([noise('x', 3), own]), undefined);
    expect(all.holds(own)).toBe(true);
    expect(all.holds(other)).toBe(false);
    expect(all.holds(own.subarray(0, 4))).toBe(false);
  });
});
