import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './percent.ts';

const decoded = (text: string) => {
  const bytes = encoding.decode!(Buffer.from(text), new Budget());
  return bytes && Buffer.from(bytes);
};
const found = (text: string) =>
  [...encoding.runs(Buffer.from(text), new Budget())].map(({ start, end }) => text.slice(start, end));

describe('percent-encoding', () => {
  it('is read as in RFC 3986, 2.5, and an escaped percent sign as 2.4 has it', () => {
    expect(decoded('%E3%82%A2')).toEqual(Buffer.from('ア'));
    expect(decoded('%c3%80')).toEqual(Buffer.from('À'));
    expect(decoded('a%2541')).toEqual(Buffer.from('a%41'));
  });

  it('is read as encodeURIComponent writes it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const escaped = encodeURIComponent(text);
        fc.pre(escaped.includes('%'));
        expect(decoded(escaped)).toEqual(Buffer.from(text));
      }),
    );
  });

  it.each(['abc', '%4', '%zz', '%41%'])('is not %j', (text) => {
    expect(decoded(text)).toBeUndefined();
  });

  it('is found up to a percent sign that stands for itself', () => {
    expect(found('%41bcdefghijklmnop%-%41bcdefghijklmnop% %')).toEqual(['%41bcdefghijklmnop', '-%41bcdefghijklmnop']);
    expect(found('abcdefghijklmnopqrstuvwxyz')).toEqual([]);
  });
});
