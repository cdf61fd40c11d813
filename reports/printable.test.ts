import { describe, expect, test } from 'vitest';
import { withholder } from './printable.ts';

const KEY = Buffer.from('f0e1d2c3b4a5968778695a4b3c2d1e0f', 'hex');

describe('what takes secrets out of texts', () => {
  const hide = withholder([KEY, Buffer.from('482913'), Buffer.from('pass phrase'), Buffer.from('alice')], ['alice']);

  test.each([
    ['in hex', KEY.toString('hex')],
    ['in upper case', KEY.toString('hex').toUpperCase()],
    ['in base64', KEY.toString('base64').replace(/=+$/, '')],
    ['in base64 for addresses', KEY.toString('base64url')],
    ['as it is', 'pass phrase'],
    ['percent-encoded', 'pass%20phrase'],
    ['that is short, as a word', '482913'],
  ])('finds one %s', (_, form) => {
    expect(hide(`https://meet.example/${form}/x`)).toBe('https://meet.example/[key withheld]/x');
  });

  test('finds one inside of something larger in base64', () => {
    for (const before of [1, 2]) {
      const whole = Buffer.concat([Buffer.alloc(before, 1), KEY, Buffer.alloc(5, 2)]).toString('base64');
      expect(hide(whole)).toMatch(/^.{2,4}\[key withheld\].{5,12}$/);
    }
  });

  test('finds what is left of one where a text was cut', () => {
    expect(hide(`channel ${KEY.toString('hex').slice(0, 20)}`)).toBe('channel [key withheld]');
  });

  test('leaves what only looks like one, and what everybody knows', () => {
    for (const text of ['room 14829137', KEY.toString('hex').slice(0, 12), 'alice', '']) expect(hide(text)).toBe(text);
  });
});
