import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openAll, type Scheme, type SealedFrame } from '../scheme.ts';
import { scheme as aesGcm } from './aes-gcm.ts';
import { scheme as jitsi } from './jitsi.ts';
import { scheme as livekit } from './livekit.ts';
import { scheme as passphrase } from './livekit-passphrase.ts';
import { scheme as talk } from './nextcloud-talk.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');
/** 00 01 02 ... 1f */
const material = Uint8Array.from({ length: 32 }, (_, i) => i);
const codecFrame = Buffer.from(Uint8Array.from({ length: 120 }, (_, i) => (i * 91) & 0xff));
const nonce = bytes('0102030405060708090a0b0c');

const frame = (data: Uint8Array, medium: 'audio' | 'video' = 'video', key = true): SealedFrame => ({
  medium,
  key,
  ssrc: 7,
  timestamp: 9,
  data,
});

function gcm(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const cipher = createCipheriv(key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm', key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** As Jitsi's and LiveKit's senders lay it out, under an AES key. */
function trailed(key: Uint8Array, prefix: number, plaintext: Buffer = codecFrame): Buffer {
  const clear = plaintext.subarray(0, prefix);
  return Buffer.concat([clear, gcm(key, plaintext.subarray(prefix), clear), nonce, Buffer.from([12, 5])]);
}

/** AES keys and ratcheted material that WebCrypto and node:crypto derive alike from {@link material}. */
const derived: [string, Scheme, string][] = [
  ['Jitsi', jitsi, '0c0ad9b4d1b64fa17d88099f0747ad0f'],
  ['Nextcloud Talk', talk, '5986980eec3651a58ca2e0aa2979ec9b'],
  ['LiveKit', livekit, '6d0dd7b3d6f4efde47ab9a9e15abde76'],
];

describe.each(derived)('%s', (_, scheme, key) => {
  it.each([
    ['video', true, 10],
    ['video', false, 3],
    ['audio', true, 1],
  ] as const)('opens %s, key %s, behind %i clear bytes', (medium, isKey, prefix) => {
    const opened = openAll(scheme, [frame(trailed(bytes(key), prefix), medium, isKey)], material)![0]!;
    expect(opened.plaintext).toEqual(codecFrame);
    expect(opened).toMatchObject({ clearPrefix: prefix, keyId: 5n, nonce });
    expect(opened.cipher).toEqual({ algorithm: 'AES', mode: 'GCM', keyBits: 128, tagBits: 128 });
  });

  it('refuses any changed byte but the key index, and any other secret', () => {
    const good = trailed(bytes(key), 10);
    const open = scheme.prepare(material)!;
    for (let i = 0; i < good.length - 1; i++) {
      const bad = Buffer.from(good);
      bad[i]! ^= 0x80;
      expect(open(frame(bad)), `byte ${i}`).toBeUndefined();
    }
    expect(scheme.prepare(bytes(key))!(frame(good))).toBeUndefined();
  });
});

describe('the ratchet', () => {
  it.each([
    ['Jitsi', jitsi, '9cd33ec25c547bf5cfe62de2a08f9b767369d9eeff69fa4964abecf1cbea2a71'],
    ['Nextcloud Talk', talk, 'cd441cd885a6d28ce03ce2ca30ff7f3af93596a09ca7c782a9a05e07e80254ee'],
  ] as const)("of %s: an old key opens the next one's frames, not the other way round", async (_, scheme, next) => {
    const key = await crypto.subtle.importKey('raw', bytes(next), 'HKDF', false, ['deriveBits']);
    const salt = Buffer.from(scheme === jitsi ? 'JFrameEncryptionKey' : 'TalkFrameEncryptionKey');
    const algorithm = { name: 'HKDF', hash: 'SHA-256', salt, info: new Uint8Array(0) };
    const aes = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 128));
    const later = frame(trailed(aes, 10));
    const first = frame(trailed(bytes(derived.find(([, s]) => s === scheme)![2]), 10));
    const open = scheme.prepare(material)!;
    expect([first, later, first, later].map((f) => open(f)?.plaintext)).toEqual(new Array(4).fill(codecFrame));
    expect(scheme.prepare(bytes(next))!(later)).toBeDefined();
    expect(scheme.prepare(bytes(next))!(first)).toBeUndefined();
  });
});

describe('LiveKit', () => {
  const aes = bytes('6d0dd7b3d6f4efde47ab9a9e15abde76');

  it('opens VP9, which has nothing in clear', () => {
    expect(livekit.prepare(material)!(frame(trailed(aes, 0)))!.plaintext).toEqual(codecFrame);
  });

  it.each([
    ['H.264', '00000001 67 42c01f 00000001 68 ce3c80 000001 65 88'],
    ['H.265', '00000001 40 01 0c01 00000001 42 01 0101 00000001 26 01'],
  ])('opens %s, escaped behind the first slice header', (_, hex) => {
    const head = bytes(hex.replaceAll(' ', ''));
    const plaintext = Buffer.concat([head, Buffer.alloc(50), codecFrame]);
    const sealed = trailed(aes, head.length, plaintext);
    // A nonce with a start code in it: what the escape is for.
    const clear = plaintext.subarray(0, head.length);
    const zeros = bytes('000000010000020000030000');
    const cipher = createCipheriv('aes-128-gcm', aes, zeros);
    cipher.setAAD(clear);
    const body = [cipher.update(plaintext.subarray(head.length)), cipher.final(), cipher.getAuthTag()];
    const unescaped = Buffer.concat([...body, zeros, Buffer.from([12, 0])]);
    const escaped: number[] = [];
    for (const byte of unescaped) {
      if (byte <= 3 && escaped.at(-1) === 0 && escaped.at(-2) === 0) escaped.push(3);
      escaped.push(byte);
    }
    const open = livekit.prepare(material)!;
    expect(escaped.length).toBeGreaterThan(unescaped.length);
    expect(open(frame(Buffer.concat([clear, Buffer.from(escaped)])))!.plaintext).toEqual(plaintext);
    expect(open(frame(sealed))!.clearPrefix).toBe(head.length);
  });

  it('takes a passphrase through PBKDF2', () => {
    const sealed = frame(trailed(bytes('dee9745ab873685c2579655a7296d1a4'), 10));
    expect(passphrase.prepare(Buffer.from('correct horse battery staple'))!(sealed)!.plaintext).toEqual(codecFrame);
    expect(passphrase.prepare(Buffer.from('correct horse battery stable'))!(sealed)).toBeUndefined();
  });
});

describe('plain AES-GCM', () => {
  const key = material;
  const clear = codecFrame.subarray(0, 10);
  const rest = codecFrame.subarray(10);
  it.each([
    ['in front', Buffer.concat([clear, nonce, gcm(key, rest, clear)])],
    ['in front, prefix not authenticated', Buffer.concat([clear, nonce, gcm(key, rest, Buffer.alloc(0))])],
    ['at the end', Buffer.concat([clear, gcm(key, rest, clear), nonce])],
    ['at the end with a key index', trailed(key, 10)],
    ['in front, no clear prefix', Buffer.concat([nonce, gcm(key, codecFrame, Buffer.alloc(0))])],
  ])('is opened with the nonce %s', (_, data) => {
    const opened = aesGcm.prepare(key)!(frame(data))!;
    expect(opened.plaintext).toEqual(codecFrame);
    expect(opened.cipher.keyBits).toBe(256);
  });
});

describe('hostile bytes', () => {
  it.each([...derived.map(([, scheme]) => scheme), aesGcm])('open nothing and throw nothing: $id', (scheme) => {
    const tail = fc.constantFrom([], [12, 0], [255, 255]);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        tail,
        fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
        fc.constantFrom('audio' as const, 'video' as const),
        (data, end, secret, medium) => {
          expect(scheme.prepare(secret)?.(frame(Buffer.from([...data, ...end]), medium))).toBeUndefined();
        },
      ),
    );
  });
});
