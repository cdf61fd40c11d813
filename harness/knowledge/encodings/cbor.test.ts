import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encoding } from './cbor.ts';
import { Budget } from './encoding.ts';

const partsOf = (message: Uint8Array, budget = new Budget()) =>
  [...encoding.runs(message, budget)].map(({ as, label, text, start, end }) => {
    const run = message.subarray(start, end);
    const bytes = Buffer.from(as === 'raw' ? run : encoding.decode!(run, budget)!);
    return { label, as, bytes: text ? bytes.toString() : bytes };
  });
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const labelled = (text: string) => partsOf(hex(text)).map(({ label, bytes }) => [label, bytes]);

type Tree = number | string | boolean | Uint8Array | Tree[] | { [name: string]: Tree };

/** After RFC 8949, 3; with indefinite lengths where `open`. */
function encode(value: Tree, open: boolean): Buffer {
  const head = (major: number, size: number) => {
    if (size < 24) return Buffer.of((major << 5) | size);
    const bytes = Buffer.alloc(5, (major << 5) | 26);
    bytes.writeUInt32BE(size, 1);
    return bytes;
  };
  if (typeof value === 'boolean') return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  const items = Array.isArray(value) ? value : Object.entries(value).flat();
  const [major, size] = Array.isArray(value) ? [4, value.length] : [5, items.length / 2];
  const all = items.map((item) => encode(item, open));
  return Buffer.concat(open ? [Buffer.of((major << 5) | 31), ...all, Buffer.of(0xff)] : [head(major, size), ...all]);
}

/** What has bytes or characters, by its path. */
function* leavesOf(value: Tree, path: string[] = []): Generator<[string | undefined, string | Buffer]> {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    if (value.length > 0) yield [path.join('.') || undefined, typeof value === 'string' ? value : Buffer.from(value)];
  } else if (typeof value === 'object')
    for (const [name, member] of Object.entries(value)) yield* leavesOf(member, [...path, name]);
}

describe('CBOR', () => {
  // RFC 8949, appendix A: those that hold strings.
  it.each<[string, string, [string, string][]]>([
    [
      '["a", {"b": "c"}]',
      '826161a161626163',
      [
        ['0', 'a'],
        ['1.b', 'c'],
      ],
    ],
    [
      '{"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}',
      'a56161614161626142616361436164614461656145',
      [
        ['a', 'A'],
        ['b', 'B'],
        ['c', 'C'],
        ['d', 'D'],
        ['e', 'E'],
      ],
    ],
    [
      '["a", {_ "b": "c"}]',
      '826161bf61626163ff',
      [
        ['0', 'a'],
        ['1.b', 'c'],
      ],
    ],
    ['{_ "Fun": true, "Amt": -2}', 'bf6346756ef563416d7421ff', []],
    ['{_ "a": 1, "b": [_ 2, 3]}', 'bf61610161629f0203ffff', []],
    ['[_ 1, [2, 3], [_ 4, 5]]', '9f018202039f0405ffff', []],
    [
      '0("2013-03-21T20:04:00Z")',
      'c074323031332d30332d32315432303a30343a30305a',
      [[undefined as unknown as string, '2013-03-21T20:04:00Z']],
    ],
    [
      '32("http://www.example.com")',
      'd82076687474703a2f2f7777772e6578616d706c652e636f6d',
      [[undefined as unknown as string, 'http://www.example.com']],
    ],
  ])('is read as in RFC 8949, A: %s', (_, message, parts) => {
    expect(labelled(message)).toEqual(parts);
  });

  // The same: values of fixed size, each in an array with a string.
  it.each(
    '00 01 0a 17 1818 1819 1864 1903e8 1a000f4240 1b000000e8d4a51000 1bffffffffffffffff c249010000000000000000 20 29 3863 3903e7 f90000 f93c00 fb3ff199999999999a f97e00 fa47c35000 fb7e37e43c8800759c f4 f5 f6 f7 f0 f8ff c11a514b67b0 d74401020304 40 60 80 a0'.split(
      ' ',
    ),
  )('passes over %s', (value) => {
    expect(labelled(`82 ${value} 6161`).at(-1)).toEqual(['1', 'a']);
  });

  it('has strings in chunks, (_ h\'0102\', h\'030405\') and (_ "strea", "ming") of RFC 8949, A', () => {
    expect(labelled('81 5f42010243030405ff')).toEqual([['0', hex('0102030405')]]);
    expect(labelled('81 7f657374726561646d696e67ff')).toEqual([['0', 'streaming']]);
    expect(labelled('81 5f6161ff')).toEqual([]);
  });

  it('has numbers for names, as COSE has (RFC 9052)', () => {
    expect(labelled(`a3 01 04 20 42 ${'abcd'} 03 a1 6161 6162`)).toEqual([
      ['-1', hex('abcd')],
      ['3.a', 'b'],
    ]);
  });

  it('gives what an encoder wrote, with the paths, behind a type and a length', () => {
    const names = fc.stringMatching(/^[a-z]{1,6}$/);
    const { tree } = fc.letrec<{ tree: Tree; array: Tree; object: Tree }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.stringMatching(/^[ -~]{0,100}$/),
        fc.uint8Array(),
        fc.integer({ min: -5, max: 70_000 }),
        fc.boolean(),
        tie('array'),
        tie('object'),
      ),
      array: fc.array(tie('tree'), { maxLength: 4 }),
      object: fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(
        fc.record({ a: tree, b: tree }),
        fc.boolean(),
        fc.constantFrom('', '07', '00000020', '0700000020'),
        (value, open, before) => {
          const parts = partsOf(Buffer.concat([hex(before), encode(value, open)]));
          // Read from another place, it may make sense by chance, too.
          expect(parts.map(({ label, bytes }) => [label, bytes])).toEqual(expect.arrayContaining([...leavesOf(value)]));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has bytes as lists of numbers, also with a sign', () => {
    const own = randomBytes(32);
    for (const open of [false, true]) {
      expect(partsOf(encode({ key: [...own] }, open))).toContainEqual({ label: 'key', as: 'cbor', bytes: own });
      expect(partsOf(encode({ key: [...new Int8Array(own)] }, open))).toContainEqual({
        label: 'key',
        as: 'cbor',
        bytes: own,
      });
    }
  });

  it('that is cut off, goes on, or lies about a length is none', () => {
    const message = encode({ key: 'swordfish' }, false);
    expect(partsOf(message)).toHaveLength(1);
    const others = [
      hex('a1 616b 5bffffffffffffffff 00'),
      hex('9bffffffffffffffff 00'),
      hex('bf 6161 ff'),
      hex('81 1c'),
      hex('81 ff'),
    ];
    for (const other of [message.subarray(0, -1), Buffer.concat([message, hex('01')]), ...others])
      expect(partsOf(other)).toEqual([]);
  });

  it('nested beyond all measure is left, and the budget marked', () => {
    for (const byte of [0x81, 0x9f, 0xc1]) {
      const budget = new Budget();
      expect(partsOf(Buffer.alloc(1 << 20, byte), budget)).toEqual([]);
      expect(budget.exhausted).toBe(true);
    }
  });
});
