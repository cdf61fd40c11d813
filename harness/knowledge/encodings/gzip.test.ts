import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './gzip.ts';

const found = (bytes: Uint8Array, budget = new Budget()) =>
  [...encoding.runs(bytes, budget)].flatMap(
    ({ start, end }) => encoding.decode!(bytes.subarray(start, end), budget) ?? [],
  );

describe('gzip', () => {
  it('is read as zlib writes it, at any place', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.uint8Array({ maxLength: 20 }),
        fc.constantFrom(0, 1, 9),
        (own, before, level) => {
          expect(found(Buffer.concat([before, gzipSync(own, { level: level as 0 })]))).toContainEqual(Buffer.from(own));
        },
      ),
    );
  });

  it('is read as far as there is any', () => {
    const text = Buffer.from(Array.from({ length: 5000 }, (_, index) => `line ${index}\n`).join(''));
    const [part] = found(gzipSync(text).subarray(0, 2000));
    expect(part!.length).toBeGreaterThan(1000);
    expect(text.subarray(0, part!.length)).toEqual(part);
  });

  it('is not three bytes alone', () => {
    expect(found(Buffer.from('1f8b08e0000000000003', 'hex'))).toEqual([]);
    expect(found(Buffer.from('1f8b0800000000000003ffff', 'hex'))).toEqual([]);
  });

  it('that gives more than the budget has is left, and the budget marked', () => {
    const budget = new Budget(1 << 20);
    expect(found(gzipSync(Buffer.alloc(4 << 20)), budget)).toEqual([]);
    expect(budget.exhausted).toBe(true);
    expect(budget.bytes).toBeLessThanOrEqual(0);
  });
});
