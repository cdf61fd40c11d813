import { createCipheriv, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './signal.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
/** 00 01 02 ... 1f */
const secret = Uint8Array.from({ length: 32 }, (_, i) => i);
interface Keys {
  aes: Uint8Array;
  hmac: Uint8Array;
}

/** What HKDF-SHA256 makes of that, computed with node:crypto after crypto.rs. */
const keys: Keys = {
  aes: bytes('346f9c4ab0bb782d37e7d39c7af89704017c57cab2ef91a51269b855db8ae670'),
  hmac: bytes('476806c57394b70d67004878ba141efeac225f71d5651ec6acc2b26b7adce806'),
};
const next = bytes('c06cb933364d29e850717d44fc5fad84557c50a141fc26a490fef218f48d5b55');
const codecFrame = Buffer.from(Uint8Array.from({ length: 120 }, (_, i) => (i * 91) & 0xff));

const frame = (data: Uint8Array, medium: 'audio' | 'video' = 'video'): SealedFrame => ({
  medium,
  key: false,
  ssrc: 7,
  timestamp: 9,
  data,
});

interface At {
  ratchet?: number;
  counter?: number;
  prefix?: number;
  plaintext?: Buffer;
}

/** As `encrypt` of crypto.rs and `encrypt_media` of group_call.rs do. */
function seal({ aes, hmac }: Keys, { ratchet = 0, counter = 1, prefix = 0, plaintext = codecFrame }: At = {}) {
  const iv = Buffer.alloc(16);
  iv.writeBigUInt64BE(BigInt(counter));
  const clear = plaintext.subarray(0, prefix);
  const sealed = createCipheriv('aes-256-ctr', aes, iv).update(plaintext.subarray(prefix));
  const u32 = (number: number) => Buffer.from(number.toString(16).padStart(8, '0'), 'hex');
  const covered = Buffer.concat([iv, u32(sealed.length), sealed, u32(clear.length), clear]);
  const mac = createHmac('sha256', hmac).update(covered).digest().subarray(0, 16);
  return Buffer.concat([clear, sealed, Buffer.from([ratchet]), u32(counter), mac]);
}

/** By WebCrypto, to be independent of what is tested. */
async function derived(from: Uint8Array, label: string): Promise<Buffer> {
  const key = await crypto.subtle.importKey('raw', Buffer.from(from), 'HKDF', false, ['deriveBits']);
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: Buffer.from(label) };
  return Buffer.from(await crypto.subtle.deriveBits(algorithm, key, 256));
}

async function keysOf(from: Uint8Array): Promise<Keys> {
  return { aes: await derived(from, 'RingRTC AES Key'), hmac: await derived(from, 'RingRTC HMAC Key') };
}

describe('RingRTC', () => {
  it.each([
    ['video', 0],
    ['audio', 0],
    ['video', 10],
    ['audio', 1],
  ] as const)('opens %s behind %i clear bytes', (medium, prefix) => {
    const opened = openAll(scheme, [frame(seal(keys, { prefix, counter: 70_000 }), medium)], secret)![0]!;
    expect(opened.plaintext).toEqual(codecFrame);
    expect(opened).toMatchObject({ clearPrefix: prefix, keyId: 0n });
    expect(Buffer.from(opened.nonce!).toString('hex')).toBe('00000000000111700000000000000000');
    expect(opened.cipher).toEqual({ algorithm: 'AES', mode: 'CTR', keyBits: 256, tagBits: 128 });
  });

  it("ratchets the sender's first secret, or one that a later member got, to the frame's", async () => {
    const once = await keysOf(next);
    const twice = await keysOf(await derived(next, 'RingRTC Ratchet'));
    const frames = [seal(keys), seal(once, { ratchet: 1 }), seal(twice, { ratchet: 2 })].map((data) => frame(data));
    const opens = (candidate: Uint8Array) => frames.map((sealed) => scheme.prepare(candidate)!(sealed) !== undefined);
    expect(opens(secret)).toEqual([true, true, true]);
    expect(opens(next)).toEqual([false, true, true]);
  });

  it('refuses a frame in which any byte was changed, and any other secret', () => {
    const open = scheme.prepare(secret)!;
    const good = seal(keys, { prefix: 10 });
    expect(open(frame(good))).toBeDefined();
    // The ratchet counter says where to look; a wrong one need not keep the right key from being found.
    const ratchet = good.length - 21;
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= i === ratchet ? 0x80 : 1;
      expect(open(frame(bad)), `byte ${i}`).toBeUndefined();
    }
    expect(scheme.prepare(secret.toReversed())!(frame(good))).toBeUndefined();
    expect(scheme.prepare(new Uint8Array(16))).toBeUndefined();
  });

  it('opens any frame, and with no other secret', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 2 ** 26 - 1 }), (plaintext, counter) => {
        const data = seal(keys, { counter, plaintext: Buffer.from(plaintext) });
        expect(scheme.prepare(secret)!(frame(data))!.plaintext).toEqual(Buffer.from(plaintext));
        expect(scheme.prepare(next)!(frame(data))).toBeUndefined();
      }),
    );
  });

  it('follows a ratchet only so far, and takes no counter that a call would take weeks to reach', async () => {
    expect(scheme.prepare(secret)!(frame(seal(keys, { ratchet: 32 })))).toBeUndefined();
    expect(scheme.prepare(secret)!(frame(seal(keys, { counter: 2 ** 26 })))).toBeUndefined();
  });
});
