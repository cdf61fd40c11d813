import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Cipher } from '../ciphers/scheme.ts';
import type { StreamEvidence } from '../claims/evidence.ts';
import { KeyRing } from './key-ring.ts';

const stream = {} as StreamEvidence;
const bytes = noise('key', 32);
const gcm = (tagBits: number): Cipher => ({ algorithm: 'AES', mode: 'GCM', keyBits: 256, tagBits });

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

describe('a key', () => {
  it('is told apart by its whole cipher, in whatever order its frames come', () => {
    for (const tags of [
      [128, 32, 32],
      [32, 32, 128],
    ]) {
      const ring = new KeyRing();
      for (const [index, tagBits] of tags.entries())
        ring.use(
          ring.of(bytes, 'page', gcm(tagBits)),
          stream,
          [index],
          noise(`nonce ${index}`, 12),
          noise('sealed', 50),
        );
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
    const nonce = noise('nonce', 12);
    ring.use(ring.of(bytes, 'page', gcm(128)), stream, [1], nonce, noise('a', 50));
    ring.use(ring.of(bytes, 'page', gcm(64)), stream, [2], nonce, noise('b', 50));
    expect(ring.all.map(({ noncesReused, nonceReuse }) => ({ noncesReused, nonceReuse }))).toEqual([
      { noncesReused: 0, nonceReuse: [] },
      { noncesReused: 1, nonceReuse: [[1, 2]] },
    ]);
  });

  it('is not used again where the same is sent again, or by another key', () => {
    const ring = new KeyRing();
    const nonce = noise('nonce', 12);
    for (const event of [1, 2]) ring.use(ring.of(bytes, 'page', gcm(128)), stream, [event], nonce, noise('a', 50));
    ring.use(ring.of(noise('other', 32), 'page', gcm(128)), stream, [3], nonce, noise('b', 50));
    expect(ring.all.map(({ noncesReused }) => noncesReused)).toEqual([0, 0]);
  });
});
