import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type SealedFrame } from '../scheme.ts';
import { openWithKey, parseHeader, scheme, seal, serializeHeader } from './sframe.ts';
import vectors from './sframe.vectors.json' with { type: 'json' };

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');
const baseKey = bytes('000102030405060708090a0b0c0d0e0f');
const video = (data: Uint8Array, key = true): SealedFrame => ({ medium: 'video', key, ssrc: 1, timestamp: 2, data });
const codecFrame = Uint8Array.from({ length: 200 }, (_, i) => (i * 37) & 0xff);
const sealed = (over: Partial<Parameters<typeof seal>[1]> = {}) =>
  seal(codecFrame, { suite: 5, baseKey, keyId: 3n, counter: 300n, ...over });

describe('the SFrame header', () => {
  it.each(vectors.header)('of key $kid, counter $ctr is $encoded', ({ kid, ctr, encoded }) => {
    expect(hex(serializeHeader(BigInt(kid), BigInt(ctr)))).toBe(encoded);
    const expected = { keyId: BigInt(kid), counter: BigInt(ctr), length: encoded.length / 2 };
    expect(parseHeader(bytes(encoded))).toEqual(expected);
  });

  it('is refused when cut off or when a number is written longer than it needs to be', () => {
    expect(parseHeader(bytes(''))).toBeUndefined();
    expect(parseHeader(bytes('9901'))).toBeUndefined();
    expect(parseHeader(bytes('0807'))).toBeUndefined();
    expect(parseHeader(bytes('0900ff'))).toBeUndefined();
  });

  it('comes back from any two numbers, and from any bytes without a throw', () => {
    const number = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
    fc.assert(
      fc.property(number, number, (keyId, counter) => {
        const header = serializeHeader(keyId, counter);
        expect(parseHeader(header)).toEqual({ keyId, counter, length: header.length });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (data) => {
        const header = parseHeader(data);
        if (header)
          expect(hex(serializeHeader(header.keyId, header.counter))).toBe(hex(data.subarray(0, header.length)));
      }),
    );
  });

  it('has no room for numbers beyond 64 bits', () => {
    expect(() => serializeHeader(1n << 64n, 0n)).toThrow(RangeError);
    expect(() => serializeHeader(0n, -1n)).toThrow(RangeError);
  });
});

describe("the RFC's test vectors", () => {
  it.each(vectors.sframe)('seals as suite $suite does', (vector) => {
    const options = { suite: vector.suite, baseKey: bytes(vector.baseKey), metadata: bytes(vector.metadata) };
    const frame = seal(bytes(vector.plaintext), { ...options, keyId: BigInt(vector.kid), counter: BigInt(vector.ctr) });
    expect(hex(frame)).toBe(vector.sealed);
  });

  it.each(vectors.sframe.filter((v) => v.key))('derives key, salt and nonce as suite $suite does', (vector) => {
    const options = { suite: vector.suite, baseKey: bytes(vector.baseKey) };
    const frame = video(seal(codecFrame, { ...options, keyId: BigInt(vector.kid), counter: BigInt(vector.ctr) }));
    for (const at of [{ salt: bytes(vector.salt!) }, { nonce: bytes(vector.nonce!) }]) {
      expect(hex(openWithKey(frame, bytes(vector.key!), at)!.plaintext)).toBe(hex(codecFrame));
    }
    expect(hex(scheme.prepare(options.baseKey)!(frame)!.nonce!)).toBe(vector.nonce);
  });
});

describe('opening with a base key', () => {
  it.each([
    [1, 'CTR', 128, 80],
    [2, 'CTR', 128, 64],
    [3, 'CTR', 128, 32],
    [4, 'GCM', 128, 128],
    [5, 'GCM', 256, 128],
  ] as const)('tells suite %i by itself: AES-%s', (suite, mode, keyBits, tagBits) => {
    const opened = scheme.prepare(baseKey)!(video(sealed({ suite })))!;
    expect(opened.cipher).toEqual({ algorithm: 'AES', mode, keyBits, tagBits });
    expect(hex(opened.plaintext)).toBe(hex(codecFrame));
    expect(opened.keyId).toBe(3n);
  });

  it.each([
    ['video', true, 10],
    ['video', false, 3],
    ['audio', false, 1],
    ['video', true, 0],
    ['video', false, 10],
  ] as const)('finds the clear prefix: %s, key %s, %i bytes', (medium, key, clearPrefix) => {
    const frame = { ...video(sealed({ clearPrefix }), key), medium };
    const opened = scheme.prepare(baseKey)!(frame)!;
    expect(opened.clearPrefix).toBe(clearPrefix);
    expect(hex(opened.plaintext)).toBe(hex(codecFrame));
  });

  it('refuses a frame in which any byte was changed, the clear prefix among them', () => {
    const open = scheme.prepare(baseKey)!;
    const good = sealed({ clearPrefix: 10 });
    expect(open(video(good))).toBeDefined();
    for (let i = 0; i < good.length; i++) {
      const bad = good.slice();
      bad[i]! ^= 1;
      expect(open(video(bad)), `byte ${i}`).toBeUndefined();
    }
  });

  it('refuses another key and an empty one', () => {
    expect(scheme.prepare(new Uint8Array(16))!(video(sealed()))).toBeUndefined();
    expect(scheme.prepare(new Uint8Array(0))).toBeUndefined();
  });

  it('opens nothing of random bytes with a random key, and never throws', () => {
    const medium = fc.constantFrom('audio' as const, 'video' as const);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        medium,
        fc.boolean(),
        (data, secret, medium, key) => {
          expect(scheme.prepare(secret)!({ ...video(data, key), medium })).toBeUndefined();
          const at = { salt: secret.subarray(0, 12) };
          expect(openWithKey(video(data, key), secret.subarray(0, 32), at)).toBeUndefined();
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('openAll', () => {
  const frames = (count: number, suite: number) =>
    Array.from({ length: count }, (_, i) => video(sealed({ suite, counter: BigInt(i) })));

  it('takes one frame with a 128-bit tag for proof, but not one with a 32-bit tag', () => {
    expect(openAll(scheme, frames(1, 4), baseKey)).toHaveLength(1);
    expect(openAll(scheme, frames(1, 3), baseKey)).toBeUndefined();
    expect(openAll(scheme, frames(2, 3), baseKey)).toHaveLength(2);
  });

  it('needs every frame to open, in one cipher, and at least one frame', () => {
    expect(openAll(scheme, [...frames(3, 4), video(codecFrame)], baseKey)).toBeUndefined();
    expect(openAll(scheme, [...frames(3, 4), ...frames(1, 5)], baseKey)).toBeUndefined();
    expect(openAll(scheme, [], baseKey)).toBeUndefined();
  });
});
