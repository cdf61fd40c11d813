/**
 * What tells a codec's frames from random bytes where no tag does. Each test says how seldom a wrong key passes it; a decoder
 * has the last word.
 */

/** Bytes at the start of what a key opened in which frames are compared: VP8's header or Opus's first symbols are there. */
export const HEAD_BYTES = 4;
/** Frames that are compared with each other; among more, random bytes are mostly equal to some other. */
const TOGETHER = 48;
/** How seldom {@link isNoChance} takes random bytes for a codec's. */
const ODDS = 2 ** -24;

/** How often a byte equals the one at the same place in an earlier frame of its kind. */
export interface Agreement {
  readonly count: number;
  /** The most that can be expected of random bytes. */
  readonly expected: number;
}

const seen = new Uint32Array(HEAD_BYTES * 256);
let round = 0;

/**
 * Compares the first {@link HEAD_BYTES} bytes of frames.
 *
 * @param kinds Frames of each kind. Under one key and counter equal plaintexts stay equal whatever the key: frames with
 * the counter of an earlier one must be left out.
 */
export function agreement(kinds: Iterable<readonly Uint8Array[]>): Agreement {
  let count = 0;
  let expected = 0;
  for (const frames of kinds) {
    const before = new Uint32Array(HEAD_BYTES);
    for (const [index, frame] of frames.entries()) {
      if (index % TOGETHER === 0) {
        round = (round + 1) >>> 0;
        before.fill(0);
      }
      for (let at = 0; at < HEAD_BYTES && at < frame.length; at++) {
        const slot = at * 256 + frame[at]!;
        if (seen[slot] === round) count++;
        seen[slot] = round;
        expected += before[at]! / 256;
        before[at]!++;
      }
    }
  }
  return { count, expected };
}

/**
 * Whether bytes agree so often as random ones do less than once in 2^24 times.
 *
 * A random byte equals one of the i before it with probability i/256 at most, whatever those are. So the count is at most a
 * sum of independent events, whose tail is below the Poisson distribution's of the same mean, from 1 above the mean on
 * (Anderson and Samuels, "Some inequalities among binomial and Poisson probabilities", 1967).
 *
 * Of 24 frames, 4.3 agreements are expected and 20 needed. Measured behind the usual clear prefix: VP8 of libvpx and of
 * Chromium 156 has 52 or more; Opus has 41 or more where words and silence alternate, about 25 with beeps, 15 with
 * uninterrupted speech, in which only 250 frames show it without fail.
 */
export function isNoChance({ count, expected }: Agreement): boolean {
  if (count < expected + 1) return false;
  let term = Math.exp(-expected);
  for (let i = 1; i <= count; i++) term *= expected / i;
  let tail = 0;
  for (let i = count; term > tail * 1e-9; i++) {
    tail += term;
    term *= expected / (i + 1);
  }
  return tail < ODDS;
}

/**
 * Share of VP8 frames that must end in a zero byte. libvpx ends each partition by coding 32 zeros (`vp8_stop_encode` in
 * vp8/encoder/boolhuff.c), of which a byte or two remain. Measured: 0.89 and 0.90 of Chromium 156's frames, 0.77 to 0.99 of
 * libvpx's alone.
 */
const ENDING_IN_ZERO = 1 / 2;

/** Whether so many frames end in a zero byte as libvpx's do; n of random bytes do less than 2^n * 256^(-n/2) times. */
export function endLikeVp8(lastBytes: readonly number[]): boolean {
  const zeros = lastBytes.filter((byte) => byte === 0).length;
  return lastBytes.length > 0 && zeros >= lastBytes.length * ENDING_IN_ZERO;
}

/**
 * How libopus's packets of 20 ms begin, behind the TOC byte, once the sound has been digital silence for a while, by the TOC's
 * configuration (RFC 6716, table 2): SILK at 8 and 16 kHz, the same with two bandwidths of CELT above it, and both kinds of
 * stereo. CELT's own silence is a packet of three bytes.
 * Source: encoded by libopus 1.3.1 and by Chromium 156 alike.
 */
const SILENCE = (
  [
    [1, false, '07c6b30ec6'],
    [9, false, '07c979c8c957c0'],
    [13, false, '07c979c8c957c0a21223fa59'],
    [15, false, '07c979c8c957c0a21223faef'],
    [15, true, '0801ec0b296ab73d42538fb3'],
    [15, true, '07fd32cca63a250523805d47'],
  ] as const
).map(([config, stereo, hex]) => ({ toc: (config << 3) | (stereo ? 4 : 0), bytes: Buffer.from(hex, 'hex') }));
const CELT_SILENCE = Buffer.from('fffe', 'hex');
/** TOC bytes from this one on are CELT's. */
const CELT = 16 << 3;

/** Bytes of a packet, the TOC among them, that {@link silentBytes} looks at. */
export const SILENCE_BYTES = 13;

/**
 * In how many bytes behind the TOC an Opus packet is seen to be silence; 0 where it isn't. Random bytes have n such bytes
 * with a probability of 2 * 256^-n at most.
 *
 * @param start The packet's first bytes; {@link SILENCE_BYTES} are enough.
 * @param length Of the packet.
 */
export function silentBytes(start: Uint8Array, length: number): number {
  const toc = start[0] ?? 0;
  // The low bits say how many frames a packet has: one, here.
  if (toc >= CELT && (toc & 3) === 0) return length === 3 && startsWith(start, CELT_SILENCE) ? CELT_SILENCE.length : 0;
  const known = SILENCE.find((silence) => silence.toc === toc && startsWith(start, silence.bytes));
  return known?.bytes.length ?? 0;
}

/** Whether `bytes` stand behind a packet's first byte. */
function startsWith(packet: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.compare(packet.subarray(1, 1 + bytes.length), bytes) === 0;
}

/** Whether packets are silence in 4 bytes or more between them; n of random bytes are so less than n^2 * 2^-32 times. */
export function haveSilence(silent: readonly number[]): boolean {
  return silent.reduce((sum, bytes) => sum + bytes, 0) >= 4;
}
