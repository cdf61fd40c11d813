import { createCipheriv, createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chiSquare,
  histogram,
  positions,
  repeatedBlocks,
  structuredPrefix,
  uniformity,
  uniformityThreshold,
} from './statistics.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Bytes with a known bias: a share of them is zero. Excess chi-square for each byte: 255 * share^2. */
function biased(seed: string, length: number, share: number): Buffer {
  const bytes = noise(seed, length);
  const dice = noise(`${seed} dice`, 4 * length);
  for (let i = 0; i < length; i++) if (dice.readUInt32LE(4 * i) < share * 2 ** 32) bytes[i] = 0;
  return bytes;
}

describe('chi-square', () => {
  it('is 0 for equal counts, 255 n for one value only', () => {
    expect(chiSquare(histogram([Uint8Array.from({ length: 256 }, (_, i) => i)]))).toBe(0);
    expect(chiSquare(histogram([new Uint8Array(1000)]))).toBe(255_000);
    expect(chiSquare(histogram([]))).toBe(0);
  });

  it('adds up chunks', () => {
    const whole = noise('chunks', 999);
    expect(histogram([whole.subarray(0, 100), whole.subarray(100)])).toEqual(histogram([whole]));
  });
});

describe('uniformity', () => {
  it('calls a cipher uniform at any size that is large enough, and does not say so of less', () => {
    for (const size of [2 ** 17, 2 ** 19, 2 ** 22]) {
      expect(uniformity([noise(`cipher ${size}`, size)], 'video')).toMatchObject({ verdict: 'uniform', bytes: size });
    }
    expect(uniformity([noise('short', 2 ** 17 - 1)], 'video').verdict).toBe('undecided');
    expect(uniformity([noise('short', 2 ** 15)], 'audio').verdict).toBe('uniform');
    expect(uniformity([], 'audio').verdict).toBe('undecided');
  });

  it('calls bytes with the bias of the best codec structured in the sample that it asks for', () => {
    // sqrt(2.8e-3 / 255): VP8 as measured; and 1.2e-2: Opus
    for (let i = 0; i < 20; i++) {
      expect(uniformity([biased(`vp8 ${i}`, 2 ** 17, Math.sqrt(2.8e-3 / 255))], 'video').verdict).toBe('structured');
      expect(uniformity([biased(`opus ${i}`, 2 ** 15, Math.sqrt(1.2e-2 / 255))], 'audio').verdict).toBe('structured');
    }
  });

  it('overlooks one fixed byte in a packet of 1,100, however long the call', () => {
    const packets = Array.from({ length: 4000 }, (_, i) => noise(`packet ${i}`, 1100).fill(7, 0, 1));
    expect(uniformity(packets, 'video').verdict).toBe('uniform');
  });

  it('has a threshold that 200 random samples stay below', () => {
    for (let i = 0; i < 200; i++) expect(uniformity([noise(`fair ${i}`, 4096)], 'audio').verdict).toBe('undecided');
  });

  // The exact quantiles, from Poisson's mixture of central chi-square distributions, by bisection.
  it.each([
    [0, 384.32],
    [1280, 384.73],
    [32_768, 394.63],
    [131_072, 424.85],
    [1e6, 669.84],
    [1e7, 2850.48],
  ])('has a threshold within 1%% of the exact quantile: %i bytes, %f', (bytes, exact) => {
    expect(Math.abs(uniformityThreshold(bytes) / exact - 1)).toBeLessThan(0.01);
  });
});

describe('the structured prefix', () => {
  const frames = (clear: number, count = 200) =>
    Array.from({ length: count }, (_, i) => {
      const frame = noise(`position ${i}`, 60);
      for (let j = 0; j < clear; j++) if (noise(`keep ${i}`, clear)[j]! < 90) frame[j] = 0x9d;
      return frame;
    });

  it('is as long as the header in clear', () => {
    expect(structuredPrefix(frames(10))).toBe(10);
    expect(structuredPrefix(frames(3))).toBe(3);
    expect(positions(frames(3))[1]).toMatchObject({ frames: 200, value: 0x9d, structured: true });
  });

  it('is 0 for a cipher, whatever the number of frames', () => {
    for (const count of [0, 1, 2, 5, 40, 1000]) expect(structuredPrefix(frames(0, count))).toBe(0);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (any) => structuredPrefix(any) >= 0));
  });
});

describe('repeated blocks', () => {
  const key = noise('ecb', 16);
  /** A picture with flat areas: runs of one block among noise, not at the same places. */
  const plain = Array.from({ length: 50 }, (_, i) =>
    Buffer.concat([noise(`a ${i}`, 160), Buffer.alloc(64, i % 3), noise(`b ${i}`, 160)]),
  );
  const sealWith = (mode: 'ecb' | 'ctr', prefix: number) =>
    plain.map((frame, i) => {
      const iv = mode === 'ecb' ? null : noise(`iv ${i}`, 16);
      const cipher = createCipheriv(`aes-128-${mode}`, key, iv);
      return { data: Buffer.concat([noise(`clear ${i}`, prefix), cipher.update(frame), cipher.final()]) };
    });

  it('are found in ECB, at the alignment of the blocks', () => {
    const found = repeatedBlocks(sealWith('ecb', 3), { clearPrefix: 0 });
    expect(found.alignment).toBe(3);
    // 200 flat blocks of 3 kinds; and PKCS#7's full block at the end of each of 50 frames
    expect(found.repeated).toBe(200 - 3 + 49);
    expect(found.commonest).toHaveLength(4);
    expect(found.commonest[0]!.times).toBe(68);
    expect(found.expected).toBeLessThan(1e-30);
    expect(repeatedBlocks(sealWith('ecb', 3), { clearPrefix: () => 3 }).alignment).toBe(0);
  });

  it('are not found in CTR, at any alignment', () => {
    const found = repeatedBlocks(sealWith('ctr', 3), { clearPrefix: 0 });
    expect(found.byAlignment).toEqual(new Array(16).fill(0));
    expect(found.blocks).toBeGreaterThan(1000);
  });

  it('do not come from a frame that was sent twice', () => {
    const frames = sealWith('ctr', 3);
    const found = repeatedBlocks([...frames, ...frames], { clearPrefix: 3 });
    expect(found).toMatchObject({ repeated: 0, duplicateFrames: 50 });
  });

  describe('of frames of which it is not known where the ciphertext is', () => {
    const header = Buffer.from('{"typ":"e2ee-frame","alg":"A256GCM","kid":"0b8f3c5e-9d0a-4f5f-8a52-3f2d6a0c1e77"}');
    const padded = Buffer.concat([header, Buffer.alloc(120)]);
    const whole = (frames: { data: Buffer }[], around: (data: Buffer, i: number) => Buffer[]) =>
      repeatedBlocks(
        frames.map(({ data }, i) => ({ data: Buffer.concat(around(data, i)), whole: true })),
        { clearPrefix: 0 },
      );
    /** Their lengths differ, as frames' do. */
    const sound = sealWith('ctr', 0).map(({ data }, i) => ({ data: data.subarray(3 * i) }));
    /** Flat areas are not at the same places. */
    const ecb = plain.map((frame, i) => {
      const cipher = createCipheriv('aes-128-ecb', key, null);
      return { data: Buffer.concat([cipher.update(frame.subarray(16 * (i % 7), 384 - 16 * (i % 5))), cipher.final()]) };
    });

    it.each([header, padded])('are not found in a header or trailer that all have', (fixed) => {
      expect(whole(sound, (data) => [fixed, data]).repeated).toBe(0);
      expect(whole(sound, (data) => [data, fixed]).repeated).toBe(0);
      const codec = (i: number) => noise(`codec ${i}`, i % 10 === 0 ? 10 : 3);
      // Where a run of zeros ends further behind in some frames, one block of it stands at a place of its own.
      expect(whole(sound, (data, i) => [codec(i), fixed, data]).repeated).toBeLessThan(2);
    });

    it('are not found behind a number of more and more digits', () => {
      const counted = (i: number) => Buffer.concat([Buffer.from(`{"seq":${7 * i},`), header.subarray(1)]);
      expect(whole(sound, (data, i) => [counted(i), data]).repeated).toBe(0);
      expect(whole(sound, (data, i) => [data, counted(i)]).repeated).toBe(0);
    });

    it('are found in ECB, with a header and without one', () => {
      const found = whole(ecb, (data) => [data]);
      expect(found.repeated).toBeGreaterThan(10);
      expect(whole(ecb, (data) => [padded, data]).repeated).toBe(found.repeated);
      expect(whole(ecb, (data) => [data, padded]).repeated).toBe(found.repeated);
    });
  });

  it('are counted as a plain count does', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100, max: 1 }), { maxLength: 6 }), (frames) => {
        const distinct = [...new Map(frames.map((f) => [Buffer.from(f).toString('hex'), f])).values()];
        const found = repeatedBlocks(
          frames.map((data) => ({ data })),
          { clearPrefix: 0 },
        );
        for (let alignment = 0; alignment < 16; alignment++) {
          const blocks: string[] = [];
          for (const frame of distinct) {
            for (let i = alignment; i + 16 <= frame.length; i += 16) {
              blocks.push(Buffer.from(frame.subarray(i, i + 16)).toString('hex'));
            }
          }
          expect(found.byAlignment[alignment]).toBe(blocks.length - new Set(blocks).size);
        }
      }),
    );
  });

  it('are looked for in a bounded number of blocks', () => {
    const large = Array.from({ length: 5 }, (_, i) => ({ data: noise(`large ${i}`, 2 ** 20) }));
    expect(repeatedBlocks(large, { clearPrefix: 0 })).toMatchObject({ blocks: 2 ** 18, unread: 1, repeated: 0 });
  });
});
