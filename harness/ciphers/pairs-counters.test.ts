import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { be, le, noise } from './fixtures/frames.ts';
import { patterns } from './pairs-counters.ts';

/** Columns of as many frames. */
function columns(frames: number, row: (i: number) => Uint8Array): Uint8Array[] {
  const rows = Array.from({ length: frames }, (_, i) => row(i));
  return Array.from(rows[0]!, (_, at) => Uint8Array.from(rows, (row) => row[at]!));
}

/** The frames' order, mixed up in the same way in every run. */
function shuffled(columns: Uint8Array[]): Uint8Array[] {
  const dice = noise('shuffle', 4 * columns[0]!.length);
  const order = [...columns[0]!.keys()].sort((a, b) => dice.readUInt32LE(4 * a) - dice.readUInt32LE(4 * b));
  return columns.map((column) => Uint8Array.from(order, (i) => column[i]!));
}

/** Numbers among random bytes. */
const among = (number: (i: number) => Buffer) => (i: number) =>
  Buffer.concat([noise(`left ${i}`, 5), number(i), noise(`right ${i}`, 5)]);

describe('numbers that run on', () => {
  it.each<[string, (i: number) => Buffer, object]>([
    ['a byte', (i) => be(i, 1), { at: 5, length: 1, counter: { step: 1, share: 1 } }],
    ['a byte that wraps round', (i) => be((i + 200) % 256, 1), { at: 5, length: 1, counter: { step: 1, share: 1 } }],
    ['big-endian', (i) => be(250 + i, 4), { at: 7, length: 2, counter: { byteOrder: 'big-endian', step: 1 } }],
    ['little-endian', (i) => le(250 + i, 4), { at: 5, length: 2, counter: { byteOrder: 'little-endian', step: 1 } }],
    ['downwards', (i) => be(5000 - 3 * i, 2), { at: 5, length: 2, counter: { step: -3, share: 1 } }],
    ["Opus's timestamps", (i) => be(5e6 + 960 * i, 4), { at: 6, length: 3, counter: { step: 960, share: 1 } }],
  ])('are found among random bytes: %s', (_, number, pattern) => {
    expect(patterns(columns(60, among(number)), true)).toMatchObject([pattern]);
  });

  it.each([16, 60, 256, 300, 1000, 5000])('are found in %i frames, in the order given', (frames) => {
    const found = patterns(
      columns(
        frames,
        among((i) => be(i, 4)),
      ),
      true,
    );
    expect(found).toMatchObject([{ at: 9 - found[0]!.length, counter: { step: 1, share: 1 } }]);
  });

  it.each([60, 256, 300, 1000])('are found in %i frames in any order', (frames) => {
    const found = patterns(
      shuffled(
        columns(
          frames,
          among((i) => be(i, 4)),
        ),
      ),
      false,
    );
    expect(found).toMatchObject([{ at: 9 - found[0]!.length, counter: { step: 1, share: 1 } }]);
  });

  it('are told apart where they stand side by side', () => {
    const found = patterns(
      columns(200, (i) => Buffer.concat([be(2 ** 31 + 7_000_000 * i + (i % 3), 4), be(3000 + i, 2)])),
      true,
    );
    expect(found).toMatchObject([
      { at: 0, length: 4, counter: { step: 7_000_001 } },
      { at: 4, length: 2, counter: { step: 1 } },
    ]);
  });

  it('are found though some are sent again and some are missing', () => {
    const number = (i: number) => be(3 * i - (i % 11 === 5 ? 3 : 0) + (i % 13), 4);
    expect(patterns(columns(150, among(number)), true)).toMatchObject([{ counter: { byteOrder: 'big-endian' } }]);
  });

  it('are not claimed of too few frames', () => {
    expect(
      patterns(
        columns(
          12,
          among((i) => be(i, 4)),
        ),
        true,
      ),
    ).toEqual([]);
  });
});

describe('bytes of few values', () => {
  it('are found, also where they change once in a long call', () => {
    for (const change of [100, 2990])
      expect(
        patterns(
          columns(
            3000,
            among((i) => be(i < change ? 1 : 2, 1)),
          ),
          true,
        ),
      ).toMatchObject([{ at: 5, length: 1, counter: undefined }]);
  });
});

describe('random bytes', () => {
  const draws: [string, (byte: number) => number][] = [
    ['uniform', (byte) => byte],
    ['hexadecimal digits', (byte) => '0123456789abcdef'.charCodeAt(byte & 15)],
    ['decimal digits', (byte) => 48 + (byte % 10)],
    ['a narrow range', (byte) => 100 + (byte & 15) + (byte >> 4)],
    ['bits', (byte) => byte & 1],
  ];

  it.each(draws)('never run on, in whatever order: %s', (_, draw) => {
    for (const frames of [12, 20, 60, 300])
      for (const inOrder of [true, false]) {
        const random = columns(frames, (i) => noise(`${frames} ${i}`, 12).map(draw));
        expect(patterns(random, inOrder).filter(({ counter }) => counter)).toEqual([]);
      }
  });

  it('are no pattern at all if uniform', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 2, max: 100 }), (seed, frames) => {
        expect(
          patterns(
            columns(frames, (i) => noise(`${seed} ${i}`, 8)),
            true,
          ),
        ).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});

describe('any columns', () => {
  it('never make it throw, and give patterns in order that do not overlap', () => {
    const any = fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 8 })).chain(([frames, count]) =>
      fc.array(fc.uint8Array({ minLength: frames, maxLength: frames, max: 5 }), {
        minLength: count,
        maxLength: count,
      }),
    );
    fc.assert(
      fc.property(any, fc.boolean(), (columns, inOrder) => {
        let end = 0;
        for (const { at, length } of patterns(columns, inOrder).sort((a, b) => a.at - b.at)) {
          expect(at).toBeGreaterThanOrEqual(end);
          end = at + length;
        }
        expect(end).toBeLessThanOrEqual(columns.length);
      }),
    );
  });
});
