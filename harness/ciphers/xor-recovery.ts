/**
 * Keys of repeating XOR from ciphertext alone.
 *
 * Video: a VP8 frame of libvpx nearly always ends in a zero byte (see {@link endLikeVp8}), so that its last byte is a byte of
 * the key. As frames have all lengths, that shows the period and most of the key; the rest comes from the bytes'
 * distribution, in which arithmetic coding leaves 00 and FF up to twice as often as others. Audio: sealed packets that are
 * equal are silence, and what libopus makes of silence is known.
 *
 * Measured with random keys and ASCII passphrases alike, in all layouts, twelve keys each.
 * - Video of Chromium 156 (test card and its own picture, 900 and 1,200 bytes a frame): all keys of up to 32 bytes from 100
 *   frames, of 48 from 200, of 64 and nearly all of 128 from 400.
 * - Six moving pictures of libvpx, the worst of which are all detail and come out nearly uniform: keys of up to 8 bytes from
 *   100 frames, 16 from 200, 32 from 400, and but for one picture 64 from 400.
 * - Of longer keys some bytes come out wrong. In a key that all but repeats within itself (`aaaaaaaaaaaaaaaaaaab`) the byte
 *   that stands out may take 400 frames to be seen.
 * - Sound in which the test tone alternates with silence: up to 32 bytes from 100 packets; where 10 bytes are in clear, up
 *   to 23. Sound that is never digital silence gives nothing away.
 */
import { looksLikeVp8 } from '../media/vp8.ts';
import { bodiesOf, MOST_KEY_BYTES } from './repeating-xor.ts';
import type { SealedFrame } from './scheme.ts';
import { chiSquare } from './statistics.ts';

/** Frames below which nothing is looked for. */
const LEAST_FRAMES = 32;
/** Frames that are looked at, and bytes of each. */
const MOST_FRAMES = 512;
const MOST_BYTES = 8192;
/** A clear prefix and the coded header, which is alike in all frames: bytes there don't have the usual distribution. */
const HEADER_BYTES = 24;

/** Keys as they meet a frame from its first byte on, or from the first behind the clear prefix on; the likeliest first. */
export function recoverKeys(sample: readonly SealedFrame[]): Uint8Array[] {
  const { bodies } = bodiesOf(sample.slice(0, MOST_FRAMES));
  const video = bodies.filter(({ medium }) => medium === 'video');
  const audio = bodies.filter(({ medium }) => medium === 'audio');
  const found = [...fromVideo(video), ...fromAudio(audio)].filter((key) => key.some((byte) => byte !== 0));
  return found.filter((key, index) => found.findIndex((other) => Buffer.compare(key, other) === 0) === index);
}

function rotated(key: Uint8Array, by: number): Uint8Array {
  return key.map((_, index) => key[(index + by) % key.length]!);
}

// --- video

/** Clear prefixes of frames that aren't key frames: the sample's and that of Janus's demo. */
const DELTA_PREFIXES = [3, 10];
/** Of frames whose header is in clear, so many at least look like VP8. */
const IN_CLEAR = 3 / 4;

function fromVideo(all: readonly SealedFrame[]): Uint8Array[] {
  const inClear = all.filter(({ data }) => looksLikeVp8(data)).length >= all.length * IN_CLEAR;
  // Key frames may have more in clear, and the key may begin behind that. Where all is sealed it isn't known which they are.
  const frames = (inClear ? all.filter(({ key }) => !key) : all).map(({ data }) => data);
  if (frames.length < LEAST_FRAMES) return [];
  const period = periodOf(frames);
  if (!period) return [];
  const key = keyOf(frames, period);
  return [key, ...(inClear ? DELTA_PREFIXES.map((prefix) => rotated(key, prefix)) : [])];
}

/** A last byte is a zero with probability 0.9, each other with 0.1/255; without a key each is as likely. In natural logarithms. */
const ZERO = Math.log(0.9);
const OTHER = Math.log(0.1 / 255);
const ANY = Math.log(1 / 256);
/** By so much a key must explain the last bytes better than chance: 2^43 times. */
const LEAST_GAIN = 30;

/**
 * How many bytes the key has: the number with which the key itself and how last bytes differ from it are told in the fewest
 * bits (Rissanen, "Modeling by shortest data description", 1978). More bytes fit better, but have to be told.
 */
function periodOf(frames: readonly Uint8Array[]): number | undefined {
  let found: number | undefined;
  let most = LEAST_GAIN;
  for (let period = 1; period <= MOST_KEY_BYTES; period++) {
    const counts = new Map<number, number>();
    const commonest = new Map<number, number>();
    for (const frame of frames) {
      const end = frame.length - 1;
      const place = end % period;
      const name = place * 256 + frame[end]!;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      commonest.set(place, Math.max(commonest.get(place) ?? 0, count));
    }
    const zeros = [...commonest.values()].reduce((sum, count) => sum + count, 0);
    const told = commonest.size * ANY + zeros * ZERO + (frames.length - zeros) * OTHER;
    const gain = told - frames.length * ANY;
    if (gain <= most) continue;
    found = period;
    most = gain;
  }
  return found;
}

/** The likeliest key of a length. */
function keyOf(frames: readonly Uint8Array[], period: number): Uint8Array {
  const columns = Array.from({ length: period }, () => new Float64Array(256));
  const votes = Array.from({ length: period }, () => new Float64Array(256));
  for (const frame of frames) {
    const end = frame.length - 1;
    votes[end % period]![frame[end]!]!++;
    for (let i = HEADER_BYTES; i < end && i < MOST_BYTES; i++) columns[i % period]![frame[i]!]!++;
  }
  const key = Uint8Array.from(votes, (counts) => counts.indexOf(Math.max(...counts)));
  let known = votes.map((counts) => counts.some((count) => count > 0));
  for (let round = 0; round < 3; round++) {
    const usual = distribution(columns, key, known);
    for (let at = 0; at < period; at++) key[at] = likeliest(columns[at]!, votes[at]!, usual);
    known = known.fill(true);
  }
  return key;
}

/** Degrees of freedom of chi-square over bytes, and what it is about if they are uniform. */
const FREEDOM = 255;

/**
 * Logarithms of how often each byte occurs in what the known bytes of a key decipher, as far as it's more than chance: some
 * pictures come out nearly uniform, and what they seem to have in common would mislead.
 */
function distribution(columns: readonly Float64Array[], key: Uint8Array, known: readonly boolean[]): Float64Array {
  const counts = new Float64Array(256).fill(1);
  for (const [at, column] of columns.entries())
    if (known[at]) for (let byte = 0; byte < 256; byte++) counts[byte ^ key[at]!]! += column[byte]!;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const trust = Math.max(0, 1 - FREEDOM / chiSquare(counts));
  return counts.map((count) => trust * Math.log((count * 256) / total));
}

function likeliest(column: Float64Array, votes: Float64Array, usual: Float64Array): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let key = 0; key < 256; key++) {
    let likelihood = votes[key]! * (ZERO - OTHER);
    for (let byte = 0; byte < 256; byte++) likelihood += column[byte]! * usual[byte ^ key]!;
    if (likelihood <= most) continue;
    most = likelihood;
    best = key;
  }
  return best;
}

// --- audio

/** Groups of equal packets that are looked at, and the packets that a group has at least. */
const MOST_GROUPS = 8;
const LEAST_EQUAL = 4;

/**
 * Whole packets of silence behind the TOC byte: 32 kbit/s mono, which is what Chromium gives unless told otherwise, in two
 * audio bandwidths; CELT's; and how all begin whose SILK layer is at 16 kHz, whatever the bitrate.
 * Source: encoded by libopus 1.3.1 and by Chromium 156.
 */
const WHOLE = [
  '07c979c8c957c0a21223faef67f32ee3d3d5e9ecdb3ebc80b66e2ab78c83cd83cd00',
  '07c979c8c957c0a21223fa599e539f0d9da79eecba38cab6d9b8a0f360f340',
  'fffe',
].map((hex) => Buffer.from(hex, 'hex'));
const BEGINNING = Buffer.from('07c979c8c957c0a21223fa', 'hex');
/** Clear prefixes of Opus: the TOC byte, and that of Janus's demo. */
const AUDIO_PREFIXES = [1, 10];
/** Bytes that the period foretells, beyond those that a key is read from; CELT's silence has but two. */
const LEAST_FORETOLD = 2;

function fromAudio(all: readonly SealedFrame[]): Uint8Array[] {
  if (all.length < LEAST_FRAMES) return [];
  const groups = new Map<string, { packet: Uint8Array; count: number }>();
  for (const { data } of all) {
    const name = Buffer.from(data).toString('latin1');
    const group = groups.get(name);
    if (group) group.count++;
    else groups.set(name, { packet: data, count: 1 });
  }
  const equal = [...groups.values()].filter(({ count }) => count >= LEAST_EQUAL).sort((a, b) => b.count - a.count);
  for (const { packet } of equal.slice(0, MOST_GROUPS)) {
    for (const silence of [...WHOLE.filter(({ length }) => length === packet.length - 1), BEGINNING]) {
      const key = keyOfSilence(packet, silence);
      if (key) return [key, ...AUDIO_PREFIXES.map((prefix) => rotated(key, prefix))];
    }
  }
  return [];
}

/** The shortest key under which a packet is silence. */
function keyOfSilence(packet: Uint8Array, silence: Uint8Array): Uint8Array | undefined {
  const end = Math.min(packet.length, 1 + silence.length);
  const bytes = Uint8Array.from(packet.subarray(0, end), (byte, at) => (at === 0 ? 0 : byte ^ silence[at - 1]!));
  // What is in clear comes out as zeros.
  const start = bytes.subarray(1, 10).some((byte) => byte !== 0) ? 1 : 10;
  for (let period = 1; period < end - start; period++) {
    const foretold = end - start - period;
    if (foretold < Math.min(LEAST_FORETOLD, silence.length - 1)) return undefined;
    if (bytes.subarray(start + period).some((byte, at) => byte !== bytes[start + at])) continue;
    const key = new Uint8Array(period);
    for (let at = start; at < start + period; at++) key[at % period] = bytes[at]!;
    return key;
  }
  return undefined;
}
