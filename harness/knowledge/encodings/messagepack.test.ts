import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './messagepack.ts';

const partsOf = (message: Uint8Array, budget = new Budget()) =>
  [...encoding.runs(message, budget)].map(({ as, label, text, start, end }) => {
    const run = message.subarray(start, end);
    const bytes = Buffer.from(as === 'raw' ? run : encoding.decode!(run, budget)!);
    return { label, as, bytes: text ? bytes.toString() : bytes };
  });
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

type Tree = number | string | boolean | null | Uint8Array | Tree[] | { [name: string]: Tree };

/** After the specification, with the longest heads where `wide`. */
function encode(value: Tree, wide: boolean): Buffer {
  const head = (first: number, size: number, width: number) => {
    const bytes = Buffer.alloc(1 + width, first);
    bytes.writeUIntBE(size, 1, width);
    return bytes;
  };
  if (value === null) return Buffer.of(0xc0);
  if (typeof value === 'boolean') return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === 'number')
    return value < 128 && !wide ? Buffer.of(value) : head(wide ? 0xcd : 0xcc, value, wide ? 2 : 1);
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([
      bytes.length < 32 && !wide ? Buffer.of(0xa0 | bytes.length) : head(0xdb, bytes.length, 4),
      bytes,
    ]);
  }
  if (value instanceof Uint8Array)
    return Buffer.concat([wide ? head(0xc6, value.length, 4) : head(0xc4, value.length, 1), value]);
  const items = Array.isArray(value) ? value : Object.entries(value).flat();
  const size = Array.isArray(value) ? value.length : items.length / 2;
  const [fixed, long] = Array.isArray(value) ? [0x90, 0xdc] : [0x80, 0xde];
  return Buffer.concat([
    size < 16 && !wide ? Buffer.of(fixed | size) : head(long, size, 2),
    ...items.map((item) => encode(item, wide)),
  ]);
}

/** What has bytes or characters, by its path. */
function* leavesOf(value: Tree, path: string[] = []): Generator<[string | undefined, string | Buffer]> {
  if (typeof value === 'string' || value instanceof Uint8Array) {
    if (value.length > 0) yield [path.join('.') || undefined, typeof value === 'string' ? value : Buffer.from(value)];
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) yield* leavesOf(member, [...path, name]);
}

describe('MessagePack', () => {
  it('is read as the example on msgpack.org', () => {
    const message = hex('82 a7 636f6d70616374 c3 a6 736368656d61 00');
    expect(partsOf(message)).toEqual([]);
    expect(partsOf(Buffer.concat([hex('83'), message.subarray(1), hex('a1 6b a2 6869')]))).toEqual([
      { label: 'k', as: 'raw', bytes: 'hi' },
    ]);
  });

  it.each([
    ['fixstr', 'a2 6869'],
    ['str 8', 'd9 02 6869'],
    ['str 16', 'da 0002 6869'],
    ['str 32', 'db 00000002 6869'],
    ['bin 8', 'c4 02 6869'],
    ['bin 16', 'c5 0002 6869'],
    ['bin 32', 'c6 00000002 6869'],
    ['fixext 2', 'd5 01 6869'],
    ['ext 8', 'c7 02 01 6869'],
    ['ext 16', 'c8 0002 01 6869'],
    ['ext 32', 'c9 00000002 01 6869'],
  ])('has %s', (_, value) => {
    // Between all that has a fixed size: nil, booleans, floats and integers.
    const others =
      'c0 c2 c3 ca00000000 cb0000000000000000 7f e0 ccff cdffff ceffffffff cfffffffffffffffff d080 d18000 d280000000 d38000000000000000';
    const count = (others.split(' ').length * 2 + 1).toString(16).padStart(4, '0');
    const [part] = partsOf(hex(`dc ${count} ${others} ${value} ${others}`));
    expect(String(part!.bytes)).toBe('hi');
    expect(part!.label).toBe(String(others.split(' ').length));
  });

  it('gives what an encoder wrote, with the paths, behind a type and a length', () => {
    const names = fc.stringMatching(/^[a-z]{1,6}$/);
    const { tree } = fc.letrec<{ tree: Tree; array: Tree; object: Tree }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.stringMatching(/^[ -~]{0,100}$/),
        fc.uint8Array(),
        fc.integer({ min: 0, max: 255 }),
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
        (value, wide, before) => {
          const parts = partsOf(Buffer.concat([hex(before), encode(value, wide)]));
          // Read from another place, it may make sense by chance, too.
          expect(parts.map(({ label, bytes }) => [label, bytes])).toEqual(expect.arrayContaining([...leavesOf(value)]));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('has bytes as lists of numbers', () => {
    const own = randomBytes(32);
    for (const wide of [false, true])
      expect(partsOf(encode({ key: [...own] }, wide))).toContainEqual({ label: 'key', as: 'messagepack', bytes: own });
    const signed = Buffer.concat([hex('91 dc0010'), ...Array.from({ length: 16 }, () => hex('d0ff'))]);
    expect(partsOf(signed)).toEqual([{ label: '0', as: 'messagepack', bytes: Buffer.alloc(16, 0xff) }]);
  });

  it('that is cut off, goes on, or lies about a length is none', () => {
    const message = encode({ key: 'swordfish' }, false);
    expect(partsOf(message)).toHaveLength(1);
    for (const other of [
      message.subarray(0, -1),
      Buffer.concat([message, hex('01')]),
      hex('81 a1 6b c6 ffffffff 00'),
      hex('dd ffffffff 00'),
    ])
      expect(partsOf(other)).toEqual([]);
  });

  it('nested beyond all measure is left, and the budget marked', () => {
    const budget = new Budget();
    expect(partsOf(Buffer.alloc(1 << 20, 0x91), budget)).toEqual([]);
    expect(budget.exhausted).toBe(true);
  });
});
