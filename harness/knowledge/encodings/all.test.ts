import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENCODINGS } from './all.ts';
import { Budget, type Encoding } from './encoding.ts';

const runsOf = (encoding: Encoding, bytes: Uint8Array) => [...encoding.runs(bytes, new Budget())];

/** What parsers look at, so that they get further than in noise. */
const PIECES = [
  ...[
    '{"',
    '":"',
    '"}',
    '["',
    '[',
    ']',
    '{',
    '}',
    '\\u00',
    '\\',
    '\\/',
    '"0":',
    '1,',
    '-1, ',
    '255,',
    'a=',
    '&',
    '; b=',
    '?c=%41',
  ],
  ...[
    '%',
    '%zz',
    '+',
    'http://h/',
    '\r\n',
    '\r\n\r\n',
    '--b\r\n',
    '\r\n--b',
    'name: ',
    'eyJ',
    '.',
    '=',
    'AA:bb:',
    'ab cd ',
  ],
  ...[
    'A'.repeat(24),
    'ab'.repeat(17),
    'h\0i\0',
    '\0o\0p',
    '\xff\xfea\0',
    '\x1f\x8b\b\0\0\0\0\0\0\x03',
    '\x78\x9c',
    '\x9f',
    '\xff',
  ],
  ...[
    '\x82\xa1k\xc4\x20',
    '\xdc\0\x10',
    '\xdf\xff\xff\xff\xff',
    '\xa2ak\x58\x20',
    '\x5f\x41a\xff',
    '\x9b\xff\xff\xff\xff\xff\xff\xff\xff',
  ],
  ...['[1,', '[ ', ' ', '%4', '1', '-', 'A-', 'A='],
  ...['\x0a\x20', '\x0a\xff\xff\xff\xff\x0f', '\x08\x96\x01', '\xd9\xd9\xf7', '\x0b\x0c'],
].map((text) => Buffer.from(text, 'latin1'));
const hostile = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom(...PIECES), fc.nat(20)),
      fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.constant(1)),
    ),
  )
  .map((all) => Buffer.concat(all.flatMap(([piece, times]) => Array.from({ length: times }, () => piece))));

describe('all encodings', () => {
  it('are those of this folder', async () => {
    const names = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    const modules = await Promise.all(names.map((name) => import(new URL(name, import.meta.url).href)));
    const found = modules.flatMap((module) => module.encoding ?? []) as Encoding[];
    expect(found.map(({ id }) => id).sort()).toEqual(ENCODINGS.map(({ id }) => id).sort());
  });

  it.each(ENCODINGS.map((encoding) => [encoding.id, encoding] as const))(
    '%s is found in any bytes without a throw',
    (_, encoding) => {
      fc.assert(
        fc.property(hostile, (bytes) => {
          for (const { start, end } of runsOf(encoding, bytes)) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThan(start);
            expect(end).toBeLessThanOrEqual(bytes.length);
          }
        }),
        { numRuns: 200 },
      );
    },
  );

  it.each(ENCODINGS.filter(({ decode }) => decode).map((encoding) => [encoding.id, encoding] as const))(
    '%s is decoded from any bytes without a throw, within the budget',
    (_, encoding) => {
      fc.assert(
        fc.property(hostile, fc.nat(1000), (bytes, room) => {
          const budget = new Budget(room);
          const decoded = encoding.decode!(bytes, budget);
          expect(decoded?.length ?? 0).toBeLessThanOrEqual(Math.max(room, 2 * bytes.length));
        }),
        { numRuns: 200 },
      );
    },
  );

  it('are found only where there is one of the characters that they need', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(...ENCODINGS.filter(({ needs }) => needs !== '')), (bytes, encoding) => {
        const without = Buffer.from(bytes.filter((byte) => !Buffer.from(encoding.needs, 'latin1').includes(byte)));
        expect(runsOf(encoding, without)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  // Each breaks off what an earlier one began. In quadratic time, a terabyte's worth, the test would not end.
  it.each(PIECES.map((piece) => [JSON.stringify(piece.toString('latin1')), piece] as const))(
    'take 256 kB of %s',
    (_, piece) => {
      const bytes = Buffer.concat(Array.from({ length: (1 << 18) / piece.length }, () => piece));
      for (const encoding of ENCODINGS)
        for (const { start, end } of encoding.runs(bytes, new Budget())) expect(end).toBeGreaterThan(start);
    },
  );
});
