import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../audit/decoder.ts';
import { toneWav } from '../../media/test-tone.ts';
import { audioArguments, framesOfIvf, noise, packetsOfOgg, sealed, videoArguments } from '../fixtures/media.ts';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './aes-ctr.ts';

const encode = (args: string[], input?: Uint8Array) =>
  spawnSync(findFfmpeg()!.path, args, { input, maxBuffer: 1 << 26 }).stdout;
const video = framesOfIvf(encode(videoArguments(120)));
const audio = packetsOfOgg(encode(audioArguments(), toneWav(3, 3)));

/** A few frames from all over a stream, as the audit takes them. */
const spread = (frames: SealedFrame[]) => frames.filter((_, i) => i % Math.ceil(frames.length / 24) === 0);
const media = { video: spread(video), audio: spread(audio) };

const places = ['in front', 'at the end', 'at the end with its length and a key index'] as const;

interface How {
  place?: (typeof places)[number];
  nonceBytes?: number;
  clear?: (frame: SealedFrame) => number;
  key?: Uint8Array;
  /** Which frames have a nonce of their own. */
  nonces?: (index: number) => number;
}

const key = noise('key', 16);

function seal(frames: readonly SealedFrame[], { place = 'in front', nonceBytes = 16, clear, ...rest }: How = {}) {
  const { key: secret = key, nonces = (index) => index } = rest;
  const one = (plaintext: Buffer, _: Buffer, index: number) => {
    const nonce = noise(`nonce ${nonces(index)}`, nonceBytes);
    const counter = Buffer.concat([nonce, Buffer.alloc(16 - nonceBytes)]);
    const ciphertext = createCipheriv(`aes-${secret.length * 8}-ctr`, secret, counter).update(plaintext);
    if (place === 'in front') return Buffer.concat([nonce, ciphertext]);
    return Buffer.concat([ciphertext, nonce, Buffer.from(place === 'at the end' ? [] : [nonceBytes, 3])]);
  };
  return sealed(frames, one, clear);
}

describe.each(['video', 'audio'] as const)('AES-CTR on %s', (medium) => {
  const frames = media[medium];

  it.each(places)(
    'is opened with the nonce %s, of 16, 12 or 8 bytes, behind the usual clear prefix or none',
    (place) => {
      for (const nonceBytes of [16, 12, 8]) {
        for (const clear of [undefined, () => 0]) {
          const opened = openAll(scheme, seal(frames, { place, nonceBytes, clear }), key)!;
          expect(opened.map(({ plaintext }) => plaintext)).toEqual(frames.map(({ data }) => data));
          expect(opened[0]!.nonce).toEqual(noise('nonce 0', nonceBytes));
          expect(opened[0]!.keyId).toBe(place === places[2] ? 3n : undefined);
        }
      }
    },
  );

  it.each([16, 24, 32])('is opened with a key of %i bytes', (length) => {
    const secret = noise(`key ${length}`, length);
    const opened = openAll(scheme, seal(frames, { key: secret }), secret)!;
    expect(opened[0]!.cipher).toEqual({ algorithm: 'AES', mode: 'CTR', keyBits: length * 8, tagBits: 0 });
  });

  it('is opened where the nonce is the same in all frames', () => {
    const opened = openAll(scheme, seal(frames, { nonces: () => 0 }), key)!;
    expect(opened.map(({ plaintext }) => plaintext)).toEqual(frames.map(({ data }) => data));
  });

  it('is refused under a thousand other keys, be nonces good or the same in all frames', () => {
    for (const nonces of [undefined, () => 0]) {
      for (const clear of [undefined, () => 0]) {
        const sample = seal(frames, { nonces, clear });
        const taken = Array.from({ length: 1000 }, (_, i) => scheme.prepare(noise(`wrong ${i}`, 16), sample));
        expect(taken.filter(Boolean)).toEqual([]);
      }
    }
  });

  it('is refused under any key on frames that are not sealed, or sealed with something else', () => {
    const random = sealed(frames, (rest, _, index) => noise(`frame ${index}`, rest.length + 12));
    for (const sample of [frames, random]) {
      for (let i = 0; i < 200; i++) expect(scheme.prepare(noise(`wrong ${i}`, 16), sample)).toBeUndefined();
    }
  });

  it('needs twelve frames', () => {
    const sample = seal(frames);
    expect(scheme.prepare(key, sample.slice(0, 12))).toBeDefined();
    expect(scheme.prepare(key, sample.slice(0, 11))).toBeUndefined();
    expect(scheme.prepare(key)).toBeUndefined();
  });

  it('is not shown by one frame again and again, under no key', () => {
    const again = new Array(40).fill(seal(frames)[1]);
    if (medium === 'video') expect(scheme.prepare(key, again)).toBeUndefined();
    for (let i = 0; i < 100; i++) expect(scheme.prepare(noise(`wrong ${i}`, 16), again)).toBeUndefined();
  });
});

describe('AES-CTR on both at once', () => {
  it('is opened, and so are other frames than those it was learned from', () => {
    const frames = [...media.video, ...media.audio];
    expect(openAll(scheme, seal(frames), key)).toHaveLength(frames.length);
    const open = scheme.prepare(key, seal(media.video))!;
    expect(seal(video).map((frame) => open(frame)!.plaintext)).toEqual(video.map(({ data }) => data));
  });

  it('opens frames of any content and length once a key is known', () => {
    const open = scheme.prepare(key, seal(media.video))!;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3, maxLength: 80 }), (data) => {
        const frame: SealedFrame = { medium: 'video', key: false, ssrc: 1, timestamp: 1, data };
        expect(open(seal([frame])[0]!)!.plaintext).toEqual(Buffer.from(data));
      }),
    );
  });
});
