import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Cipher } from '../ciphers/scheme.ts';
import type { StreamEvidence } from '../claims/evidence.ts';
import { KeyRing, type Use } from './key-ring.ts';

const stream = {} as StreamEvidence;
const bytes = noise('key', 32);
const gcm = (tagBits: number): Cipher => ({ algorithm: 'AES', mode: 'GCM', keyBits: 256, tagBits });

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

function gone(nonce: string, sealed: string): Use {
  return { nonce: noise(nonce, 12), sealed: noise(sealed, 50), length: 50 };
}

describe('a key', () => {
  it('is told apart by its whole cipher, in whatever order its frames come', () => {
    for (const tags of [
      [128, 32, 32],
      [32, 32, 128],
    ]) {
      const ring = new KeyRing();
      for (const [index, tagBits] of tags.entries())
        ring.use(ring.of(bytes, 'page', gcm(tagBits)), stream, [index], gone(`nonce ${index}`, `${index}`));
      const found = ring.all.map(({ cipher, frames }) => [cipher.tagBits, frames]);
      expect(found.sort(([a], [b]) => a! - b!)).toEqual([
        [32, 2],
        [128, 1],
      ]);
    }
  });

  it('is one where its cipher is the same', () => {
    const ring = new KeyRing();
    expect(ring.of(bytes, 'page', gcm(128))).toBe(ring.of(Uint8Array.from(bytes), 'page', gcm(128)));
    expect(ring.of(noise('other', 32), 'page', gcm(128)).name).toBe('key 2');
  });
});

describe('a nonce', () => {
  it('is used again where another ciphertext has it, be its tag of another length', () => {
    const ring = new KeyRing();
    ring.use(ring.of(bytes, 'page', gcm(128)), stream, [1], gone('nonce', 'a'));
    ring.use(ring.of(bytes, 'page', gcm(64)), stream, [2], gone('nonce', 'b'));
    expect(ring.all.map(({ noncesReused, nonceReuse }) => ({ noncesReused, nonceReuse }))).toEqual([
      { noncesReused: 0, nonceReuse: [] },
      { noncesReused: 1, nonceReuse: [[1, 2]] },
    ]);
  });

  it('is not used again where the same is sent again, or by another key', () => {
    const ring = new KeyRing();
    for (const event of [1, 2]) ring.use(ring.of(bytes, 'page', gcm(128)), stream, [event], gone('nonce', 'a'));
    ring.use(ring.of(noise('other', 32), 'page', gcm(128)), stream, [3], gone('nonce', 'b'));
    expect(ring.all.map(({ noncesReused }) => noncesReused)).toEqual([0, 0]);
  });
});

describe('the pairs that show a nonce used again', () => {
  it('are of one stream that the provider carried, where there are any, and a few', () => {
    const [one, other, direct] = ['provider', 'provider', 'direct'].map((route) => ({ route }) as StreamEvidence);
    const ring = new KeyRing();
    const key = ring.of(bytes, 'page', gcm(128));
    const use = (stream: StreamEvidence | undefined, event: number, nonce: string) =>
      ring.use(key, stream!, [event], gone(nonce, `${event}`));
    for (let at = 0; at < 100; at++) {
      use(one, at, `apart ${at}`);
      use(other, 100 + at, `apart ${at}`);
      use(direct, 200 + at, `direct ${at}`);
      use(direct, 300 + at, `direct ${at}`);
    }
    expect(key.nonceReuse).toHaveLength(16);
    for (const event of [400, 401]) use(one, event, 'late');
    for (const event of [500, 501]) use(other, event, 'later');
    expect(key.noncesReused).toBe(202);
    expect(key.nonceReuse).toHaveLength(16);
    expect(key.nonceReuse.slice(0, 3)).toEqual([
      [400, 401],
      [500, 501],
      [0, 100],
    ]);
    for (let event = 600; event < 700; event++) use(one, event, 'on and on');
    expect(key.nonceReuse).toHaveLength(16);
    expect(key.nonceReuse.slice(0, 2)).toEqual([
      [400, 401],
      [500, 501],
    ]);
  });
});

describe('counter blocks of CTR', () => {
  const ctr: Cipher = { algorithm: 'AES', mode: 'CTR', keyBits: 256, tagBits: 0 };

  /** How often blocks were used again by frames that begin with these counters, which name what they seal. */
  function reused(
    counters: readonly bigint[],
    { length = 1000, counterBits = 64, sealed = (at: number) => `${at}` } = {},
  ) {
    const ring = new KeyRing();
    const key = ring.of(bytes, 'page', ctr);
    for (const [at, counter] of counters.entries()) {
      const nonce = Buffer.from(counter.toString(16).padStart(32, '0'), 'hex');
      ring.use(key, stream, [at], { nonce, sealed: noise(sealed(at), 50), length, counterBits });
    }
    return key.noncesReused;
  }

  it('are used again where frames begin with counters that are nearer than their blocks', () => {
    // 1000 bytes are 63 blocks.
    expect(reused([0n, 1n])).toBe(1);
    expect(reused([0n, 62n])).toBe(1);
    expect(reused([63n, 0n, 62n])).toBe(1);
    expect(reused(Array.from({ length: 200 }, (_, at) => BigInt(at)))).toBe(196);
  });

  it('are not where each frame begins behind the blocks of the last, in whatever order, or at random', () => {
    expect(reused(Array.from({ length: 200 }, (_, at) => BigInt(63 * at)))).toBe(0);
    expect(reused(Array.from({ length: 200 }, (_, at) => BigInt(63 * (199 - at))))).toBe(0);
    const random = (_: unknown, at: number) => BigInt(`0x${Buffer.from(noise(`iv ${at}`, 16)).toString('hex')}`);
    expect(reused(Array.from({ length: 2000 }, random))).toBe(0);
  });

  it('are not where the same is sent again', () => {
    expect(reused([5n, 100n, 5n], { sealed: (at) => `${at % 2}` })).toBe(0);
    expect(reused([5n, 5n])).toBe(1);
  });

  it('begin anew behind the end of a counter, which has as many bits as the page said', () => {
    const last = (1n << 32n) - 10n;
    expect(reused([last, 0n], { counterBits: 32 })).toBe(1);
    expect(reused([last, 1n << 32n], { counterBits: 32 })).toBe(0);
    expect(reused([last, 0n], { counterBits: 64 })).toBe(0);
    expect(reused([last, 1n << 32n], { counterBits: 64 })).toBe(1);
  });

  it('are found in frames of megabytes', () => {
    expect(reused([0n, 100_000n], { length: 2 << 20 })).toBe(1);
    expect(reused([0n, 131_072n], { length: 2 << 20 })).toBe(0);
  });
});
