import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './zlib.ts';

const found = (bytes: Uint8Array, budget = new Budget()) =>
  [...encoding.runs(bytes, budget)].flatMap(
    ({ start, end }) => encoding.decode!(bytes.subarray(start, end), budget) ?? [],
  );

describe('zlib', () => {
  it('is read as zlib writes it, where a message may begin', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.constantFrom(0, 1, 4),
        fc.constantFrom(0, 1, 9),
        (own, before, level) => {
          expect(
            found(Buffer.concat([Buffer.alloc(before, 7), deflateSync(own, { level: level as 0 })])),
          ).toContainEqual(Buffer.from(own));
        },
      ),
    );
  });

  it('is not what lacks its end, as two bytes are there by chance', () => {
    expect(found(deflateSync(Buffer.from('swordfish')).subarray(0, -1))).toEqual([]);
    expect(found(Buffer.from('78010000000000000000', 'hex'))).toEqual([]);
  });

  it('that gives more than the budget has is left, and the budget marked', () => {
    const budget = new Budget(1 << 20);
    expect(found(deflateSync(Buffer.alloc(4 << 20)), budget)).toEqual([]);
    expect(budget.exhausted).toBe(true);
  });
});
