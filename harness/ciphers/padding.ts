/** Padding to whole blocks of 16 bytes, and what it tells of a key that no tag tells of. */

export const BLOCK = 16;

export type Padding = 'pkcs7' | 'zero';

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

/** Bytes of padding at the end of whole blocks; `undefined` where they aren't padded so. */
export function paddedBy(plaintext: Uint8Array, padding: Padding): number | undefined {
  return padding === 'pkcs7' ? pkcs7(plaintext) || undefined : zeros(plaintext);
}

/**
 * Which padding frames' last blocks have under a key, if any.
 *
 * A wrong key makes a block random. It has PKCS#7 padding with probability 1/256 + 1/256^2 + ... = 1/255, and all of
 * n blocks must have it: for n = 12, 255^-12 < 2^-95. It ends in a zero with probability 1/256, and three quarters of n
 * blocks must (a frame that fills its last block has no zero padding): for n = 12, at most 220 * 256^-9 < 2^-64. A wrong
 * key fails at its first block, or within the first few.
 *
 * @param count Blocks. They must have been different before: equal ones come out equal under any key and show nothing.
 * @param decrypted Gives the block at an index, decrypted.
 */
export function paddingOf(count: number, decrypted: (index: number) => Uint8Array): Padding | undefined {
  let pkcs = true;
  let unpadded = 0;
  for (let index = 0; index < count; index++) {
    const plaintext = decrypted(index);
    pkcs &&= pkcs7(plaintext) > 0;
    if (zeros(plaintext) === 0) unpadded++;
    if (!pkcs && unpadded > count / 4) return undefined;
  }
  return pkcs ? 'pkcs7' : 'zero';
}
