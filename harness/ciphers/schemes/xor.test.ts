import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../audit/decoder.ts';
import { toneWav } from '../../media/test-tone.ts';
import { audioArguments, framesOfIvf, noise, packetsOfOgg, sealed, videoArguments } from '../fixtures/media.ts';
import { openAll, type SealedFrame, usualClearPrefix } from '../scheme.ts';
import { scheme } from './xor.ts';

const encode = (args: string[], input?: Uint8Array) =>
  spawnSync(findFfmpeg()!.path, args, { input, maxBuffer: 1 << 26 }).stdout;
const media = {
  video: framesOfIvf(encode(videoArguments(400))),
  audio: packetsOfOgg(encode(audioArguments(), toneWav(3, 9))),
};
const spread = (frames: SealedFrame[]) => frames.filter((_, i) => i % Math.ceil(frames.length / 24) === 0);
const passphrase = Buffer.from('correct horse battery staple');

interface How {
  clear?: (frame: SealedFrame) => number;
  from?: 'frame' | 'prefix';
  trailer?: boolean;
}

const SAMPLE: How = {};
const JANUS: How = { clear: () => 10 };
const ALL: How = { clear: () => 0 };
const BARE: How = { trailer: false };
const FROM_PREFIX: How = { from: 'prefix' };
const hows: [string, How][] = [
  ["as libwebrtc's sample does", SAMPLE],
  ['10 bytes of every frame in clear, as in the demo of Janus', JANUS],
  ['nothing in clear', ALL],
  ['without a trailer', BARE],
  ['the key beginning behind the clear prefix', FROM_PREFIX],
  ['the same behind 10 bytes', { ...JANUS, from: 'prefix' }],
];

function seal(
  frames: readonly SealedFrame[],
  key: Uint8Array,
  { clear = usualClearPrefix, from = 'frame', trailer = true }: How = {},
): SealedFrame[] {
  const xor = (rest: Buffer, prefix: Buffer) => {
    const offset = from === 'frame' ? prefix.length : 0;
    const ciphertext = rest.map((byte, i) => byte ^ key[(i + offset) % key.length]!);
    return Buffer.concat([ciphertext, Buffer.from(trailer ? '07deadbeef' : '', 'hex')]);
  };
  return sealed(frames, xor, clear);
}

const opens = (key: Uint8Array, frames: readonly SealedFrame[], plain: readonly SealedFrame[]) => {
  const opened = openAll(scheme, frames, key);
  return opened?.every(({ plaintext }, i) => Buffer.compare(plaintext, plain[i]!.data) === 0) ?? false;
};

describe.each(['video', 'audio'] as const)('XOR on %s', (medium) => {
  const frames = spread(media[medium]);

  it.each(hows)('is opened, %s', (_, how) => {
    for (const key of [passphrase, Buffer.from('k'), noise('key', 256)]) {
      expect(opens(key, seal(frames, key, how), frames)).toBe(true);
    }
    const opened = openAll(scheme, seal(frames, passphrase, how), passphrase)![0]!;
    expect(opened.cipher).toEqual({ algorithm: 'XOR', mode: 'repeating', keyBits: 224, tagBits: 0 });
    expect(opened.keyId).toBe(how === BARE ? undefined : 7n);
    expect(opened.clearPrefix).toBe((how.clear ?? usualClearPrefix)(frames[0]!));
  });

  it.each(hows)('is refused under a thousand other keys, %s', (_, how) => {
    const sample = seal(frames, passphrase, how);
    const taken = Array.from({ length: 1000 }, (_, i) => scheme.prepare(noise(`wrong ${i}`, 8 + (i % 40)), sample));
    expect(taken.filter(Boolean)).toEqual([]);
  });

  it('is not what happened to media in clear, nor to media under a cipher', () => {
    const gcm = sealed(frames, (rest, _, index) => {
      const cipher = createCipheriv('aes-128-gcm', noise('key', 16), noise(`nonce ${index}`, 12));
      return Buffer.concat([cipher.update(rest), cipher.final(), cipher.getAuthTag(), Buffer.from([12, 0])]);
    });
    for (const sample of [frames, gcm]) {
      for (let i = 0; i < 500; i++) expect(scheme.prepare(noise(`wrong ${i}`, 16), sample)).toBeUndefined();
      expect(scheme.prepare(new Uint8Array(16), sample)).toBeUndefined();
      expect(scheme.recover!(sample)).toEqual([]);
    }
  });

  it('needs twelve frames', () => {
    const sample = seal(frames, passphrase);
    expect(scheme.prepare(passphrase, sample.slice(0, 12))).toBeDefined();
    expect(scheme.prepare(passphrase, sample.slice(0, 11))).toBeUndefined();
    expect(scheme.prepare(passphrase)).toBeUndefined();
  });
});

describe('what is known of a key', () => {
  it('leaves frames without the trailer alone, such as come before the key', () => {
    const frames = spread(media.video);
    const sample = [...frames.slice(0, 2), ...seal(frames.slice(2), passphrase)];
    const open = scheme.prepare(passphrase, sample)!;
    expect(sample.map((frame) => open(frame) !== undefined)).toEqual(frames.map((_, i) => i >= 2));
  });

  it('is nothing from sound that is never silent', () => {
    const source = ['-f', 'lavfi', '-t', '3', '-i', 'anoisesrc=r=48000:a=0.3:c=pink'];
    const frames = packetsOfOgg(encode(audioArguments({ source })));
    expect(scheme.prepare(passphrase, seal(frames, passphrase))).toBeUndefined();
    expect(scheme.recover!(seal(frames, passphrase))).toEqual([]);
  });
});

describe('a key that the ciphertext gives away', () => {
  /** Whether one of the keys found opens all frames to what they were. */
  const recovers = (key: Uint8Array, plain: readonly SealedFrame[], how?: How) => {
    const frames = seal(plain, key, how);
    const found = scheme.recover!(frames);
    expect(found.length).toBeLessThanOrEqual(6);
    return found.some((candidate) => opens(candidate, frames, plain));
  };
  const text = (length: number) =>
    Buffer.from('Tr0ub4dor&3 or some such thing, said twice over: never mind what.'.slice(0, length));

  it.each([
    [1, 100],
    [4, 100],
    [8, 100],
    [13, 200],
    [16, 200],
    [32, 400],
  ])('is one of %i bytes, from %i frames of video', (length, count) => {
    for (const key of [noise(`key ${length}`, length), text(length)]) {
      for (const [name, how] of hows) expect(recovers(key, media.video.slice(0, count), how), name).toBe(true);
    }
  });

  it('is one of 64 bytes, from 400 frames of video', () => {
    for (const how of [SAMPLE, JANUS, ALL]) expect(recovers(noise('key 64', 64), media.video, how)).toBe(true);
  });

  it.each([1, 4, 8, 16, 32])('is one of %i bytes, from 200 packets of sound and silence', (length) => {
    for (const key of [noise(`key ${length}`, length), text(length)]) {
      for (const how of [SAMPLE, ALL, BARE, FROM_PREFIX]) {
        expect(recovers(key, media.audio.slice(0, 200), how)).toBe(true);
      }
      // 25 bytes of silence are left, of which two must come out as foretold.
      expect(recovers(key, media.audio.slice(0, 200), JANUS)).toBe(length <= 23);
    }
  });

  it('is one that all but repeats within itself', () => {
    const key = Buffer.from('aaaaaaaaab');
    expect(recovers(key, media.video.slice(0, 200))).toBe(true);
  });

  it('is none where a cipher sealed the frames, whatever stands at their ends', () => {
    const key = noise('key', 16);
    const ends = (index: number) => [
      Buffer.alloc(0),
      Buffer.from([12, 3]),
      Buffer.from('01deadbeef', 'hex'),
      Buffer.from([index & 0xff, 0]),
    ];
    for (const frames of [media.video.slice(0, 200), media.audio]) {
      for (let end = 0; end < 4; end++) {
        for (const clear of [usualClearPrefix, () => 0]) {
          const gcm = sealed(
            frames,
            (rest, aad, index) => {
              const nonce = noise(`nonce ${index}`, 12);
              const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(aad);
              const parts = [cipher.update(rest), cipher.final(), cipher.getAuthTag(), nonce];
              return Buffer.concat([...parts, ends(index)[end]!]);
            },
            clear,
          );
          expect(scheme.recover!(gcm)).toEqual([]);
        }
      }
    }
  });
});
