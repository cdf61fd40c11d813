import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerLengths, type Message } from './message-header.ts';

/** Messages of so many frames: a header of kind and counter, what the cipher puts first, the ciphertext, and what it puts last. */
function messages(count: number, header: number, first: (index: number) => Uint8Array, last = 0): Message[] {
  return Array.from({ length: count }, (_, index) => {
    const clear = Buffer.alloc(header);
    if (header > 2) clear.writeUInt16BE(index, header - 2);
    const media = 80 + (index % 7);
    return { data: Buffer.concat([clear, first(index), randomBytes(media + last)]), media };
  });
}

describe('the length of the header before a sealed frame', () => {
  it.each([0, 5, 9, 16])('is among the guesses where a random nonce follows it: %i bytes', (header) => {
    expect(headerLengths(messages(200, header, () => randomBytes(12), 16))).toContain(header);
  });

  it.each([0, 9])('is among them where a nonce that counts follows it: %i bytes', (header) => {
    const nonce = (index: number) => {
      const counter = Buffer.alloc(12);
      counter.writeUInt32BE(index, 8);
      return counter;
    };
    expect(headerLengths(messages(200, header, nonce, 16))).toContain(header);
  });

  it.each([0, 9])('is among them where nothing is added but the header: %i bytes', (header) => {
    expect(headerLengths(messages(200, header, () => new Uint8Array()))).toContain(header);
  });

  it('of nothing is none', () => {
    expect(headerLengths([])).toEqual([0]);
  });

  it('is guessed at few times, whatever the messages', () => {
    const message = fc.record({ data: fc.uint8Array({ maxLength: 100 }), media: fc.nat(200) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 50 }), (all) => {
        const guesses = headerLengths(all);
        expect(guesses.length).toBeLessThanOrEqual(7);
        expect(new Set(guesses).size).toBe(guesses.length);
        expect(guesses).toContain(0);
      }),
    );
  });
});
