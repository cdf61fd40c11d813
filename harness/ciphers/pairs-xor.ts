/** A short key that repeats over every frame, as libwebrtc's sample has it. */
import type { Changed } from './pairs.ts';

const MAX_PERIOD = 256;

export interface RepeatingKey {
  readonly key: Uint8Array;
  /**
   * Whether the key's first byte meets the frame's first byte or the first behind the clear prefix. Where both would
   * fit it is `frame`, and the application may have the same key begin at another of its bytes.
   */
  readonly from: 'frame' | 'prefix';
  /** Bytes that the key foretells, beyond those that it was read from: chance makes it 256^-this. At least 128. */
  readonly foretold: number;
}

/** The shortest key that, repeated, makes of every frame what went out. */
export function repeatingKey(pairs: readonly Changed[]): RepeatingKey | undefined {
  if (pairs.some(({ before, after }) => after.length < before.length)) return undefined;
  for (let period = 1; period <= MAX_PERIOD; period++) {
    for (const from of ['frame', 'prefix'] as const) {
      const found = keyOf(pairs, period, from);
      if (found) return { from, ...found };
    }
  }
  return undefined;
}

function keyOf(pairs: readonly Changed[], period: number, from: 'frame' | 'prefix') {
  const key = new Int16Array(period).fill(-1);
  let foretold = 0;
  let longest = 0;
  for (const { before, after, clearPrefix } of pairs) {
    const origin = from === 'frame' ? 0 : clearPrefix;
    longest = Math.max(longest, before.length - clearPrefix);
    for (let i = clearPrefix; i < before.length; i++) {
      const at = (i - origin) % period;
      const byte = before[i]! ^ after[i]!;
      if (key[at] === -1) key[at] = byte;
      else if (key[at] === byte) foretold++;
      else return undefined;
    }
  }
  // Twice round within one frame, or it might as well be one long keystream; and 1,024 bits that chance can't bring.
  const complete = key.every((byte) => byte !== -1);
  if (!complete || longest < 2 * period || foretold < 128) return undefined;
  return { key: Uint8Array.from(key), foretold };
}
