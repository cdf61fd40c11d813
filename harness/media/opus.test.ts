import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeOpus, parseOpus } from './opus.ts';

const packet = (toc: number, ...rest: number[]): Uint8Array => Uint8Array.of(toc, ...rest);
const toc = (config: number, code: number, stereo = 0): number => (config << 3) | (stereo << 2) | code;

describe('parseOpus', () => {
  it('reads the TOC byte (RFC 6716, table 2)', () => {
    // 0x78 begins the packets that browsers send: hybrid, full band, 20 ms, mono.
    expect(parseOpus(packet(0x78, 1, 2))).toEqual({
      config: 15,
      mode: 'hybrid',
      stereo: false,
      frames: 1,
      samplesPerFrame: 960,
    });
    expect(parseOpus(packet(toc(3, 0, 1), 1))).toMatchObject({ mode: 'silk', stereo: true, samplesPerFrame: 2880 });
    expect(parseOpus(packet(toc(12, 0), 1))).toMatchObject({ mode: 'hybrid', samplesPerFrame: 480 });
    expect(parseOpus(packet(toc(28, 0), 1))).toMatchObject({ mode: 'celt', samplesPerFrame: 120 });
    expect(parseOpus(packet(toc(31, 0), 1))).toMatchObject({ mode: 'celt', samplesPerFrame: 960 });
  });

  it('counts frames by the code', () => {
    expect(parseOpus(packet(toc(31, 1), 1, 2))?.frames).toBe(2);
    expect(parseOpus(packet(toc(31, 2), 1, 9, 9, 9))?.frames).toBe(2);
    expect(parseOpus(packet(toc(31, 3), 3, 1, 2, 3))?.frames).toBe(3);
    // Variable lengths, with padding of one byte.
    expect(parseOpus(packet(toc(31, 3), 0xc0 | 2, 1, 1, 9, 9, 9, 0))?.frames).toBe(2);
  });

  it('takes a packet of the TOC byte alone: a frame that was not sent', () => {
    expect(parseOpus(packet(toc(1, 0)))?.frames).toBe(1);
  });

  it.each([
    ['no bytes', []],
    ['two frames of one length in an odd number of bytes', [toc(31, 1), 1, 2, 3]],
    ['a first frame beyond the end', [toc(31, 2), 5, 1]],
    ['a length cut in two', [toc(31, 2), 252]],
    ['no frame count', [toc(31, 3)]],
    ['a count of nothing', [toc(31, 3), 0]],
    ['more than 120 ms', [toc(3, 3), 3, 1, 2, 3]],
    ['frames that do not share the bytes evenly', [toc(31, 3), 2, 1, 2, 3]],
    ['padding beyond the end', [toc(31, 3), 0x41, 9, 1]],
    ['padding without an end', [toc(31, 3), 0x41, 255]],
    ['a frame above 1275 bytes', [toc(31, 0), ...new Array(1276).fill(1)]],
  ])('refuses %s', (_, bytes) => {
    expect(looksLikeOpus(Uint8Array.from(bytes))).toBe(false);
  });

  it('never throws, and no packet lasts above 120 ms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const parsed = parseOpus(bytes);
        return !parsed || parsed.frames * parsed.samplesPerFrame <= 5760;
      }),
      { numRuns: 2000 },
    );
  });
});
