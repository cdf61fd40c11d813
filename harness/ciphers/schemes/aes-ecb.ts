/**
 * AES in ECB mode on all of a frame but a clear prefix, padded to whole blocks: `[clear prefix] block, block, ...`.
 * What Citizen Lab found in Zoom: https://citizenlab.ca/2020/04/move-fast-roll-your-own-crypto-a-quick-look-at-the-confidentiality-of-zoom-meetings/
 *
 * No tag tells a right key from a wrong one. What does is the padding, seen in the last blocks of a sample of frames.
 */
import { createDecipheriv } from 'node:crypto';
import { MIN_SAMPLE, type Opener, type Scheme, type SealedFrame } from '../scheme.ts';

const BLOCK = 16;
/** Frames of a sample that are looked at: what a wrong secret costs must not grow with the call. */
const SAMPLE = 64;

type Padding = 'pkcs7' | 'zero';

/** Decrypts whole blocks. */
type Decrypt = (blocks: Uint8Array) => Buffer;

function decryptor(key: Uint8Array): Decrypt {
  const name = `aes-${key.length * 8}-ecb`;
  const decipher = createDecipheriv(name, key, null).setAutoPadding(false);
  return (blocks) => decipher.update(blocks);
}

/** Bytes of PKCS#7 padding (RFC 5652 §6.3) at the end, 1 to 16; 0 where there is none. */
function pkcs7(plaintext: Uint8Array): number {
  const n = plaintext[plaintext.length - 1]!;
  if (n < 1 || n > BLOCK) return 0;
  for (let i = plaintext.length - n; i < plaintext.length; i++) if (plaintext[i] !== n) return 0;
  return n;
}

function zeros(plaintext: Uint8Array): number {
  let n = 0;
  while (n < BLOCK - 1 && plaintext[plaintext.length - 1 - n] === 0) n++;
  return n;
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

function kindOf(frame: SealedFrame): string {
  return frame.medium === 'audio' ? 'audio' : frame.key ? 'key' : 'delta';
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

/**
 * Which padding the last blocks have under a key, if any.
 *
 * A wrong key makes a block random. It has PKCS#7 padding with probability 1/256 + 1/256^2 + ... = 1/255, and all of
 * n blocks must have it: for n = 12, 255^-12 < 2^-95. It ends in a zero with probability 1/256, and three quarters of n
 * blocks must (a frame that fills its last block has no zero padding): for n = 12, at most 220 * 256^-9 < 2^-64. A wrong
 * key fails at its first block, or within the first few.
 */
function paddingOf(blocks: readonly Uint8Array[], decrypt: Decrypt): Padding | undefined {
  let pkcs = true;
  let unpadded = 0;
  for (const block of blocks) {
    const plaintext = decrypt(block);
    pkcs &&= pkcs7(plaintext) > 0;
    if (zeros(plaintext) === 0) unpadded++;
    if (!pkcs && unpadded > blocks.length / 4) return undefined;
  }
  return pkcs ? 'pkcs7' : 'zero';
}

function prepare(secret: Uint8Array, sample: readonly SealedFrame[] = []): Opener | undefined {
  if (!scheme.keyLengths.includes(secret.length)) return undefined;
  const seen = sample.slice(0, SAMPLE);
  const prefixes = clearPrefixesOf(seen);
  const blocks = prefixes ? lastBlocks(seen) : [];
  if (!prefixes || blocks.length < MIN_SAMPLE) return undefined;
  const decrypt = decryptor(secret);
  const padding = paddingOf(blocks, decrypt);
  if (!padding) return undefined;
  const cipher = { algorithm: 'AES', mode: 'ECB', keyBits: secret.length * 8, tagBits: 0 } as const;
  return (frame) => {
    const { data } = frame;
    const clearPrefix = prefixes.get(kindOf(frame)) ?? data.length % BLOCK;
    if (data.length < clearPrefix + BLOCK || (data.length - clearPrefix) % BLOCK !== 0) return undefined;
    const rest = decrypt(data.subarray(clearPrefix));
    const pad = padding === 'pkcs7' ? pkcs7(rest) : zeros(rest);
    if (padding === 'pkcs7' && pad === 0) return undefined;
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
