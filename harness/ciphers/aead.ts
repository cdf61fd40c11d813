/** Authenticated encryption without a format of its own: ciphertext and nonce beside each other, in the obvious places. */
import { type Cipher, type Opened, type SealedFrame, usualClearPrefix } from './scheme.ts';

export interface Aead {
  readonly algorithm: Cipher['algorithm'];
  readonly mode: Cipher['mode'];
  /** Lengths in bytes, the likeliest first. */
  readonly nonceBytes: readonly number[];
  readonly tagBytes: readonly number[];
  /** Decrypts `ciphertext || tag`; `undefined` where the tag doesn't fit. Never throws. */
  decrypt(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
    tagBytes: number,
  ): Uint8Array | undefined;
}

const NOTHING = new Uint8Array(0);

/**
 * Where a nonce stands beside its ciphertext: behind the clear prefix, at the frame's end, or at the end in front of its length
 * and a key index.
 */
export const PLACES = ['trailed', 'front', 'end'] as const;
export type Place = (typeof PLACES)[number];

/** What stands behind a frame's clear prefix. */
export interface Parts {
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
  readonly keyId?: bigint;
}

/** Takes a nonce of `length` bytes apart from its ciphertext; `undefined` where it can't be there. */
export function nonceAt(place: Place, body: Uint8Array, length: number): Parts | undefined {
  const end = body.length - length;
  const trailed = end - 2;
  if (place === 'trailed') {
    if (trailed < 0 || body[body.length - 2] !== length) return undefined;
    const keyId = BigInt(body[body.length - 1]!);
    return { nonce: body.subarray(trailed, trailed + length), sealed: body.subarray(0, trailed), keyId };
  }
  if (end < 0) return undefined;
  return place === 'front'
    ? { nonce: body.subarray(0, length), sealed: body.subarray(length) }
    : { nonce: body.subarray(end), sealed: body.subarray(0, end) };
}

/**
 * Opens a frame in which the nonce stands in one of the {@link PLACES}, behind the usual clear prefix or none, the additional
 * data being that prefix or nothing. The number of tries is fixed: with n lengths of nonce and t of tag it is 6nt, and 3t more
 * where the frame's end happens to state such a length.
 */
export function openBeside(frame: SealedFrame, aead: Aead, key: Uint8Array): Opened | undefined {
  const { data } = frame;
  for (const clearPrefix of new Set([usualClearPrefix(frame), 0])) {
    const clear = data.subarray(0, clearPrefix);
    const body = data.subarray(clearPrefix);
    for (const length of aead.nonceBytes) {
      for (const place of PLACES) {
        const parts = nonceAt(place, body, length);
        if (!parts) continue;
        const { nonce, sealed, keyId } = parts;
        for (const tagBytes of aead.tagBytes) {
          for (const aad of clearPrefix > 0 ? [clear, NOTHING] : [NOTHING]) {
            const rest = aead.decrypt(key, nonce, aad, sealed, tagBytes);
            if (!rest) continue;
            const { algorithm, mode } = aead;
            const cipher = { algorithm, mode, keyBits: key.length * 8, tagBits: tagBytes * 8 };
            return { plaintext: Buffer.concat([clear, rest]), cipher, clearPrefix, nonce, keyId };
          }
        }
      }
    }
  }
  return undefined;
}
