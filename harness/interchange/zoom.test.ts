import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rtp } from './fixtures/captures.ts';
import { unwrapZoom } from './zoom.ts';

const packet = rtp({ ssrc: 7 }, Buffer.from('sealed'));
/** The offsets of the paper's dissector, written out once more. */
const inner = (type: number, at: number, set: [number, number][] = []) => {
  const head = Buffer.alloc(at);
  head[0] = type;
  for (const [place, value] of set) head[place] = value;
  return Buffer.concat([Buffer.from([5, 0, 1, 0, 0, 0, 0, 0]), head, packet]);
};

it.each([
  ['audio', inner(15, 19)],
  ['video with its frame', inner(16, 24, [[20, 2]])],
  ['a screen, from a server', inner(13, 27, [[7, 0x1e]])],
  ['a screen, from a client', inner(30, 20)],
  ['type 1', inner(1, 26)],
  ['RTCP', inner(33, 16)],
])('finds the packet of %s', (_, datagram) => {
  expect(unwrapZoom(datagram)).toEqual(packet);
});

it('finds video without its frame: RTP begins where the frame’s sign would stand', () => {
  expect(unwrapZoom(inner(16, 20))).toEqual(packet);
});

it('finds none in what is no media, and never throws', () => {
  expect(unwrapZoom(Buffer.from([1, 2, 3]))).toBeUndefined();
  expect(unwrapZoom(inner(13, 27))).toBeUndefined();
  expect(unwrapZoom(inner(15, 19).subarray(0, 20))).toBeUndefined();
  const start = fc.constantFrom(Buffer.alloc(0), Buffer.from([5, 0, 0, 0, 0, 0, 0, 4]));
  fc.assert(fc.property(start, fc.uint8Array(), (head, tail) => void unwrapZoom(Buffer.concat([head, tail]))));
});
