import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schemes } from '../../audit/catalogue.ts';
import { openAll, type SealedFrame } from '../scheme.ts';

/** Ends that take a parser further: markers, lengths, indices. */
const TAILS = [
  '',
  '0c00',
  '1007',
  '000d00',
  'deadbeef',
  '00000001',
  '0cfafa',
  'fffafa',
  '80800c8001fafa',
  '00ee4c4b5453',
];
const tails = [...TAILS, '000000010000000000000000000001e2eefeed', '01000000000000000000008001e2eefeed'];

const frame = fc.record({
  medium: fc.constantFrom('audio' as const, 'video' as const),
  key: fc.boolean(),
  ssrc: fc.constant(1),
  timestamp: fc.nat(),
  data: fc
    .tuple(fc.uint8Array({ maxLength: 90 }), fc.constantFrom(...tails))
    .map(([bytes, tail]) => Buffer.concat([bytes, Buffer.from(tail, 'hex')])),
}) satisfies fc.Arbitrary<SealedFrame>;

/** What is alike in all frames gets further where frames are compared. */
const alike = fc
  .tuple(frame, fc.array(fc.nat(255), { minLength: 12, maxLength: 40 }))
  .map(([one, ends]) =>
    ends.map((end, timestamp) => ({ ...one, timestamp, data: Buffer.concat([one.data, Buffer.from([end])]) })),
  );

const secret = fc.oneof(
  fc.uint8Array({ maxLength: 70 }),
  fc.constantFrom(1, 16, 24, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n })),
);

describe.each((await schemes()).filter(({ slow }) => !slow))('$id', (scheme) => {
  it('opens nothing of hostile bytes, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(frame, { maxLength: 30 }), alike), secret, (frames, bytes) => {
        const open = scheme.prepare(bytes, frames);
        for (const one of [...frames, { ...frames[0]!, data: new Uint8Array(0) }]) open?.(one);
        if (scheme.authenticated) expect(openAll(scheme, frames, bytes)).toBeUndefined();
        scheme.prepare(bytes)?.(frames[0] ?? { medium: 'audio', key: true, ssrc: 1, timestamp: 1, data: bytes });
      }),
    );
  });

  it('looks for no key in them that it would not take', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(frame, { maxLength: 60 }), alike), (frames) => {
        for (const key of scheme.recover?.(frames) ?? []) expect(scheme.prepare(key, frames)).toBeDefined();
      }),
      { numRuns: 30 },
    );
  });

  it('takes no secret of a length that no key has', () => {
    for (const length of [0, 257, 1000]) {
      const open = scheme.prepare(new Uint8Array(length).fill(7), []);
      expect(open?.({ medium: 'audio', key: true, ssrc: 1, timestamp: 1, data: new Uint8Array(99) })).toBeUndefined();
    }
  });
});
