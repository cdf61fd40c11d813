import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUDGET_BITS, guessable, isCommonplace, mayBeTyped } from './guess.ts';

const ORIGIN = Date.parse('2026-01-02T03:04:05Z');
const guess = (value: string | Uint8Array) => guessable(typeof value === 'string' ? Buffer.from(value) : value, ORIGIN);

describe('what can be guessed', () => {
  it.each([
    ['a PIN', '482913', { space: '6 digits', size: 1e6 }],
    ['a short word', 'zebra', { space: '5 letters', size: 26 ** 5 }],
    ['a common password', 'letmein', { space: 'the commonest passwords', size: 45 }],
    ['the time in ms', String(ORIGIN + 5000), { space: 'the times around the call', size: 172_800_000 }],
    ['the time in s', String(ORIGIN / 1000 - 60), { space: 'the times around the call', size: 172_800 }],
    ['a key of zeros', new Uint8Array(32), { space: 'one byte, repeated', size: 256 }],
    ['four random bytes', Uint8Array.of(0xd1, 0x02, 0x93, 0x84), { space: '32 bits', size: 2 ** 32 }],
  ])('%s', (_, value, expected) => {
    expect(guess(value)).toEqual(expected);
  });

  it('a counter that fills up a key', () => {
    expect(guess(Buffer.concat([Buffer.alloc(12), Buffer.from([0, 0, 3, 9])]))?.space).toBe('numbers of 32 bits');
    expect(guess(Buffer.concat([Buffer.from([7, 1, 0, 0]), Buffer.alloc(28)]))?.space).toBe('numbers of 32 bits');
  });
});

describe('what can not', () => {
  it('random keys, whatever their length from 8 bytes on', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 12, 16, 24, 32, 64), (length) => {
        expect(guess(new Uint8Array(randomBytes(length)))).toBeUndefined();
      }),
    );
  });

  it('random keys as text', () => {
    for (const encoding of ['hex', 'base64', 'base64url'] as const)
      expect(guess(randomBytes(16).toString(encoding))).toBeUndefined();
  });

  it('words beyond the budget', () => {
    expect(guess('abcdefghijkl')).toBeUndefined();
    expect(26 ** 11).toBeGreaterThan(2 ** BUDGET_BITS);
    expect(guess('abcdefghij')?.size).toBe(26 ** 10);
  });
});

it('never throws, and never names more than the budget', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      expect(Math.log2(guess(bytes)?.size ?? 1)).toBeLessThanOrEqual(BUDGET_BITS);
    }),
  );
});

it('tells text that a person may have typed from what only code makes', () => {
  const typed = (value: string | Uint8Array) =>
    mayBeTyped(typeof value === 'string' ? Buffer.from(value) : value, ORIGIN);
  for (const value of ['test123', '482913', 'Übergrößen', 'two words']) expect(typed(value)).toBe(true);
  for (const value of [new Uint8Array(32), Uint8Array.of(0xd1, 2), '', String(ORIGIN)])
    expect(typed(value)).toBe(false);
});

it('tells what several people come up with from what nobody does twice', () => {
  for (const value of ['Team Sync', 'test123', 'summer2024', '1234'])
    expect(isCommonplace(Buffer.from(value))).toBe(true);
  for (const value of ['9f31c07ab2', 'k3Jd9xQz']) expect(isCommonplace(Buffer.from(value))).toBe(false);
});
