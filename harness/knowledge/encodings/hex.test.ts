import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './hex.ts';

const decoded = (text: string) => encoding.decode!(Buffer.from(text), new Budget());
const found = (text: string) =>
  [...encoding.runs(Buffer.from(text), new Budget())].map(({ start, end }) => text.slice(start, end));
const own = randomBytes(16);
const pairs = (separator: string) => own.toString('hex').replaceAll(/..(?=.)/g, `$&${separator}`);

describe('hex', () => {
  it('is read as in RFC 4648, 10, in either case', () => {
    expect(decoded('666F6F626172')).toEqual(Buffer.from('foobar'));
    expect(decoded('666f6F626172')).toEqual(Buffer.from('foobar'));
  });

  it.each([':', ' '])('is read in pairs with %j between', (separator) => {
    expect(found(`a=fingerprint:x ${pairs(separator)}\r\n`)).toEqual([pairs(separator)]);
    expect(decoded(pairs(separator))).toEqual(own);
    expect(decoded(pairs(separator).toUpperCase())).toEqual(own);
  });

  it('is tried from the second digit and up to the last but one where their number is odd', () => {
    const text = own.toString('hex');
    expect(found(`"${text}a"`)).toEqual([`${text.slice(1)}a`, text]);
  });

  it.each(['abc', 'zz', 'ab:c', 'ab:cd:', 'ab:cd ef', 'ab,cd'])('is not %j', (text) => {
    expect(decoded(text)).toBeUndefined();
  });

  it('is not looked for in less than the smallest secret', () => {
    expect(found('ab'.repeat(15))).toEqual([]);
    expect(found('ab:'.repeat(15))).toEqual([]);
  });
});
