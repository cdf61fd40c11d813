import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as samples from './fixtures/frames.ts';
import { be, type Frame, noise, prefixOf } from './fixtures/frames.ts';
import { type FramePair, identify } from './identify.ts';
import { seal } from './schemes/sframe.ts';

/** Key and delta frames of many lengths, with flat areas as a still picture has them. */
const video: Frame[] = Array.from({ length: 60 }, (_, i) => ({
  medium: 'video',
  key: i % 10 === 0,
  before: Buffer.concat([noise(`head ${i}`, 10 + (i % 7) * 16), Buffer.alloc(70, i % 2), noise(`tail ${i}`, 200 + i)]),
}));
/** The same without anything that repeats. */
const busy: Frame[] = video.map((frame, i) => ({ ...frame, before: noise(`busy ${i}`, 300 + i) }));

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

  it('is found where the counters of frames overlap, as they do if each begins one after the last', () => {
    const seal = (step: number) => (rest: Buffer, i: number) => samples.aes('ctr', be(step * i, 16), rest);
    const frames = samples.video(60);
    const found = identify(samples.sealed(frames, seal(1)));
    expect(found).toMatchObject({ kind: 'keystream-reuse', frames: 57, of: 58, example: [1, 2], shift: 1 });
    expect(identify(samples.sealed(frames, seal(2 ** 16))).kind).toBe('stream');
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
    expect(identify(pairs(video, aes('cbc', noise('iv', 16)))).kind).toBe('cbc-like');
    expect(identify(pairs(video, aes('ctr', noise('iv', 16)))).kind).toBe('keystream-reuse');
  });

  it('is told although one key frame lets its prefix be mistaken for a longer one', () => {
    const all = pairs(video, aes('ecb', null)).filter(({ key }, i) => !key || i === 0);
    const equal = Buffer.from(all[0]!.after);
    equal[10] = all[0]!.before[10]!;
    const found = identify([{ ...all[0]!, after: equal }, ...all.slice(1)]);
    expect(found).toMatchObject({ kind: 'ecb', header: 0 });
  });

  it('is not claimed where no plaintext block repeats, though frames are padded', () => {
    expect(identify(pairs(busy, aes('ecb', null)))).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('whole blocks'),
    });
  });
});

describe('CBC', () => {
  const flat = samples.video(90, { flat: true });
  const cbc = (iv: Buffer) => (rest: Buffer) => Buffer.concat([iv, samples.aes('cbc', iv, rest)]);

  it('is likely where frames grow to whole blocks and equal blocks come out unequal', () => {
    const found = identify(samples.sealed(flat, (rest, i) => cbc(noise(`iv ${i}`, 16))(rest)));
    expect(found).toMatchObject({ kind: 'cbc-like', chained: undefined });
    for (const { padded, forms } of found.layouts) {
      expect(padded).toBe(true);
      expect(forms).toMatchObject([{ overhead: 16, unexplained: 16 }]);
    }
  });

  it('shows where frames under one IV begin with equal blocks', () => {
    const alike = flat.map((frame, i) => {
      const prefix = prefixOf(frame);
      return {
        ...frame,
        before: Buffer.concat([frame.before.subarray(0, prefix), Buffer.alloc(32, i % 4), frame.before]),
      };
    });
    const found = identify(samples.sealed(alike, cbc(Buffer.alloc(16, 9))));
    expect(found).toMatchObject({ kind: 'cbc-like', chained: { frames: 83, blocks: 2 * 83, header: 16 } });
    expect(found.layouts[1]!.forms[0]!.fields).toMatchObject([{ from: 'header', offset: 0, length: 16 }]);
  });

  it('looks the same as another cipher behind a padding: the name says no more', () => {
    const padded = samples.sealed(flat, (rest, i) => {
      const missing = 16 - (rest.length % 16);
      return samples.aead('aes-128-gcm', noise(`iv ${i}`, 12), Buffer.concat([rest, Buffer.alloc(missing, missing)]));
    });
    expect(identify(padded)).toMatchObject({ kind: 'cbc-like', chained: undefined });
  });

  it('is not claimed where no plaintext block repeats', () => {
    const found = identify(samples.sealed(samples.video(60), (rest, i) => cbc(noise(`iv ${i}`, 16))(rest)));
    expect(found.kind).toBe('unknown');
  });
});

describe('a stream cipher without a tag', () => {
  const frames = samples.video(120);
  const ctr = (i: number) => Buffer.concat([be(7, 4), be(1000 + i, 4), Buffer.alloc(8)]);

  it('is told where frames do not grow', () => {
    expect(identify(samples.sealed(frames, (rest, i) => samples.aes('ctr', ctr(i), rest))).kind).toBe('stream');
  });

  it('is told where all that frames grow by is a counter', () => {
    const all = samples.sealed(frames, (rest, i) => Buffer.concat([ctr(i), samples.aes('ctr', ctr(i), rest)]));
    expect(identify(all).kind).toBe('stream');
  });

  it.each([4, 8, 16])('is not claimed where a tag of %i bytes may be left over', (tag) => {
    const all = samples.sealed(frames, (rest, i) =>
      Buffer.concat([ctr(i), samples.aead('aes-128-gcm', ctr(i).subarray(0, 12), rest, { tag })]),
    );
    expect(identify(all).kind).toBe('stream-or-aead');
  });

  it('is not claimed where the nonce is random, since a tag would look the same', () => {
    const all = samples.sealed(frames, (rest, i) => {
      const iv = noise(`iv ${i}`, 16);
      return Buffer.concat([iv, samples.aes('ctr', iv, rest)]);
    });
    expect(identify(all)).toMatchObject({ kind: 'stream-or-aead', layouts: [{}, { forms: [{ unexplained: 16 }] }] });
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
      forms: [expect.objectContaining({ overhead: 30, frames: 54, unexplained: 28 })],
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
    expect(identify(few)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('11 different pairs') });
    expect(identify([])).toMatchObject({ kind: 'unknown', pairs: 0 });
  });

  it('is said of frames that all have one length, since CBC would let them grow alike', () => {
    const alike = busy.map((frame) => ({ ...frame, before: frame.before.subarray(0, 300) }));
    const all = pairs(alike, (rest, i) =>
      Buffer.concat([noise(`iv ${i}`, 16), samples.aes('cbc', noise(`iv ${i}`, 16), rest)]),
    );
    expect(identify(all)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('too few lengths') });
  });

  it('is said when a relation of another kind remains', () => {
    const plusOne = pairs(busy, (rest) => rest.map((byte) => byte + 77));
    expect(identify(plusOne)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('related') });
  });

  it('is said of frames that come out the same again, which may have been sent twice', () => {
    const once = pairs(busy, (rest, i) => gcm(noise(`iv ${i}`, 12))(rest));
    expect(identify([...once, ...once.slice(0, 9)])).toMatchObject({ kind: 'stream-or-aead', pairs: 69, again: 9 });
  });

  const any = fc.record({
    medium: fc.constantFrom('audio' as const, 'video' as const),
    key: fc.boolean(),
    before: fc.uint8Array({ maxLength: 60 }),
    after: fc.uint8Array({ maxLength: 90 }),
  });
  const bits = fc.uint8Array({ maxLength: 100, max: 1 });
  const repetitive = fc.record({ medium: fc.constant('video' as const), key: fc.boolean(), before: bits, after: bits });

  it('never makes it throw, and random bytes are no finding but that', () => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), fc.uint8Array({ maxLength: 40 }), (pairs, key) => {
        expect(['none', 'unknown', 'stream', 'stream-or-aead']).toContain(identify(pairs, key).kind);
      }),
    );
  });

  it('is no relation in random bytes of many lengths', () => {
    const lengths = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, 16, 30)), { minLength: 12, maxLength: 60 });
    fc.assert(
      fc.property(lengths, fc.string(), fc.constantFrom(16, 32), (all, seed, keyBytes) => {
        const random = all.map(([length, growth], i) => ({
          medium: 'video' as const,
          key: i % 9 === 0,
          before: noise(`before ${seed} ${i}`, length),
          after: noise(`after ${seed} ${i}`, length + growth),
        }));
        const found = identify(random, noise(`key ${seed}`, keyBytes));
        expect(['none', 'unknown', 'stream', 'stream-or-aead']).toContain(found.kind);
        const forms = found.layouts.flatMap((layout) => layout.forms);
        expect(forms.filter(({ fields, opened }) => fields.length > 0 || opened)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('never makes it throw on bytes that repeat a lot either', () => {
    fc.assert(
      fc.property(fc.array(repetitive, { minLength: 12, maxLength: 40 }), (pairs) => {
        const found = identify(pairs, new Uint8Array(16));
        expect(found.layouts.reduce((sum, layout) => sum + layout.pairs, 0)).toBe(found.pairs);
        for (const { forms } of found.layouts)
          for (const { unexplained } of forms) expect(unexplained ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('does not depend on the order of the pairs, nor on being given twice', () => {
    const shuffled = (pairs: fc.Arbitrary<FramePair[]>) =>
      pairs.chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length })),
      );
    const either = fc.oneof(fc.array(any, { maxLength: 40 }), fc.array(repetitive, { maxLength: 40 }));
    fc.assert(
      fc.property(shuffled(either), ([given, again]) => {
        expect(identify(again).kind).toBe(identify(given).kind);
      }),
    );
  });

  it.each<[string, samples.Seal]>([
    ['none', (rest) => rest],
    ['xor', (rest) => repeat('s3cret')(rest)],
    ['ecb', (rest) => samples.aes('ecb', null, rest)],
    ['cbc-like', (rest, i) => samples.aes('cbc', noise(`iv ${i}`, 16), rest)],
    ['keystream-reuse', (rest, i) => samples.aes('ctr', noise(`iv ${i % 70}`, 16), rest)],
    ['stream', (rest, i) => Buffer.concat([be(i, 4), samples.aes('ctr', be(i * 2 ** 32, 16), rest)])],
    ['stream-or-aead', (rest, i) => Buffer.concat([be(i, 4), samples.aead('aes-128-gcm', be(i, 12), rest)])],
  ])('is the same for shuffled and repeated pairs: %s', (kind, cipher) => {
    const given = samples.sealed(samples.video(90, { flat: true }), cipher);
    expect(identify(given).kind).toBe(kind);
    fc.assert(
      fc.property(fc.shuffledSubarray([...given, ...given], { minLength: 180 }), (again) => {
        expect(identify(again).kind).toBe(kind);
      }),
      { numRuns: 5 },
    );
  });
});
