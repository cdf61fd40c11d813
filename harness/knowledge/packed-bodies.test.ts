import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PackedBodies } from './packed-bodies.ts';

it('gives back what was put in, in order', () => {
  const body = fc.record({
    seq: fc.nat(),
    body: fc.record({
      offset: fc.nat(Number.MAX_SAFE_INTEGER),
      length: fc.nat(),
      sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    }),
  });
  fc.assert(
    fc.property(fc.array(body, { maxLength: 200 }), (all) => {
      const packed = new PackedBodies();
      for (const { seq, body } of all) packed.push(seq, body);
      expect(packed.length).toBe(all.length);
      expect([...packed]).toEqual(all);
    }),
  );
});
