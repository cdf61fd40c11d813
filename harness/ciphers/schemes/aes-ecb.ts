/**
 * AES in ECB mode on all of a frame but a clear prefix, padded to whole blocks: `[clear prefix] block, block, ...`.
 * What Citizen Lab found in Zoom: https://citizenlab.ca/2020/04/move-fast-roll-your-own-crypto-a-quick-look-at-the-confidentiality-of-zoom-meetings/
 *
 * No tag tells a right key from a wrong one. What does is the padding, seen in the last blocks of a sample of frames; for
 * the bound see {@link paddingOf}.
 */
import { createDecipheriv } from 'node:crypto';
import { BLOCK, paddedBy, paddingOf } from '../padding.ts';
import { kindOf, MIN_SAMPLE, type Opener, type Scheme, type SealedFrame } from '../scheme.ts';

/** Frames of a sample that are looked at: what a wrong secret costs must not grow with the call. */
const SAMPLE = 64;

/** Decrypts whole blocks. */
type Decrypt = (blocks: Uint8Array) => Buffer;

function decryptor(key: Uint8Array): Decrypt {
  const name = `aes-${key.length * 8}-ecb`;
  const decipher = createDecipheriv(name, key, null).setAutoPadding(false);
  return (blocks) => decipher.update(blocks);
}

/** The clear prefix of each kind of frame; `undefined` where the lengths aren't those of whole blocks behind one. */
function clearPrefixesOf(sample: readonly SealedFrame[]): Map<string, number> | undefined {
  const prefixes = new Map<string, number>();
  for (const frame of sample) {
    const kind = kindOf(frame);
    // As blocks are whole, the length gives the prefix, as far as 0 to 15: 16 looks like 0.
    const prefix = frame.data.length % BLOCK;
    if (frame.data.length < BLOCK || (prefixes.get(kind) ?? prefix) !== prefix) return undefined;
    prefixes.set(kind, prefix);
  }
  return prefixes;
}

/** Distinct last blocks: equal ones (silence, whole blocks of padding) come out equal under any key and show nothing. */
function lastBlocks(sample: readonly SealedFrame[]): Uint8Array[] {
  const blocks = new Map<string, Uint8Array>();
  for (const { data } of sample) {
    const block = data.subarray(data.length - BLOCK);
    blocks.set(Buffer.from(block).toString('latin1'), block);
  }
  return [...blocks.values()];
}

function prepare(secret: Uint8Array, sample: readonly SealedFrame[] = []): Opener | undefined {
  if (!scheme.keyLengths.includes(secret.length)) return undefined;
  const seen = sample.slice(0, SAMPLE);
  const prefixes = clearPrefixesOf(seen);
  const blocks = prefixes ? lastBlocks(seen) : [];
  if (!prefixes || blocks.length < MIN_SAMPLE) return undefined;
  const decrypt = decryptor(secret);
  const padding = paddingOf(blocks.length, (index) => decrypt(blocks[index]!));
  if (!padding) return undefined;
  const cipher = { algorithm: 'AES', mode: 'ECB', keyBits: secret.length * 8, tagBits: 0 } as const;
  return (frame) => {
    const { data } = frame;
    const clearPrefix = prefixes.get(kindOf(frame)) ?? data.length % BLOCK;
    if (data.length < clearPrefix + BLOCK || (data.length - clearPrefix) % BLOCK !== 0) return undefined;
    const rest = decrypt(data.subarray(clearPrefix));
    const pad = paddedBy(rest, padding);
    if (pad === undefined) return undefined;
    const plaintext = Buffer.concat([data.subarray(0, clearPrefix), rest.subarray(0, rest.length - pad)]);
    return { plaintext, cipher, clearPrefix };
  };
}

/** Candidates are AES keys. Opens nothing without a sample that has {@link MIN_SAMPLE} different last blocks in its first 64 frames. */
export const scheme: Scheme = {
  id: 'aes-ecb',
  title: 'AES-ECB behind a clear prefix, PKCS#7 or zero padding',
  source: 'NIST SP 800-38A §6.1; RFC 5652 §6.3; Citizen Lab, "Move Fast and Roll Your Own Crypto", 3 April 2020',
  authenticated: false,
  keyLengths: [16, 24, 32],
  prepare,
};
