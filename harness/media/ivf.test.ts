import { describe, expect, it } from 'vitest';
import { ivf } from './ivf.ts';

describe('ivf', () => {
  it('lays out a header, then each frame with its length and time', () => {
    const file = Buffer.from(ivf([Uint8Array.of(1, 2, 3), Uint8Array.of(4)], 640, 360)).toString('hex');
    const header = '444b4946 0000 2000 56503830 8002 6801 1e000000 01000000 02000000 00000000';
    const frames = '03000000 0000000000000000 010203 01000000 0100000000000000 04';
    expect(file).toBe((header + frames).replaceAll(' ', ''));
  });
});
