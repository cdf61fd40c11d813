/**
 * AES in CBC mode behind a clear prefix, no key derivation and no tag, padded to whole blocks. The IV stands in front of the
 * ciphertext, at the frame's end, or at the end in front of its length and a key index; or it is all zeros and isn't sent.
 *
 * As with `aes-ecb` it's the padding that shows a right key, for the bound see {@link paddingOf}; the frames' lengths say how
 * long the clear prefix is. The padding doesn't tell an IV in front from none, since a block that is an IV to the rest would be
 * ciphertext; how frames begin does, see {@link agreement}.
 */
import { createDecipheriv } from 'node:crypto';
import { BLOCK, type Padding, paddedBy, paddingOf } from '../padding.ts';
import { agreement, HEAD_BYTES, isNoChance } from '../plaintext.ts';
import { kindOf, MIN_SAMPLE, type Opened, type Opener, type Scheme, type SealedFrame } from '../scheme.ts';

/** Frames of a sample that are looked at: what a wrong secret costs must not grow with the call. */
const SAMPLE = 64;
/** Bytes of an IV's length and a key index. */
const TRAILER_BYTES = 2;
const ZEROS = Buffer.alloc(BLOCK);

/** Where the IV is. */
type Place = 'trailed' | 'front' | 'end' | 'nowhere';

interface Parts {
  readonly iv: Uint8Array;
  /** Whole blocks, at least one. */
  readonly sealed: Uint8Array;
  readonly keyId?: bigint;
}

/** A sample in one reading. */
interface Reading {
  readonly place: Place;
  readonly prefixes: ReadonlyMap<string, number>;
  readonly parts: readonly { frame: SealedFrame; parts: Parts }[];
  /** Frames whose last two blocks are different from all others': the rest come out equal under any key and show nothing. */
  readonly distinct: readonly Parts[];
}

function split(data: Uint8Array, clearPrefix: number, place: Place): Parts | undefined {
  const { length } = data;
  const end = place === 'trailed' ? length - TRAILER_BYTES : length;
  if (place === 'trailed' && data[end] !== BLOCK) return undefined;
  const body = data.subarray(clearPrefix, Math.max(clearPrefix, end));
  if (body.length % BLOCK !== 0 || body.length < (place === 'nowhere' ? BLOCK : 2 * BLOCK)) return undefined;
  const last = body.length - BLOCK;
  switch (place) {
    case 'nowhere':
      return { iv: ZEROS, sealed: body };
    case 'front':
      return { iv: body.subarray(0, BLOCK), sealed: body.subarray(BLOCK) };
    case 'end':
      return { iv: body.subarray(last), sealed: body.subarray(0, last) };
    case 'trailed':
      return { iv: body.subarray(last), sealed: body.subarray(0, last), keyId: BigInt(data[length - 1]!) };
  }
}

/** Reads a sample; `undefined` where lengths aren't those of whole blocks behind one clear prefix for each kind of frame. */
function readingOf(sample: readonly SealedFrame[], place: Place): Reading | undefined {
  const prefixes = new Map<string, number>();
  const all: { frame: SealedFrame; parts: Parts }[] = [];
  const distinct = new Map<string, Parts>();
  for (const frame of sample) {
    const kind = kindOf(frame);
    const prefix = prefixIn(frame, place);
    const parts = (prefixes.get(kind) ?? prefix) === prefix ? split(frame.data, prefix, place) : undefined;
    if (!parts) return undefined;
    prefixes.set(kind, prefix);
    all.push({ frame, parts });
    distinct.set(Buffer.concat(lastBlocks(parts)).toString('latin1'), parts);
  }
  return distinct.size < MIN_SAMPLE ? undefined : { place, prefixes, parts: all, distinct: [...distinct.values()] };
}

/** As blocks are whole, the length gives the clear prefix, as far as 0 to 15: 16 looks like 0. */
function prefixIn({ data }: SealedFrame, place: Place): number {
  return Math.max(0, place === 'trailed' ? data.length - TRAILER_BYTES : data.length) % BLOCK;
}

/** The last block, and what it was combined with. */
function lastBlocks({ iv, sealed }: Parts): [Uint8Array, Uint8Array] {
  const last = sealed.length - BLOCK;
  return [last > 0 ? sealed.subarray(last - BLOCK, last) : iv, sealed.subarray(last)];
}

/** Callers try many keys on one sample. */
const readings = new WeakMap<readonly SealedFrame[], Reading[]>();

function readingsOf(sample: readonly SealedFrame[]): Reading[] {
  let all = readings.get(sample);
  if (!all) {
    const seen = sample.slice(0, SAMPLE);
    all = (['trailed', 'front', 'end', 'nowhere'] as const).flatMap((place) => readingOf(seen, place) ?? []);
    readings.set(sample, all);
  }
  return all;
}

type Decrypt = (block: Uint8Array) => Buffer;

function combined(block: Buffer, other: Uint8Array): Buffer {
  for (let i = 0; i < BLOCK; i++) block[i]! ^= other[i]!;
  return block;
}

/** The first reading in which frames are padded under a key; if that has the IV in front, none where frames then begin alike. */
function fitting(all: readonly Reading[], decrypt: Decrypt): { reading: Reading; padding: Padding } | undefined {
  let found: { reading: Reading; padding: Padding } | undefined;
  for (const reading of all) {
    if (found && reading.place !== 'nowhere') continue;
    const padding = paddingOf(reading.distinct.length, (index) => {
      const [previous, last] = lastBlocks(reading.distinct[index]!);
      return combined(decrypt(last), previous);
    });
    if (!padding) continue;
    if (!found || (found.reading.place === 'front' && beginsBetter(reading, found.reading, decrypt)))
      found = { reading, padding };
  }
  return found;
}

function beginsBetter(reading: Reading, other: Reading, decrypt: Decrypt): boolean {
  const [alike, less] = [reading, other].map(({ parts }) => {
    const kinds = new Map<string, Map<string, Uint8Array>>();
    for (const {
      frame,
      parts: { iv, sealed },
    } of parts) {
      const first = sealed.subarray(0, BLOCK);
      const kind = kindOf(frame);
      const name = Buffer.concat([iv, first]).toString('latin1');
      if (!kinds.has(kind)) kinds.set(kind, new Map());
      kinds.get(kind)!.set(name, combined(decrypt(first), iv).subarray(0, HEAD_BYTES));
    }
    return agreement([...kinds.values()].map((heads) => [...heads.values()]));
  });
  return isNoChance(alike!) && alike!.count > less!.count;
}

function prepare(secret: Uint8Array, sample: readonly SealedFrame[] = []): Opener | undefined {
  if (!scheme.keyLengths.includes(secret.length) || sample.length < MIN_SAMPLE) return undefined;
  const all = readingsOf(sample);
  if (all.length === 0) return undefined;
  const ecb = createDecipheriv(`aes-${secret.length * 8}-ecb`, secret, null).setAutoPadding(false);
  const fits = fitting(all, (block) => ecb.update(block));
  return fits && ((frame) => open(frame, fits.reading, fits.padding, secret));
}

function open(frame: SealedFrame, { place, prefixes }: Reading, padding: Padding, key: Uint8Array): Opened | undefined {
  const clearPrefix = prefixes.get(kindOf(frame)) ?? prefixIn(frame, place);
  const parts = split(frame.data, clearPrefix, place);
  if (!parts) return undefined;
  const { iv, sealed, keyId } = parts;
  const rest = createDecipheriv(`aes-${key.length * 8}-cbc`, key, iv)
    .setAutoPadding(false)
    .update(sealed);
  const pad = paddedBy(rest, padding);
  if (pad === undefined) return undefined;
  const cipher = { algorithm: 'AES', mode: 'CBC', keyBits: key.length * 8, tagBits: 0 } as const;
  const plaintext = Buffer.concat([frame.data.subarray(0, clearPrefix), rest.subarray(0, rest.length - pad)]);
  return { plaintext, cipher, clearPrefix, nonce: iv, keyId };
}

/** Candidates are AES keys. Opens nothing without {@link MIN_SAMPLE} frames with different ends in a sample's first 64. */
export const scheme: Scheme = {
  id: 'aes-cbc',
  title: 'AES-CBC with the IV beside the ciphertext, PKCS#7 or zero padding, no tag',
  source: 'NIST SP 800-38A §6.2; RFC 5652 §6.3',
  authenticated: false,
  keyLengths: [16, 24, 32],
  prepare,
};
