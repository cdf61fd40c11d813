import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FramePair, identify } from './identify.ts';
import { seal } from './schemes/sframe.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

type Frame = Omit<FramePair, 'after'>;
/** Key and delta frames of many lengths, with flat areas as a still picture has them. */
const video: Frame[] = Array.from({ length: 60 }, (_, i) => ({
  medium: 'video',
  key: i % 10 === 0,
  before: Buffer.concat([noise(`head ${i}`, 10 + (i % 7) * 16), Buffer.alloc(70, i % 2), noise(`tail ${i}`, 200 + i)]),
}));
/** The same without anything that repeats. */
const busy: Frame[] = video.map((frame, i) => ({ ...frame, before: noise(`busy ${i}`, 300 + i) }));

const prefixOf = (frame: Frame) => (frame.key ? 10 : 3);
const pairs = (frames: Frame[], cipher: (rest: Buffer, i: number, frame: Frame) => Uint8Array): FramePair[] =>
  frames.map((frame, i) => {
    const prefix = prefixOf(frame);
    const rest = cipher(Buffer.from(frame.before.subarray(prefix)), i, frame);
    return { ...frame, after: Buffer.concat([frame.before.subarray(0, prefix), rest]) };
  });
const aes = (mode: string, iv: Uint8Array | null) => (rest: Buffer) => {
  const cipher = createCipheriv(`aes-128-${mode}`, noise('key', 16), iv);
  return Buffer.concat([cipher.update(rest), cipher.final()]);
};
const gcm = (iv: Uint8Array) => (rest: Buffer) => {
  const cipher = createCipheriv('aes-128-gcm', noise('key', 16), iv);
  const body = cipher.update(rest);
  cipher.final();
  return Buffer.concat([body, cipher.getAuthTag(), iv, Buffer.from([12, 0])]);
};
const repeat = (key: string) => (rest: Buffer) => rest.map((byte, i) => byte ^ key.charCodeAt(i % key.length));

describe('no cipher', () => {
  it('is told from frames that go out as they came', () => {
    const found = identify(video.map((frame) => ({ ...frame, after: frame.before })));
    expect(found).toMatchObject({ kind: 'none', pairs: 60, unchanged: 60 });
  });

  it('is told from frames that only have a trailer added', () => {
    const trailer = Buffer.from('00deadbeef', 'hex');
    expect(identify(video.map((f) => ({ ...f, after: Buffer.concat([f.before, trailer]) }))).kind).toBe('none');
  });

  it('is counted beside a cipher that stops', () => {
    const all = pairs(video, (rest, i) => (i < 40 ? gcm(noise(`iv ${i}`, 12))(rest) : rest));
    expect(identify(all)).toMatchObject({ kind: 'stream-or-aead', unchanged: 20 });
  });
});

describe('repeating XOR', () => {
  it('gives its key, counted from behind the clear prefix', () => {
    const found = identify(pairs(video, repeat('s3cret')));
    expect(found).toMatchObject({ kind: 'xor', key: new Uint8Array(Buffer.from('s3cret')), from: 'prefix' });
    expect(found.layouts).toContainEqual(
      expect.objectContaining({ key: true, clearPrefix: 10, overhead: { min: 0, max: 0 } }),
    );
  });

  it("gives its key, counted from the frame's start, and the trailer, as libwebrtc's sample has them", () => {
    const key = 'password';
    const cipher = (rest: Buffer, _: number, frame: Frame) => {
      const body = rest.map((byte, i) => byte ^ key.charCodeAt((i + prefixOf(frame)) % key.length));
      return Buffer.concat([body, Buffer.from('05deadbeef', 'hex')]);
    };
    const found = identify(pairs(video, cipher));
    expect(found).toMatchObject({ kind: 'xor', key: new Uint8Array(Buffer.from(key)), from: 'frame' });
    expect(found.layouts[0]!.fixedTail.map((byte) => byte.value)).toEqual([0xef, 0xbe, 0xad, 0xde, 0x05]);
  });

  it('is one byte long where one byte is all', () => {
    expect(identify(pairs(video, repeat('Z')))).toMatchObject({ kind: 'xor', key: Uint8Array.of(0x5a) });
  });
});

describe('keystream reuse', () => {
  it('is found when every frame has the same nonce', () => {
    const found = identify(pairs(video, gcm(noise('iv', 12))));
    expect(found).toMatchObject({ kind: 'keystream-reuse', frames: 59, of: 60, example: [0, 1], header: 0 });
  });

  it('is found when one frame in sixty repeats a nonce, behind a header of its own', () => {
    const all = pairs(busy, (rest, i) =>
      Buffer.concat([Buffer.from([0xaa, i, 1]), gcm(noise(`iv ${i === 41 ? 7 : i}`, 12))(rest)]),
    );
    expect(identify(all)).toMatchObject({ kind: 'keystream-reuse', frames: 1, example: [7, 41], header: 3 });
  });

  it('is found in SFrame with a counter that starts again', () => {
    const all = pairs(busy, (_, i, frame) =>
      seal(frame.before, {
        suite: 4,
        baseKey: noise('base', 16),
        keyId: 1n,
        counter: BigInt(i % 50),
        clearPrefix: prefixOf(frame),
      }).subarray(prefixOf(frame)),
    );
    expect(identify(all)).toMatchObject({ kind: 'keystream-reuse', frames: 10, example: [0, 50] });
  });

  it('is not found where a frame is sent twice', () => {
    const once = pairs(busy, (rest, i) => gcm(noise(`iv ${i}`, 12))(rest));
    expect(identify([...once, ...once]).kind).toBe('stream-or-aead');
  });
});

describe('ECB', () => {
  it('is told by blocks that come out equal wherever they stand', () => {
    const found = identify(pairs(video, aes('ecb', null)));
    expect(found).toMatchObject({ kind: 'ecb', distinct: 2, header: 0 });
    expect(found.layouts.every((layout) => layout.padded)).toBe(true);
  });

  it('is not claimed of CBC under one fixed IV, nor of CTR, on the same frames', () => {
    expect(identify(pairs(video, aes('cbc', noise('iv', 16)))).kind).toBe('unknown');
    expect(identify(pairs(video, aes('ctr', noise('iv', 16)))).kind).toBe('keystream-reuse');
  });

  it('is not claimed where no plaintext block repeats, though frames are padded', () => {
    expect(identify(pairs(busy, aes('ecb', null)))).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('whole blocks'),
    });
  });
});

describe('a sound stream cipher or AEAD', () => {
  it.each([
    ['with flat areas', video],
    ['without', busy],
  ])('is left alone: frames %s', (_, frames) => {
    const found = identify(pairs(frames, (rest, i) => gcm(noise(`iv ${i}`, 12))(rest)));
    expect(found).toMatchObject({ kind: 'stream-or-aead', clear: { bytes: 0, frames: 0 } });
    expect(found.layouts).toContainEqual({
      medium: 'video',
      key: false,
      pairs: 54,
      unchanged: 0,
      clearPrefix: 3,
      overhead: { min: 30, max: 30 },
      padded: false,
      fixedTail: [
        { fromEnd: 1, value: 0 },
        { fromEnd: 2, value: 12 },
      ],
    });
  });

  it('is left alone: SFrame, whose header grows with the counter', () => {
    const options = { suite: 5, baseKey: noise('base', 32), keyId: 1n };
    const all = pairs(video, (_, i, frame) =>
      seal(frame.before, { ...options, counter: BigInt(i), clearPrefix: prefixOf(frame) }).subarray(prefixOf(frame)),
    );
    expect(identify(all).kind).toBe('stream-or-aead');
  });

  it('is not credited with what it leaves in clear', () => {
    const all = pairs(busy, (rest, i) =>
      Buffer.concat([gcm(noise(`iv ${i}`, 12))(rest.subarray(0, 250)), rest.subarray(250)]),
    );
    expect(identify(all).clear).toMatchObject({ frames: 60 });
  });
});

describe('what pairs cannot show', () => {
  it('is said when they are too few', () => {
    const few = pairs(video, repeat('key')).slice(0, 11);
    expect(identify(few)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('11 pairs') });
    expect(identify([])).toMatchObject({ kind: 'unknown', pairs: 0 });
  });

  it('is said when a relation of another kind remains', () => {
    const plusOne = pairs(busy, (rest) => rest.map((byte) => byte + 77));
    expect(identify(plusOne)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('related') });
  });

  it('never makes it throw, and random bytes are no finding but that', () => {
    const pair = fc.record({
      medium: fc.constantFrom('audio' as const, 'video' as const),
      key: fc.boolean(),
      before: fc.uint8Array({ maxLength: 60 }),
      after: fc.uint8Array({ maxLength: 90 }),
    });
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 40 }), (any) => {
        expect(['none', 'unknown', 'stream-or-aead']).toContain(identify(any).kind);
      }),
    );
  });

  it('never makes it throw on bytes that repeat a lot either', () => {
    const bits = (maxLength: number) => fc.uint8Array({ maxLength, max: 1 });
    const pair = fc.record({
      medium: fc.constant('video' as const),
      key: fc.boolean(),
      before: bits(100),
      after: bits(100),
    });
    fc.assert(
      fc.property(fc.array(pair, { minLength: 12, maxLength: 40 }), (any) => {
        const found = identify(any);
        expect(found.layouts.reduce((sum, layout) => sum + layout.pairs, 0)).toBe(found.pairs);
      }),
    );
  });
});
