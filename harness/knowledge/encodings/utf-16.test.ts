import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './utf-16.ts';

const found = (bytes: Buffer) =>
  [...encoding.runs(bytes, new Budget())].map(({ start, end }) =>
    Buffer.from(encoding.decode!(bytes.subarray(start, end), new Budget())!).toString(),
  );
const little = (text: string) => Buffer.from(text, 'utf16le');
const big = (text: string) => little(text).swap16();

describe('UTF-16', () => {
  it('is read with a mark of its order as in RFC 2781, 5', () => {
    // The RFC's example is "*=Ra" with the character U+12345 for the asterisk.
    for (const hex of ['feffd808df45003d00520061', 'fffe08d845df3d0052006100'])
      expect(found(Buffer.from(hex, 'hex'))).toContain('\u{12345}=Ra');
  });

  it('is found without a mark in either order, at any place', () => {
    const text = fc.stringMatching(/^[ -~]{4,40}$/);
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(little, big),
        fc.uint8Array({ maxLength: 5, min: 128 }),
        (own, write, before) => {
          expect(found(Buffer.concat([before, write(own), Buffer.from([0xff, 0xff, 0xff])]))).toContain(own);
        },
      ),
    );
  });

  it('is not found in other zeros', () => {
    expect(found(Buffer.alloc(100))).toEqual([]);
    expect(found(Buffer.from('616263006100', 'hex'))).toEqual([]);
  });
});
