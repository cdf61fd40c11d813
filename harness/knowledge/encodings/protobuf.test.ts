import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { texts } from '../values.ts';
import { Budget } from './encoding.ts';
import { encoding } from './protobuf.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const partsOf = (message: Uint8Array, budget = new Budget()) =>
  [...encoding.runs(message, budget)].map(({ label, start, end }) => [
    label,
    Buffer.from(message.subarray(start, end)),
  ]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    bytes.push(left < 128 ? left : (left % 128) | 0x80);
    if (left < 128) return Buffer.from(bytes);
  }
}
const field = (number: number, content: Uint8Array) =>
  Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);

describe('protobuf', () => {
  // protobuf.dev/programming-guides/encoding: the examples of each section.
  it.each<[string, string, [string, string][]]>([
    ['"A Simple Message": {1: 150} has nothing with a length', '089601', []],
    ['"Length-Delimited Records": {2: {"testing"}}', '120774657374696e67', [['2', '74657374696e67']]],
    ['"Submessages": {3: {1: 150}}', '1a03089601', [['3', '089601']]],
    ['"Repeated Elements": {4: {"hello"} 6: 1 6: 2 6: 3}', '220568656c6c6f 300130023003', [['4', '68656c6c6f']]],
    ['"Packed Repeated Fields": {6: {3 270 86942}}', '3206038e029ea705', [['6', '038e029ea705']]],
  ])('is read as in %s', (_, message, parts) => {
    expect(partsOf(hex(message))).toEqual(parts.map(([label, bytes]) => [label, hex(bytes)]));
  });

  it('gives fields of messages in messages, with the numbers as path', () => {
    const number = fc.integer({ min: 1, max: 2 ** 29 - 1 });
    const small = fc.integer({ min: 1, max: 15 });
    const content = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(small, number, number, content, fc.constantFrom('', '07', '00000020'), (a, b, c, own, before) => {
        const others = hex('08 96 01 15 01020304 19 0102030405060708 23 08 01 24');
        const message = field(a, Buffer.concat([others, field(b, Buffer.concat([field(c, own), others])), others]));
        expect(partsOf(message)).toContainEqual([`${a}.${b}.${c}`, Buffer.from(own)]);
        // What stands before it may be read as a field of its own, so that the path is another.
        const behind = partsOf(Buffer.concat([hex(before), message])).map(([, bytes]) => bytes);
        expect(behind).toContainEqual(Buffer.from(own));
      }),
    );
  });

  it.each([
    ['is cut off', '1207746573'],
    ['lies about a length', '12ffffffffff0f74657374'],
    ['goes on', '120774657374696e67 ff'],
    ['has a field of the number 0', '0201ff 020161'],
    ['has a wire type that there is none of', '120161 17'],
    ['has a number that does not end', '120161 08ffffffffffffffffffff01'],
    ['ends a group that did not begin', '120161 0c'],
  ])('that %s is none', (_, message) => {
    expect(partsOf(hex(`0000000000000000${message}`)).filter(([label]) => label === '2')).toEqual([]);
    expect(partsOf(hex(message))).toEqual([]);
  });

  it('nested deeper than the official libraries read it is followed all the same', () => {
    let message = Buffer.from('swordfish');
    for (let depth = 0; depth < 150; depth++) message = field(1, message);
    expect([...texts(message)].map(({ bytes }) => String(bytes))).toContain('swordfish');
  });
});
