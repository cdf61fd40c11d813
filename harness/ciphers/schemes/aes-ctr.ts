/**
 * Plain AES in CTR mode, no key derivation and no tag, the nonce in one of the obvious places: behind the clear prefix, at
 * the frame's end, or at the end in front of its length and a key index. It is a whole counter block, or its first 12 or 8
 * bytes, the rest being zeros.
 *
 * What shows a right key is that frames of one kind begin alike, or that they end as VP8 frames do, or that they are silence:
 * see `plaintext.ts`. On 24 frames a wrong key passes less than once in 2^17 times: there are 18 ways to read a frame, and in
 * each it passes the first test less than once in 2^24 times, the last once in 2^22. A right key is lost if all of 24 frames
 * are uninterrupted speech behind a clear TOC byte; 250 frames show it.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { nonceAt, type Parts, PLACES, type Place } from '../aead.ts';
import {
  agreement,
  endLikeVp8,
  HEAD_BYTES,
  haveSilence,
  isNoChance,
  SILENCE_BYTES,
  silentBytes,
} from '../plaintext.ts';
import {
  kindOf,
  MIN_SAMPLE,
  type Opened,
  type Opener,
  type Scheme,
  type SealedFrame,
  usualClearPrefix,
} from '../scheme.ts';

const BLOCK = 16;
/** Frames of a sample that are looked at: what a wrong secret costs must not grow with the call. */
const SAMPLE = 256;

/** How a frame is read. */
interface Reading {
  readonly clearPrefix: (frame: SealedFrame) => number;
  readonly nonceBytes: number;
  readonly place: Place;
}

const READINGS: readonly Reading[] = [usualClearPrefix, () => 0].flatMap((clearPrefix) =>
  [16, 12, 8].flatMap((nonceBytes) => PLACES.map((place) => ({ clearPrefix, nonceBytes, place }))),
);

interface Read extends Parts {
  readonly clearPrefix: number;
}

function read(frame: SealedFrame, { clearPrefix, nonceBytes, place }: Reading): Read | undefined {
  const prefix = clearPrefix(frame);
  const parts = nonceAt(place, frame.data.subarray(prefix), nonceBytes);
  return parts && { clearPrefix: prefix, ...parts };
}

function counterBlock(nonce: Uint8Array): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.set(nonce);
  return block;
}

/** A frame of the sample in one reading; its keystream is at two places among all that the sample needs. */
interface Glimpse {
  readonly frame: SealedFrame;
  readonly read: Read;
  /** Where the keystream of the first bytes is, and the byte of it that meets the last byte. */
  readonly first: number;
  readonly last: number;
}

interface Plan {
  /** Counter blocks of all keystream that is needed. */
  readonly blocks: Buffer;
  readonly readings: { reading: Reading; kinds: Glimpse[][]; glimpses: Glimpse[] }[];
}

/** What to decrypt of a sample so as to judge a key; the same for all keys. */
function planOf(sample: readonly SealedFrame[]): Plan {
  const blocks: Buffer[] = [];
  const readings: Plan['readings'] = [];
  for (const reading of READINGS) {
    const kinds = new Map<string, Glimpse[]>();
    // Frames of one counter have one keystream: what is equal in them stays so under any key.
    const counters = new Set<string>();
    const ends = new Set<string>();
    const glimpses: Glimpse[] = [];
    const all = sample.map((frame) => ({ frame, read: read(frame, reading) }));
    if (all.some((one) => !one.read || one.read.sealed.length === 0)) continue;
    for (const { frame, read } of all as { frame: SealedFrame; read: Read }[]) {
      const counter = counterBlock(read.nonce);
      const end = read.sealed.length - 1;
      const glimpse: Glimpse = {
        frame,
        read,
        first: blocks.length * BLOCK,
        last: (blocks.length + 1) * BLOCK + (end % BLOCK),
      };
      blocks.push(counter, plus(counter, Math.floor(end / BLOCK)));
      const name = counter.toString('latin1');
      // Where all is sealed, so is the bit that says whether it is a key frame.
      const kind = read.clearPrefix > 0 ? kindOf(frame) : frame.medium;
      if (!kinds.has(kind)) kinds.set(kind, []);
      if (!counters.has(name)) kinds.get(kind)!.push(glimpse);
      counters.add(name);
      if (!ends.has(`${name} ${end}`)) glimpses.push(glimpse);
      ends.add(`${name} ${end}`);
    }
    readings.push({ reading, kinds: [...kinds.values()], glimpses });
  }
  return { blocks: Buffer.concat(blocks), readings };
}

/** A counter block some blocks on; it counts in all its 128 bits, as WebCrypto's may and OpenSSL's does. */
function plus(counter: Buffer, blocks: number): Buffer {
  const sum = Buffer.from(counter);
  let carry = blocks;
  for (let at = BLOCK - 1; at >= 0 && carry > 0; at--) {
    carry += sum[at]!;
    sum[at] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return sum;
}

/** Callers try many keys on one sample. */
const plans = new WeakMap<readonly SealedFrame[], Plan>();

/** The first reading in which a key makes sense of the sample. */
function readingUnder(key: Uint8Array, sample: readonly SealedFrame[]): Reading | undefined {
  const plan = plans.get(sample) ?? planOf(sample.slice(0, SAMPLE));
  plans.set(sample, plan);
  const { blocks, readings } = plan;
  const cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  const keystream = cipher.update(blocks);
  return readings.find(({ kinds, glimpses }) => {
    const heads = kinds.map((kind) => kind.map((glimpse) => start(glimpse, keystream, HEAD_BYTES)));
    return isNoChance(agreement(heads)) || looksLikeMedia(glimpses, keystream);
  })?.reading;
}

/** The first bytes of what is sealed. */
function start({ read: { sealed }, first }: Glimpse, keystream: Buffer, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(length, sealed.length, BLOCK));
  for (let i = 0; i < bytes.length; i++) bytes[i] = sealed[i]! ^ keystream[first + i]!;
  return bytes;
}

function looksLikeMedia(glimpses: readonly Glimpse[], keystream: Buffer): boolean {
  const video = glimpses.filter(({ frame }) => frame.medium === 'video');
  const lastBytes = video.map(({ read: { sealed }, last }) => sealed[sealed.length - 1]! ^ keystream[last]!);
  if (video.length >= MIN_SAMPLE && endLikeVp8(lastBytes)) return true;
  const silent = glimpses
    .filter(({ frame }) => frame.medium === 'audio')
    .map((glimpse) => {
      const { clearPrefix, sealed } = glimpse.read;
      const packet = new Uint8Array(SILENCE_BYTES + clearPrefix);
      packet.set(glimpse.frame.data.subarray(0, clearPrefix));
      packet.set(start(glimpse, keystream, SILENCE_BYTES), clearPrefix);
      return silentBytes(packet, clearPrefix + sealed.length);
    });
  return haveSilence(silent);
}

function prepare(secret: Uint8Array, sample: readonly SealedFrame[] = []): Opener | undefined {
  if (!scheme.keyLengths.includes(secret.length) || sample.length < MIN_SAMPLE) return undefined;
  const reading = readingUnder(secret, sample);
  return reading && ((frame) => open(frame, reading, secret));
}

function open(frame: SealedFrame, reading: Reading, key: Uint8Array): Opened | undefined {
  const found = read(frame, reading);
  if (!found) return undefined;
  const { clearPrefix, nonce, sealed, keyId } = found;
  const rest = createDecipheriv(`aes-${key.length * 8}-ctr`, key, counterBlock(nonce)).update(sealed);
  const cipher = { algorithm: 'AES', mode: 'CTR', keyBits: key.length * 8, tagBits: 0 } as const;
  return { plaintext: Buffer.concat([frame.data.subarray(0, clearPrefix), rest]), cipher, clearPrefix, nonce, keyId };
}

/** Candidates are AES keys. Opens nothing without a sample of {@link MIN_SAMPLE} frames. */
export const scheme: Scheme = {
  id: 'aes-ctr',
  title: 'AES-CTR with the nonce beside the ciphertext, no tag',
  source: 'NIST SP 800-38A §6.5; for what judges a key, RFC 6386 §9 and RFC 6716 §3.1',
  authenticated: false,
  keyLengths: [16, 24, 32],
  prepare,
};
