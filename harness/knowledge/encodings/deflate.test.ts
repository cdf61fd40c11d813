import { constants, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encoding } from './deflate.ts';
import { Budget } from './encoding.ts';

const decoded = (bytes: Uint8Array, budget = new Budget()) => encoding.decode!(bytes, budget);

describe('raw DEFLATE', () => {
  it.each([
    ['in one block', 'f248cdc9c90700'],
    ['without compression', '000500faff48656c6c6f00'],
    ['in a block that is the last', 'f348cdc9c9070000'],
    ['in two blocks', 'f248050000 00ffff cac9c90700'],
  ])('is read as in the examples of RFC 7692, 7.2.3, %s', (_, hex) => {
    expect(decoded(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toEqual(Buffer.from('Hello'));
  });

  it('is read as a WebSocket carries it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (own) => {
        const flushed = deflateRawSync(own, { finishFlush: constants.Z_SYNC_FLUSH });
        expect(decoded(flushed.subarray(0, -4))).toEqual(Buffer.from(own));
      }),
    );
  });

  it('that gives more than the budget has is left, and the budget marked', () => {
    const budget = new Budget(1 << 20);
    expect(decoded(deflateRawSync(Buffer.alloc(4 << 20)), budget)).toBeUndefined();
    expect(budget.exhausted).toBe(true);
  });

  it('is looked for nowhere, as nothing gives it away', () => {
    expect([...encoding.runs(deflateRawSync(Buffer.from('swordfish')), new Budget())]).toEqual([]);
  });
});
