import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../audit/decoder.ts';
import { framesOfIvf, noise, videoArguments } from './fixtures/media.ts';
import { beginsLikeVp8, VP8_HEADER_BYTES } from './vp8-header.ts';

const { stdout } = spawnSync(findFfmpeg()!.path, videoArguments(60), { maxBuffer: 1 << 26 });
const frames = framesOfIvf(stdout);
const begins = (data: Uint8Array) => beginsLikeVp8(data.subarray(0, VP8_HEADER_BYTES), data.length);

describe('a VP8 frame of libvpx', () => {
  it('begins like one, key frame or not', () => {
    expect(frames.map(({ key }) => key)).toContain(true);
    expect(frames.filter(({ data }) => !begins(data))).toEqual([]);
  });

  it('rarely does so with another rest behind the same chunk', () => {
    const chances = frames.flatMap(({ key, data }) =>
      Array.from({ length: 50 }, (_, i) => {
        const chunk = data.subarray(0, key ? 10 : 3);
        return Buffer.concat([chunk, noise(`${data.length} ${i}`, data.length - chunk.length)]);
      }),
    );
    expect(chances.filter(begins).length / chances.length).toBeLessThan(1 / 50);
  });

  it('does not do so cut off, or with a version or start code that is none', () => {
    const [key, delta] = [frames.find((frame) => frame.key)!.data, frames.find((frame) => !frame.key)!.data];
    const changed = (data: Uint8Array, at: number, bits: number) =>
      data.map((byte, i) => (i === at ? byte ^ bits : byte));
    expect(begins(changed(delta, 0, 0x08))).toBe(false);
    expect(begins(changed(key, 3, 1))).toBe(false);
    expect(begins(delta.subarray(0, 20))).toBe(false);
    expect(begins(new Uint8Array(0))).toBe(false);
  });
});
