import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './numbers.ts';

const decoded = (text: string) => encoding.decode!(Buffer.from(text), new Budget());
const found = (text: string) =>
  [...encoding.runs(Buffer.from(text), new Budget())].map(({ start, end }) => text.slice(start, end));
const keys = fc.uint8Array({ minLength: 16, maxLength: 64 });

describe('bytes as decimal numbers', () => {
  it.each<[string, (bytes: Uint8Array) => string]>([
    ['a list', (bytes) => JSON.stringify([...bytes])],
    ['a list over several lines', (bytes) => JSON.stringify([...bytes], null, 2)],
    ['a list without brackets', (bytes) => String(bytes)],
    ['a list of signed bytes', (bytes) => `[${new Int8Array(bytes).join(', ')}]`],
    ['what a Uint8Array becomes in JSON', (bytes) => JSON.stringify(bytes)],
    ['the same over several lines', (bytes) => JSON.stringify(bytes, null, 1)],
  ])('are %s', (_, encode) => {
    fc.assert(
      fc.property(keys, fc.constantFrom(['', ''], ['{"key":', ',"x":1}'], ['x(', ');']), (own, [before, after]) => {
        const runs = found(`${before}${encode(own)}${after}`);
        expect(runs).toHaveLength(1);
        expect(Buffer.from(decoded(runs[0]!)!)).toEqual(Buffer.from(own));
      }),
    );
  });

  it('end where a number is no byte', () => {
    const list = [...Array(20).keys()].join(',');
    expect(found(`[1000,${list},256,${list},1.5]`)).toEqual([list, `${list},1`].map((text) => text.replace(/,1$/, '')));
  });

  it.each([
    '[1,256]',
    '[1,2',
    '[1,2] ',
    '[1,,2]',
    '[1 2]',
    '1,2,',
    '[]',
    '{"0":1,"2":2}',
    '{"1":1}',
    '{"0":1',
    '-129',
    '-1,200',
    '',
  ])('are not %j', (text) => {
    expect(decoded(text)).toBeUndefined();
  });

  it('are read with and without brackets', () => {
    for (const text of ['[1, 2]', '1,2', '{"0":1,"1":2}', '{ "0" : 1 , "1" : 2 }'])
      expect(decoded(text)).toEqual(Uint8Array.of(1, 2));
    expect(decoded('-1,-128,127')).toEqual(Uint8Array.of(255, 128, 127));
  });
});
