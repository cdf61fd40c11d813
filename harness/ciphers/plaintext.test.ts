import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findFfmpeg } from '../audit/decoder.ts';
import { audioArguments, framesOfIvf, noise, packetsOfOgg, videoArguments } from './fixtures/media.ts';
import { agreement, endLikeVp8, HEAD_BYTES, haveSilence, isNoChance, SILENCE_BYTES, silentBytes } from './plaintext.ts';

const encoded = (args: string[]) => spawnSync(findFfmpeg()!.path, args, { maxBuffer: 1 << 26 }).stdout;
const video = framesOfIvf(encoded(videoArguments(120)));
const nothing = (channels: number, bitrate: string) => {
  const source = ['-f', 'lavfi', '-t', '2', '-i', `anullsrc=r=48000:cl=${channels === 1 ? 'mono' : 'stereo'}`];
  return packetsOfOgg(encoded(audioArguments({ source, bitrate, channels })));
};
const silent = (packet: Uint8Array) => silentBytes(packet.subarray(0, SILENCE_BYTES), packet.length);

describe('agreement', () => {
  const random = (seed: string, count: number) =>
    Array.from({ length: count }, (_, i) => noise(`${seed} ${i}`, HEAD_BYTES));

  it('counts bytes that an earlier frame of the kind has in the same place', () => {
    const frames = ['01020304', '01990304', '01', '55020399'].map((hex) => Buffer.from(hex, 'hex'));
    expect(agreement([frames])).toEqual({ count: 2 + 1 + 1 + 2, expected: (1 + 2 + 3 + 3 * (1 + 2)) / 256 });
    expect(agreement(frames.map((frame) => [frame]))).toEqual({ count: 0, expected: 0 });
  });

  it('is chance in random bytes, however many', () => {
    for (let i = 0; i < 300; i++) {
      for (const count of [12, 24, 48]) expect(isNoChance(agreement([random(`${i}`, count)]))).toBe(false);
    }
    expect(isNoChance(agreement([random('many', 2000)]))).toBe(false);
  });

  it('is none in VP8 frames, whether their header is left out or not', () => {
    const delta = video.filter(({ key }) => !key);
    for (const from of [0, 3]) {
      for (let start = 0; start + 12 <= delta.length; start++) {
        const heads = delta.slice(start, start + 12).map(({ data }) => data.subarray(from, from + HEAD_BYTES));
        expect(isNoChance(agreement([heads]))).toBe(true);
      }
    }
  });

  it('has the odds that it says: 20 of 24 frames are not a chance, 19 are', () => {
    const { expected } = agreement([random('odds', 24)]);
    expect(isNoChance({ count: 20, expected })).toBe(true);
    expect(isNoChance({ count: 19, expected })).toBe(false);
  });
});

describe('the ends of frames', () => {
  it('are zeros in most VP8 frames, and not in random bytes', () => {
    expect(endLikeVp8(video.map(({ data }) => data.at(-1)!))).toBe(true);
    expect(endLikeVp8([...noise('ends', 12)])).toBe(false);
    expect(endLikeVp8([])).toBe(false);
  });
});

describe('silence in Opus', () => {
  it.each([
    [1, '8k', 5],
    [1, '12k', 7],
    [1, '32k', 12],
    [2, '22k', 12],
    [2, '40k', 12],
    [1, '64k', 2],
  ])('is seen in %i channels at %s bit/s', (channels, bitrate, bytes) => {
    const packets = nothing(channels, bitrate).slice(10);
    expect(packets.filter(({ data }) => silent(data) === bytes).length).toBeGreaterThan(packets.length * 0.8);
  });

  it('is not seen in random packets, which sound might be', () => {
    for (let i = 0; i < 2000; i++) {
      for (const toc of [0x78, 0xf8, noise(`toc ${i}`, 1)[0]!]) {
        expect(silent(Buffer.concat([Buffer.from([toc]), noise(`packet ${i}`, i % 40)]))).toBe(0);
      }
    }
  });

  it('counts only if it is seen in four bytes', () => {
    expect(haveSilence([0, 2, 0])).toBe(false);
    expect(haveSilence([0, 2, 2])).toBe(true);
    expect(haveSilence([5])).toBe(true);
    expect(haveSilence([])).toBe(false);
  });
});
