import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './aes-ecb.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

const codecFrames: SealedFrame[] = Array.from({ length: 40 }, (_, i) => ({
  medium: i % 4 === 3 ? 'audio' : 'video',
  key: i % 8 === 0,
  ssrc: 1,
  timestamp: i,
  data: noise(`frame ${i}`, 40 + 7 * i),
}));

const usual = (frame: SealedFrame) => (frame.medium === 'audio' ? 1 : frame.key ? 10 : 3);

function seal(frame: SealedFrame, key: Uint8Array, padding: 'pkcs7' | 'zero', clear: (f: SealedFrame) => number) {
  const prefix = clear(frame);
  const rest = frame.data.subarray(prefix);
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(padding === 'pkcs7');
  const zeros = padding === 'zero' ? Buffer.alloc((16 - (rest.length % 16)) % 16) : Buffer.alloc(0);
  const body = Buffer.concat([cipher.update(rest), cipher.update(zeros), cipher.final()]);
  return { ...frame, data: Buffer.concat([frame.data.subarray(0, prefix), body]) };
}

describe.each([16, 24, 32])('AES-ECB with a key of %i bytes', (length) => {
  const key = noise(`key ${length}`, length);

  it.each(['pkcs7', 'zero'] as const)('opens a call with %s padding and the usual clear prefixes', (padding) => {
    const opened = openAll(
      scheme,
      codecFrames.map((frame) => seal(frame, key, padding, usual)),
      key,
    )!;
    expect(opened.map((frame) => frame.plaintext)).toEqual(codecFrames.map((frame) => frame.data));
    expect(opened.map((frame) => frame.clearPrefix)).toEqual(codecFrames.map(usual));
    expect(opened[0]!.cipher).toEqual({ algorithm: 'AES', mode: 'ECB', keyBits: length * 8, tagBits: 0 });
  });

  it('opens frames that are sealed whole', () => {
    const frames = codecFrames.map((frame) => seal(frame, key, 'pkcs7', () => 0));
    expect(openAll(scheme, frames, key)![5]!.plaintext).toEqual(codecFrames[5]!.data);
  });
});

describe('a secret that is not the key', () => {
  const key = noise('right', 16);
  const frames = codecFrames.map((frame) => seal(frame, key, 'pkcs7', usual));

  it('is refused, a thousand times over', () => {
    for (let i = 0; i < 1000; i++) expect(scheme.prepare(noise(`wrong ${i}`, 16), frames)).toBeUndefined();
  });

  it('is refused on random bytes in whole blocks, and never throws', () => {
    const data = fc.integer({ min: 1, max: 6 }).chain((n) => fc.uint8Array({ minLength: 16 * n, maxLength: 16 * n }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(data, fc.uint8Array({ maxLength: 40 })), { maxLength: 40 }),
        fc.uint8Array({ maxLength: 33 }),
        (all, secret) => {
          const random = all.map((bytes, i): SealedFrame => ({ ...codecFrames[0]!, timestamp: i, data: bytes }));
          expect(openAll(scheme, random, secret)).toBeUndefined();
          const open = scheme.prepare(key, frames)!;
          for (const frame of random) open(frame);
        },
      ),
    );
  });
});

describe('too little to tell', () => {
  const key = noise('right', 16);
  const frames = codecFrames.map((frame) => seal(frame, key, 'pkcs7', usual));

  it('is eleven frames', () => {
    expect(openAll(scheme, frames.slice(0, 12), key)).toHaveLength(12);
    expect(openAll(scheme, frames.slice(0, 11), key)).toBeUndefined();
    expect(scheme.prepare(key)).toBeUndefined();
  });

  it('is many frames that end in the same block, since chance has to be beaten only once', () => {
    const silence = Array.from({ length: 100 }, () => seal(codecFrames[2]!, key, 'pkcs7', usual));
    expect(openAll(scheme, silence, key)).toBeUndefined();
  });

  it('is frames of other lengths than whole blocks have', () => {
    expect(scheme.prepare(key, codecFrames)).toBeUndefined();
  });
});
