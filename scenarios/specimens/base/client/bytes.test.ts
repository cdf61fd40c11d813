import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatenate, fromBase64, fromHex, toBase64, toHex } from './bytes.ts';

test('bytes survive base64 and hex, as others write them', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const buffer = Buffer.from(bytes);
      expect(toBase64(bytes)).toBe(buffer.toString('base64'));
      expect(toHex(bytes)).toBe(buffer.toString('hex'));
      expect(fromBase64(buffer.toString('base64'))).toEqual(bytes);
      expect(fromBase64(buffer.toString('base64url'))).toEqual(bytes);
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
});

test('what is no base64 is refused', () => {
  expect(() => fromBase64('*')).toThrow();
});

test('parts are put together in their order', () => {
  expect(concatenate(Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3))).toEqual(Uint8Array.of(1, 2, 3));
});
