import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesAsPicture } from './noise.ts';
import { i420ToRgb, png } from './png.ts';

describe('png', () => {
  it('writes the chunks that RFC 2083 asks for, with the pixels row by row', () => {
    const file = Buffer.from(png(Uint8Array.of(1, 2, 3, 4, 5, 6), 1, 2));
    expect(file.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
    // Width 1, height 2, 8 bits, colour type 2, no interlace.
    expect(file.subarray(12, 29).toString('hex')).toBe('4948445200000001000000020802000000');
    const length = file.readUInt32BE(33);
    expect(file.toString('latin1', 37, 41)).toBe('IDAT');
    expect([...inflateSync(file.subarray(41, 41 + length))]).toEqual([0, 1, 2, 3, 0, 4, 5, 6]);
    // The end chunk of every PNG file.
    expect(file.subarray(-12).toString('hex')).toBe('0000000049454e44ae426082');
  });

  it('writes grey pixels as grey', () => {
    expect(png(Uint8Array.of(7, 8), 2, 1)[25]).toBe(0);
  });

  it('refuses pixels that do not fill the picture', () => {
    expect(() => png(new Uint8Array(5), 2, 1)).toThrow(RangeError);
  });
});

describe('i420ToRgb', () => {
  it.each([
    // 100 % bars of BT.601: Y, U, V and the colour that they stand for.
    ['white', [235, 128, 128], [255, 255, 255]],
    ['black', [16, 128, 128], [0, 0, 0]],
    ['red', [81, 90, 240], [255, 0, 0]],
    ['green', [145, 54, 34], [0, 255, 0]],
    ['blue', [41, 240, 110], [0, 0, 255]],
  ])('turns %s into its colour', (_, [y, u, v], colour) => {
    const rgb = i420ToRgb({ width: 1, height: 1, i420: Uint8Array.of(y!, u!, v!) });
    for (const [channel, value] of [...rgb].entries()) expect(Math.abs(value - colour[channel]!)).toBeLessThan(3);
  });

  it('takes the chroma of odd sizes from the rounded-up planes', () => {
    const i420 = Uint8Array.from([...new Array(9).fill(81), 90, 128, 90, 128, 240, 128, 240, 128]);
    const rgb = i420ToRgb({ width: 3, height: 3, i420 });
    expect(rgb[0]).toBeGreaterThan(250);
    expect(rgb[6]).toBe(rgb[7]);
  });
});

describe('bytesAsPicture', () => {
  it('repeats or cuts the bytes to fill the picture', () => {
    expect([...bytesAsPicture(Uint8Array.of(1, 2, 3), 2, 2)]).toEqual([1, 2, 3, 1]);
    expect([...bytesAsPicture(Uint8Array.of(1, 2, 3), 1, 2)]).toEqual([1, 2]);
    expect([...bytesAsPicture(new Uint8Array(), 1, 2)]).toEqual([0, 0]);
  });
});
