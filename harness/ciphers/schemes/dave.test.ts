import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './dave.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
/** 00 01 ... 0f, and the keys of its first generations, worked out by hand with HMAC after RFC 9420 §8 and §9. */
const base = Uint8Array.from({ length: 16 }, (_, i) => i);
const generations = [
  '58fc013108dbf996ef651e3f01658bfb',
  '9cddc08f0c8a7cfecabfe757dc33b039',
  'ef2427778fb709d7d1e070846f920024',
];
const codecFrame = Buffer.from(Uint8Array.from({ length: 150 }, (_, i) => (i * 91) & 0xff));

const frame = (data: Uint8Array, medium: 'audio' | 'video' = 'video'): SealedFrame => ({
  medium,
  key: true,
  ssrc: 7,
  timestamp: 9,
  data,
});

function uleb128(number: number): number[] {
  const low = number % 128;
  return number < 128 ? [low] : [low | 0x80, ...uleb128(Math.floor(number / 128))];
}

type Range = readonly [offset: number, size: number];

/** As libdave's encryptor lays a frame out. */
function seal(key: Uint8Array, nonce: number, ranges: readonly Range[], plaintext: Buffer = codecFrame): Buffer {
  const isClear = (at: number) => ranges.some(([offset, size]) => at >= offset && at < offset + size);
  const pick = (wanted: boolean) => Buffer.from([...plaintext].filter((_, at) => isClear(at) === wanted));
  const iv = Buffer.alloc(12);
  iv.writeUInt32LE(nonce, 8);
  const cipher = createCipheriv('aes-128-gcm', key, iv, { authTagLength: 8 });
  cipher.setAAD(pick(true));
  const ciphertext = [...cipher.update(pick(false)), ...cipher.final()];
  const body = Buffer.from([...plaintext].map((byte, at) => (isClear(at) ? byte : ciphertext.shift()!)));
  const supplement = [...cipher.getAuthTag(), ...uleb128(nonce), ...ranges.flat().flatMap(uleb128)];
  return Buffer.concat([body, Buffer.from([...supplement, supplement.length + 3, 0xfa, 0xfa])]);
}

describe('DAVE', () => {
  it.each([0, 1, 2])(
    "opens generation %i with the epoch's base secret, and with the generation's key",
    (generation) => {
      const key = bytes(generations[generation]!);
      const nonce = generation * 2 ** 24 + 300;
      for (const secret of [base, key]) {
        const opened = openAll(scheme, [frame(seal(key, nonce, [[0, 10]]))], secret)![0]!;
        expect(opened.plaintext).toEqual(codecFrame);
        expect(opened).toMatchObject({ clearPrefix: 10, keyId: BigInt(generation) });
        expect(opened.cipher).toEqual({ algorithm: 'AES', mode: 'GCM', keyBits: 128, tagBits: 64 });
        expect(Buffer.from(opened.nonce!).readUInt32LE(8)).toBe(nonce);
      }
    },
  );

  // The vector of another implementation's test: Snazzah/davey, davey/src/cryptor/hash_ratchet.rs.
  it('derives a key as the implementation of others does', () => {
    const key = bytes('7530f9a9945e2d2e06d0651f7b2a864b');
    const secret = bytes('cedd61b1b8a1ca69046554282cf70b7b');
    expect(scheme.prepare(secret)!(frame(seal(key, 1, [])))!.plaintext).toEqual(codecFrame);
  });

  it.each([
    ['Opus and VP9, all sealed', [], 0],
    ['a VP8 delta frame', [[0, 1]], 1],
    [
      'H.264, whose parameter sets and slice headers are in clear',
      [
        [0, 30],
        [40, 7],
        [100, 1],
      ],
      30,
    ],
    ['a range in the middle only', [[20, 5]], 0],
    ['all in clear', [[0, 150]], 150],
  ] as const)('opens %s', (_, ranges, clearPrefix) => {
    const opened = scheme.prepare(base)!(frame(seal(bytes(generations[0]!), 70_000, ranges)))!;
    expect(opened.plaintext).toEqual(codecFrame);
    expect(opened.clearPrefix).toBe(clearPrefix);
  });

  it('refuses a frame in which any byte was changed', () => {
    const open = scheme.prepare(base)!;
    const good = seal(bytes(generations[1]!), 2 ** 24 + 1, [
      [0, 10],
      [50, 4],
    ]);
    expect(open(frame(good))).toBeDefined();
    for (let i = 0; i < good.length; i++) {
      for (const bit of [1, 0x80]) {
        const bad = Buffer.from(good);
        bad[i]! ^= bit;
        expect(open(frame(bad)), `byte ${i}, bit ${bit}`).toBeUndefined();
      }
    }
  });

  it('refuses any other secret, ones of other lengths, and silence that the server put in', () => {
    const good = frame(seal(bytes(generations[0]!), 5, [[0, 10]]));
    expect(scheme.prepare(bytes(generations[1]!))!(good)).toBeUndefined();
    expect(scheme.prepare(new Uint8Array(32))).toBeUndefined();
    expect(scheme.prepare(base)!(frame(bytes('f8fffe'), 'audio'))).toBeUndefined();
  });

  it('opens what was sealed with any nonce of the first generations and any ranges, and no other key does', () => {
    const ranges = fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 4 }).map((gaps) => {
      let end = 0;
      return gaps.map(([gap, size]): Range => {
        const offset = end + gap;
        end = offset + size;
        return [offset, size];
      });
    });
    fc.assert(
      fc.property(fc.nat(2), fc.nat(2 ** 24 - 1), ranges, (generation, low, ranges) => {
        const data = seal(bytes(generations[generation]!), generation * 2 ** 24 + low, ranges, Buffer.alloc(170, 3));
        expect(scheme.prepare(base)!(frame(data))!.plaintext).toEqual(Buffer.alloc(170, 3));
        expect(scheme.prepare(base.toReversed())!(frame(data))).toBeUndefined();
      }),
    );
  });

  it('follows no generation that a call would take weeks to reach', () => {
    const nonce = 200 * 2 ** 24;
    expect(scheme.prepare(base)!(frame(seal(bytes(generations[0]!), nonce, [])))).toBeUndefined();
    expect(scheme.prepare(bytes(generations[0]!))!(frame(seal(bytes(generations[0]!), nonce, [])))).toBeDefined();
  });
});
