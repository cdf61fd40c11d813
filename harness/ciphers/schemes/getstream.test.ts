import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './getstream.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
/** 00 01 ... 0f, as in the specification's vectors. */
const key = Uint8Array.from({ length: 16 }, (_, i) => i);

const frame = (data: Uint8Array, medium: 'audio' | 'video' = 'video'): SealedFrame => ({
  medium,
  key: true,
  ssrc: 7,
  timestamp: 9,
  data,
});

interface At {
  clear: number;
  escaped?: boolean;
  counter?: number;
  prefix?: string;
  keyIndex?: number;
  secret?: Uint8Array;
}

function seal(
  plaintext: Buffer,
  { clear, escaped = false, counter = 1, prefix = '1111111111111111', keyIndex = 0, secret = key }: At,
) {
  const u32 = (number: number) => Buffer.from(number.toString(16).padStart(8, '0'), 'hex');
  const head = plaintext.subarray(0, clear);
  const iv = Buffer.concat([bytes(prefix), u32(counter)]);
  const cipher = createCipheriv(secret.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', secret, iv);
  cipher.setAAD(head);
  const field = clear | (escaped ? 0x8000 : 0);
  const end = Buffer.from([keyIndex, field >> 8, field & 0xff, 1, 0xe2, 0xee, 0xfe, 0xed]);
  const ciphertext = Buffer.concat([cipher.update(plaintext.subarray(clear)), cipher.final()]);
  const rest = Buffer.concat([ciphertext, cipher.getAuthTag(), u32(counter), bytes(prefix), end]);
  if (!escaped) return Buffer.concat([head, rest]);
  // The start code emulation prevention of H.264 §7.4.1, as if the clear prefix were part of it.
  const out = [...head];
  for (const byte of rest) {
    if (byte <= 3 && out.at(-1) === 0 && out.at(-2) === 0) out.push(3);
    out.push(byte);
  }
  return Buffer.from(out);
}

describe('Stream Video', () => {
  // The frames of SPEC.md §11; what they must be was computed with node:crypto from the layout as well, see `seal`.
  it.each([
    [
      'Opus',
      '78aabbccdd',
      1,
      false,
      '78 d02bf795e85c0bed034f7b282ca617cf76d57eb0 000000011111111111111111 00 0001 01 e2eefeed',
    ],
    [
      'a VP8 key frame',
      '10111213141516171819aabb',
      10,
      false,
      '10111213141516171819 d02b0484ce4aa2b21a4a83cbfe2ed6511c68 000000011111111111111111 00 000a 01 e2eefeed',
    ],
    [
      'an H.264 slice',
      '00000001658884deadbe',
      6,
      true,
      '000000016588 fe4e96f631df11f57a43ed2003eaad0c5d6db632 00000300011111111111111111 00 8006 01 e2eefeed',
    ],
  ])("opens the specification's frame of %s", (_, plaintext, clear, escaped, sealed) => {
    expect(seal(bytes(plaintext), { clear, escaped })).toEqual(bytes(sealed));
    const opened = openAll(scheme, [frame(bytes(sealed))], key)![0]!;
    expect(opened.plaintext).toEqual(bytes(plaintext));
    expect(opened).toMatchObject({ clearPrefix: clear, keyId: 0n, nonce: bytes('111111111111111100000001') });
    expect(opened.cipher).toEqual({ algorithm: 'AES', mode: 'GCM', keyBits: 128, tagBits: 128 });
  });

  it('counts zeros at the end of the clear prefix into the escape', () => {
    const plaintext = bytes('0000000165000000010203');
    // Ciphertext that begins with 01 behind two zeros.
    const secret = Array.from({ length: 4096 }, (_, i) =>
      Buffer.alloc(16, 1)
        .fill(i, 0, 2)
        .fill(i >> 8, 2, 4),
    ).find((candidate) => seal(plaintext, { clear: 7, secret: candidate })[7]! <= 3)!;
    const sealed = seal(plaintext, { clear: 7, escaped: true, secret });
    expect(sealed[7]).toBe(3);
    expect(scheme.prepare(secret)!(frame(sealed))!.plaintext).toEqual(plaintext);
  });

  it('opens any frame under any key, index and counter, escaped or not, and with no other key', () => {
    const secret = fc.constantFrom(16, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
    // Many zeros, so that there is something to escape.
    const plaintext = fc.array(fc.constantFrom(0, 0, 1, 3, 77), { minLength: 6, maxLength: 80 });
    fc.assert(
      fc.property(
        secret,
        plaintext,
        fc.boolean(),
        fc.nat(255),
        fc.nat(0xffff_ffff),
        (secret, data, escaped, keyIndex, counter) => {
          const clear = 6;
          const sealed = seal(Buffer.from(data), {
            clear,
            escaped,
            counter,
            keyIndex,
            secret,
            prefix: '0000000000000001',
          });
          const opened = scheme.prepare(secret)!(frame(sealed))!;
          expect(opened.plaintext).toEqual(Buffer.from(data));
          expect(opened.keyId).toBe(BigInt(keyIndex));
          const wrong = Uint8Array.from(secret, (byte) => byte ^ 1);
          expect(scheme.prepare(wrong)!(frame(sealed))).toBeUndefined();
        },
      ),
    );
  });

  it('refuses a frame in which any byte was changed but the key index', () => {
    const open = scheme.prepare(key)!;
    const good = seal(Buffer.alloc(60, 9), { clear: 10 });
    const keyIndex = good.length - 8;
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= 1;
      expect(open(frame(bad)) !== undefined, `byte ${i}`).toBe(i === keyIndex);
    }
  });

  it('refuses secrets of other lengths', () => {
    expect(scheme.prepare(new Uint8Array(24))).toBeUndefined();
  });
});
