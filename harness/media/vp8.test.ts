import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeVp8, parseVp8FrameHeader, parseVp8Payload } from './vp8.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('parseVp8Payload', () => {
  it.each([
    // The examples of RFC 7741, 4.6.
    ['a key frame in one packet, with a 7-bit PictureID', '90 80 11 cc', true, 'cc'],
    ['a later fragment, in partition 0', '81 80 11 cc', false, 'cc'],
    ['a 15-bit PictureID', '90 80 92 34 cc', true, 'cc'],
    ['a PictureID, TL0PICIDX and TID', '90 e0 92 34 05 40 cc', true, 'cc'],
    ['no extension', '10 cc dd', true, 'ccdd'],
    ['the start of another partition', '11 cc', false, 'cc'],
  ])('reads %s', (_, payload, start, data) => {
    expect(parseVp8Payload(hex(payload))).toEqual({ start, data: hex(data) });
  });

  it('refuses a descriptor that nothing follows', () => {
    for (const payload of ['', '10', '90', '90 80', '90 80 11', '90 e0 92 34 05 40'])
      expect(parseVp8Payload(hex(payload))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (payload) => parseVp8Payload(payload)?.data.length !== 0));
  });
});

describe('parseVp8FrameHeader', () => {
  // A key frame of libvpx: version 0, shown, a first partition of 0x02d6 bytes, 640x360.
  const key = hex('d0 5a 00 9d 01 2a 80 02 68 01');

  it('reads a key frame', () => {
    expect(parseVp8FrameHeader(key)).toEqual({
      key: true,
      version: 0,
      show: true,
      firstPartitionSize: 0x02d6,
      length: 10,
      width: 640,
      height: 360,
      startCode: true,
    });
  });

  it('reads a frame that is none', () => {
    expect(parseVp8FrameHeader(hex('71 08 00 00'))).toEqual({
      key: false,
      version: 0,
      show: true,
      firstPartitionSize: 67,
      length: 3,
    });
  });

  it('takes the scaling bits out of the size', () => {
    expect(parseVp8FrameHeader(hex('d0 5a 00 9d 01 2a 80 42 68 c1'))).toMatchObject({ width: 640, height: 360 });
  });

  it('needs the whole header', () => {
    expect(parseVp8FrameHeader(key.subarray(0, 9))).toBeUndefined();
    expect(parseVp8FrameHeader(hex('71 08'))).toBeUndefined();
  });
});

describe('looksLikeVp8', () => {
  const frame = (head: string, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    bytes.set(hex(head));
    return bytes;
  };

  it('takes frames whose first partition fits', () => {
    expect(looksLikeVp8(frame('d0 5a 00 9d 01 2a 80 02 68 01', 10 + 0x2d6))).toBe(true);
    expect(looksLikeVp8(frame('71 08 00', 3 + 67))).toBe(true);
  });

  it('refuses a partition beyond the end, an undefined version, a wrong start code, a size of nothing', () => {
    expect(looksLikeVp8(frame('d0 5a 00 9d 01 2a 80 02 68 01', 9 + 0x2d6))).toBe(false);
    expect(looksLikeVp8(frame('79 08 00', 100))).toBe(false);
    expect(looksLikeVp8(frame('d0 5a 00 9d 01 2b 80 02 68 01', 1000))).toBe(false);
    expect(looksLikeVp8(frame('d0 5a 00 9d 01 2a 00 00 68 01', 1000))).toBe(false);
  });

  it('refuses nearly all random bytes, and never throws', () => {
    const taken = fc
      .sample(fc.uint8Array({ minLength: 1000, maxLength: 1000, size: 'max' }), { numRuns: 2000, seed: 1 })
      .filter(looksLikeVp8);
    expect(taken.length).toBeLessThan(40);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => typeof looksLikeVp8(bytes) === 'boolean'));
  });
});
