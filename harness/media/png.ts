/** Pictures for people: PNG files (RFC 2083), and the colours of decoded video. */
import { crc32, deflateSync } from 'node:zlib';
import type { Picture } from './decoder.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * Encodes 8-bit pixels, row by row: one byte a pixel (grey) or three (red, green, blue).
 * @throws RangeError if the pixels are not `width * height` or three times as many.
 */
export function png(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const channels = pixels.length / (width * height);
  if (channels !== 1 && channels !== 3)
    throw new RangeError(`${pixels.length} bytes are no ${width}x${height} picture`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = channels === 3 ? 2 : 0;
  const stride = width * channels;
  // Each row is led by its filter: 0, none (RFC 2083, 6.1).
  const rows = Buffer.alloc(height * (stride + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** RFC 2083, 3.2. */
function chunk(type: string, data: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4);
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/** A picture's red, green and blue, 8 bits each, row by row. Coefficients of ITU-R BT.601, limited range. */
export function i420ToRgb({ width, height, i420 }: Picture): Uint8Array {
  const chromaWidth = Math.ceil(width / 2);
  const blue = width * height;
  const red = blue + chromaWidth * Math.ceil(height / 2);
  const rgb = new Uint8ClampedArray(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const chroma = (y >> 1) * chromaWidth + (x >> 1);
      const luma = 1.164383 * (i420[y * width + x]! - 16);
      const u = i420[blue + chroma]! - 128;
      const v = i420[red + chroma]! - 128;
      rgb[at] = luma + 1.596027 * v;
      rgb[at + 1] = luma - 0.391762 * u - 0.812968 * v;
      rgb[at + 2] = luma + 2.017232 * u;
    }
  }
  return new Uint8Array(rgb.buffer);
}
