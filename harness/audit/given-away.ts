/** Keys that the frames which they seal give away by themselves. */
import type { Scheme } from '../ciphers/scheme.ts';
import type { EncodedFrame } from '../media/frames.ts';
import { MOST_UNSEALED } from './stream.ts';

/** The first frames that a key opens, if it can be recovered from these alone: what its proof shows. */
export function givingAway(
  frames: () => Iterable<EncodedFrame>,
  scheme: Scheme | undefined,
  key: Uint8Array,
): EncodedFrame[] | undefined {
  const opener = scheme?.recover && scheme.prepare(key, first(frames(), MOST_UNSEALED));
  if (!opener) return undefined;
  const opened = first(frames(), MOST_UNSEALED, (frame) => opener(frame) !== undefined);
  return scheme.recover!(opened).some((one) => Buffer.compare(one, key) === 0) ? opened : undefined;
}

/** The first frames of a kind, `most` of them. */
export function first(
  frames: Iterable<EncodedFrame>,
  most: number,
  wanted: (frame: EncodedFrame) => boolean = () => true,
): EncodedFrame[] {
  const some: EncodedFrame[] = [];
  for (const frame of frames) {
    if (some.length === most) break;
    if (wanted(frame)) some.push(frame);
  }
  return some;
}
