import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../audit/decoder.ts';
import { toneWav } from '../../media/test-tone.ts';
import { audioArguments, framesOfIvf, noise, packetsOfOgg, sealed, videoArguments } from '../fixtures/media.ts';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme } from './aes-cbc.ts';

const encode = (args: string[], input?: Uint8Array) =>
  spawnSync(findFfmpeg()!.path, args, { input, maxBuffer: 1 << 26 }).stdout;
const media = {
  video: framesOfIvf(encode(videoArguments(40))),
  // From the first word on: before it, sound is silence, and sealed silence is no evidence.
  audio: packetsOfOgg(encode(audioArguments(), toneWav(3, 3))),
};

const places = [
  'in front',
  'at the end',
  'at the end with its length and a key index',
  'nowhere, being zeros',
] as const;
type Place = (typeof places)[number];

interface How {
  place?: Place;
  padding?: 'pkcs7' | 'zero';
  clear?: (frame: SealedFrame) => number;
  key?: Uint8Array;
}

const key = noise('key', 16);

function seal(frames: readonly SealedFrame[], { place = 'in front', padding = 'pkcs7', clear, ...rest }: How = {}) {
  const { key: secret = key } = rest;
  const one = (plaintext: Buffer, _: Buffer, index: number) => {
    const iv = place === places[3] ? Buffer.alloc(16) : noise(`iv ${index}`, 16);
    const cipher = createCipheriv(`aes-${secret.length * 8}-cbc`, secret, iv).setAutoPadding(padding === 'pkcs7');
    const zeros = Buffer.alloc(padding === 'zero' ? (16 - (plaintext.length % 16)) % 16 : 0);
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.update(zeros), cipher.final()]);
    switch (place) {
      case 'in front':
        return Buffer.concat([iv, ciphertext]);
      case 'at the end':
        return Buffer.concat([ciphertext, iv]);
      case 'at the end with its length and a key index':
        return Buffer.concat([ciphertext, iv, Buffer.from([16, 3])]);
      case 'nowhere, being zeros':
        return ciphertext;
    }
  };
  return sealed(frames, one, clear);
}

/** Zero padding doesn't tell how many of the zeros at its end a frame had. */
const trimmed = (data: Uint8Array) =>
  Buffer.from(data)
    .toString('hex')
    .replace(/(00)+$/, '');

describe.each(['video', 'audio'] as const)('AES-CBC on %s', (medium) => {
  const frames = media[medium];

  it.each(places)('is opened with the IV %s, behind the usual clear prefix or none', (place) => {
    for (const clear of [undefined, () => 0]) {
      const opened = openAll(scheme, seal(frames, { place, clear }), key)!;
      expect(opened.map(({ plaintext }) => plaintext)).toEqual(frames.map(({ data }) => data));
      expect(opened[2]!.nonce).toEqual(place === places[3] ? Buffer.alloc(16) : noise('iv 2', 16));
      expect(opened[0]!.keyId).toBe(place === places[2] ? 3n : undefined);
    }
  });

  it.each(places)('is opened with zero padding, the IV %s', (place) => {
    const opened = openAll(scheme, seal(frames, { place, padding: 'zero' }), key)!;
    expect(opened.map(({ plaintext }) => trimmed(plaintext))).toEqual(frames.map(({ data }) => trimmed(data)));
  });

  it.each([16, 24, 32])('is opened with a key of %i bytes', (length) => {
    const secret = noise(`key ${length}`, length);
    const opened = openAll(scheme, seal(frames, { key: secret }), secret)!;
    expect(opened[0]!.cipher).toEqual({ algorithm: 'AES', mode: 'CBC', keyBits: length * 8, tagBits: 0 });
  });

  it.each(places)('is refused under a thousand other keys, the IV %s', (place) => {
    const sample = seal(frames, { place });
    const taken = Array.from({ length: 1000 }, (_, i) => scheme.prepare(noise(`wrong ${i}`, 16), sample));
    expect(taken.filter(Boolean)).toEqual([]);
  });
});

describe('too little to tell', () => {
  const sample = seal(media.video);

  it('is eleven frames, or one frame again and again', () => {
    expect(openAll(scheme, sample.slice(0, 12), key)).toHaveLength(12);
    expect(scheme.prepare(key, sample.slice(0, 11))).toBeUndefined();
    expect(scheme.prepare(key, new Array(40).fill(sample[1]))).toBeUndefined();
    expect(scheme.prepare(key)).toBeUndefined();
  });

  it('is frames of other lengths than whole blocks have', () => {
    expect(scheme.prepare(key, media.video)).toBeUndefined();
  });
});

describe('a key that is known', () => {
  it('opens any frame of whole blocks that is padded, and no other', () => {
    const open = scheme.prepare(key, seal(media.video))!;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3, maxLength: 80 }), (data) => {
        const frame: SealedFrame = { medium: 'video', key: false, ssrc: 1, timestamp: 1, data };
        expect(open(seal([frame])[0]!)!.plaintext).toEqual(Buffer.from(data));
        const [other] = seal([frame], { key: noise('other', 16) });
        const wrong = open(other!);
        if (wrong) expect(wrong.plaintext).not.toEqual(Buffer.from(data));
        expect(open({ ...frame, data: data.subarray(0, 18) })).toBeUndefined();
      }),
    );
  });
});
