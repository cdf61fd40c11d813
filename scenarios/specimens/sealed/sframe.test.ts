import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeHeader, decrypt, deriveKey, encodeHeader, encrypt } from './sframe.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** RFC 9605, appendix C, AES_256_GCM_SHA512_128. */
const VECTOR = {
  kid: 0x123,
  counter: 0x4567,
  baseKey: bytes('000102030405060708090a0b0c0d0e0f'),
  salt: '84991c167b8cd23c93708ec7',
  metadata: bytes('4945544620534672616d65205747'),
  plaintext: bytes('64726166742d696574662d736672616d652d656e63'),
  ciphertext: bytes('990123456794f509d36e9beacb0e261d99c7d1e972f1fed787d4049f17ca21353c1cc24d56ceabced279'),
};

describe('header', () => {
  test.each([
    // RFC 9605, appendix C
    [0, 0, '00'],
    [0, 1, '01'],
    [0, 255, '08ff'],
    [0, 65536, '0a010000'],
    [0, 281474976710655, '0dffffffffffff'],
    [1, 0, '10'],
    [255, 1, '81ff'],
    [256, 256, '9901000100'],
    [16777215, 4294967295, 'abffffffffffffff'],
    [4294967296, 0, 'c00100000000'],
  ])('of KID %d and counter %d', (kid, counter, encoded) => {
    expect(hex(encodeHeader(kid, counter))).toBe(encoded);
    expect(decodeHeader(bytes(`${encoded}aabb`))).toEqual({ kid, counter, length: encoded.length / 2 });
  });

  test('survives encoding, whatever its numbers', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (kid, counter) => {
        const header = encodeHeader(kid, counter);
        expect(decodeHeader(header)).toEqual({ kid, counter, length: header.length });
        expect(decodeHeader(header.subarray(0, -1))).toBeUndefined();
      }),
    );
  });

  test('of any bytes is one or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        const header = decodeHeader(bytes);
        if (header) expect(header.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('encryption', () => {
  test('agrees with the vector of the RFC', async () => {
    const key = await deriveKey(VECTOR.baseKey, VECTOR.kid);
    expect(hex(key.salt)).toBe(VECTOR.salt);
    const { counter, metadata, plaintext, ciphertext } = VECTOR;
    expect(hex(await encrypt(key, counter, metadata, plaintext))).toBe(hex(ciphertext));
    expect(await decrypt(ciphertext, metadata, (kid) => (kid === VECTOR.kid ? key : undefined))).toEqual(plaintext);
  });

  test('gives nobody the bytes of its key', async () => {
    const { key } = await deriveKey(VECTOR.baseKey, VECTOR.kid);
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
  });

  test('tells a missing key from a frame that is not genuine', async () => {
    const key = await deriveKey(VECTOR.baseKey, VECTOR.kid);
    const { metadata, ciphertext } = VECTOR;
    expect(await decrypt(ciphertext, metadata, () => undefined)).toBe('unknown-key');
    expect(await decrypt(ciphertext, bytes('00'), () => key)).toBe('refused');
    for (const at of ciphertext.keys()) {
      const changed = ciphertext.slice();
      changed[at]! ^= 1;
      expect(await decrypt(changed, metadata, () => key)).toBe('refused');
    }
  });

  test('opens nothing that it did not seal', async () => {
    const key = await deriveKey(VECTOR.baseKey, VECTOR.kid);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        expect(await decrypt(bytes, new Uint8Array(), () => key)).toBe('refused');
      }),
    );
  });
});
