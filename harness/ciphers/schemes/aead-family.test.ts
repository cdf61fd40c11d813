import { type CipherCCM, type CipherGCM, createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type Scheme, type SealedFrame } from '../scheme.ts';
import { scheme as ccm } from './aes-ccm.ts';
import { scheme as gcm } from './aes-gcm.ts';
import { scheme as chacha } from './chacha20-poly1305.ts';

const codecFrame = Buffer.from(Uint8Array.from({ length: 120 }, (_, i) => (i * 91) & 0xff));
const NOTHING = Buffer.alloc(0);

const frame = (data: Uint8Array, medium: 'audio' | 'video' = 'video', key = true): SealedFrame => ({
  medium,
  key,
  ssrc: 7,
  timestamp: 9,
  data,
});

interface Variant {
  scheme: Scheme;
  keyBytes: number;
  nonceBytes: number;
  tagBytes: number;
}

const variants: Variant[] = [
  ...[16, 24, 32].flatMap((keyBytes) => [
    ...[16, 12, 8].map((tagBytes) => ({ scheme: gcm, keyBytes, nonceBytes: 12, tagBytes })),
    ...[12, 13].flatMap((nonceBytes) => [16, 8].map((tagBytes) => ({ scheme: ccm, keyBytes, nonceBytes, tagBytes }))),
  ]),
  { scheme: chacha, keyBytes: 32, nonceBytes: 12, tagBytes: 16 },
];

const keyOf = ({ keyBytes }: Variant) => Buffer.alloc(keyBytes).map((_, i) => i + 1);
const nonceOf = ({ nonceBytes }: Variant) => Buffer.alloc(nonceBytes).map((_, i) => 0xa0 + i);

/** `ciphertext || tag` */
function encrypt(variant: Variant, plaintext: Buffer, aad: Buffer, key: Uint8Array = keyOf(variant)): Buffer {
  const name = variant.scheme === chacha ? 'chacha20-poly1305' : `aes-${key.length * 8}-${variant.scheme.id.slice(4)}`;
  const options = { authTagLength: variant.tagBytes };
  const cipher = createCipheriv(name as 'aes-128-gcm', key, nonceOf(variant), options) as CipherGCM & CipherCCM;
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const ciphertext = cipher.update(plaintext);
  return Buffer.concat([ciphertext, cipher.final(), cipher.getAuthTag()]);
}

const places = ['in front', 'at the end', 'at the end with its length and a key index'] as const;

function seal(
  variant: Variant,
  place: (typeof places)[number],
  { prefix = 10, isCovered = true, plaintext = codecFrame, key = keyOf(variant) } = {},
): Buffer {
  const clear = plaintext.subarray(0, prefix);
  const nonce = nonceOf(variant);
  const sealed = encrypt(variant, plaintext.subarray(prefix), isCovered ? clear : NOTHING, key);
  if (place === 'in front') return Buffer.concat([clear, nonce, sealed]);
  const trailer = place === 'at the end' ? [] : [nonce.length, 5];
  return Buffer.concat([clear, sealed, nonce, Buffer.from(trailer)]);
}

describe.each(variants)(
  '$scheme.id with a key of $keyBytes bytes, a nonce of $nonceBytes, a tag of $tagBytes',
  (variant) => {
    const { scheme, tagBytes, keyBytes } = variant;

    it.each(places)('is opened with the nonce %s', (place) => {
      for (const prefix of [0, 10]) {
        for (const isCovered of [true, false]) {
          const frames = [frame(seal(variant, place, { prefix, isCovered }))];
          const opened = openAll(scheme, frames, keyOf(variant))![0]!;
          expect(opened.plaintext).toEqual(codecFrame);
          expect(opened).toMatchObject({ clearPrefix: prefix, nonce: nonceOf(variant) });
          expect(opened.keyId).toBe(place === places[2] ? 5n : undefined);
          expect(opened.cipher).toMatchObject({ keyBits: keyBytes * 8, tagBits: tagBytes * 8 });
        }
      }
    });

    it('is refused with any changed byte, the clear prefix among them, and under any other key', () => {
      const good = seal(variant, 'in front');
      const open = scheme.prepare(keyOf(variant))!;
      for (let i = 0; i < good.length; i++) {
        const bad = Buffer.from(good);
        bad[i]! ^= 1;
        expect(open(frame(bad)), `byte ${i}`).toBeUndefined();
      }
      const wrong = keyOf(variant).map((byte) => byte ^ 0x80);
      expect(scheme.prepare(wrong)!(frame(good))).toBeUndefined();
    });

    it('opens frames of any length, and empty ones', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 64 }),
          fc.constantFrom(...places),
          fc.constantFrom('audio' as const, 'video' as const),
          fc.boolean(),
          (bytes, place, medium, isKey) => {
            const prefix = medium === 'audio' ? 1 : isKey ? 10 : 3;
            const plaintext = Buffer.concat([Buffer.alloc(prefix, 7), bytes]);
            const sealed = frame(seal(variant, place, { prefix, plaintext }), medium, isKey);
            expect(scheme.prepare(keyOf(variant))!(sealed)!.plaintext).toEqual(plaintext);
          },
        ),
        { numRuns: 30 },
      );
    });
  },
);

describe('AES-CCM', () => {
  it('opens large frames, as far as its nonce lets them grow', () => {
    const [small] = variants.filter(({ scheme, nonceBytes }) => scheme === ccm && nonceBytes === 13);
    const [large] = variants.filter(({ scheme, nonceBytes }) => scheme === ccm && nonceBytes === 12);
    const plaintext = Buffer.alloc(65_545, 1);
    const sealed = frame(seal(small!, 'in front', { plaintext }));
    expect(ccm.prepare(keyOf(small!))!(sealed)!.plaintext).toEqual(plaintext);
    const larger = frame(seal(large!, 'in front', { plaintext: Buffer.alloc(70_000) }));
    expect(ccm.prepare(keyOf(large!))!(larger)!.plaintext).toHaveLength(70_000);
    expect(ccm.prepare(keyOf(small!))!(frame(Buffer.alloc(70_000)))).toBeUndefined();
  });
});
