import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { texts } from '../values.ts';

const held = (message: string) =>
  [...texts(Buffer.from(message))].map(({ bytes, label }) => [label, Buffer.from(bytes).toString()]);

describe('a form', () => {
  it('gives its values with their names', () => {
    expect(held('room=blue+whale&pin=4711&note=50%25+%C3%BC')).toEqual(
      expect.arrayContaining([
        ['room', 'blue whale'],
        ['pin', '4711'],
        ['note', '50% ü'],
      ]),
    );
  });

  it('gives what URLSearchParams writes', () => {
    const word = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\p{C}\ufffd]/u.test(text));
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), word, (name, value) => {
        const texts = held(`${new URLSearchParams({ [name]: value })}&more=1`).map(([, text]) => text);
        expect(texts).toContain(value);
      }),
    );
  });

  it.each([
    ['a query', 'GET https://h.example/join?pwd=swordfish HTTP/1.1'],
    ['a fragment', '{"link":"https://h.example/#pwd=swordfish"}'],
    ['a string in JSON', '{"body":"a=1&pwd=swordfish"}'],
    ['a cookie (RFC 6265, 3.1)', 'cookie: SID=31d4d96e407aad42; pwd=swordfish\r\n'],
  ])('is found in %s', (_, message) => {
    expect(held(message).map(([label, text]) => [label?.split('.').at(-1), text])).toContainEqual(['pwd', 'swordfish']);
  });

  it('keeps a plus that may be one of base64, beside the blank', () => {
    expect(held('k=a+b').map(([, text]) => text)).toEqual(expect.arrayContaining(['a+b', 'a b']));
  });

  it('is not every equals sign of code', () => {
    expect(held('var e=t.n(r);if(e==f)g=1').map(([, text]) => text)).not.toContain('1');
  });
});
