/**
 * Plain ChaCha20-Poly1305, no key derivation, the nonce of 12 bytes in one of the obvious places: behind the clear prefix, at
 * the frame's end, or at the end in front of its length and a key index. The additional data is the clear prefix or nothing.
 */
import { createDecipheriv } from 'node:crypto';
import { type Aead, openBeside } from '../aead.ts';
import { tagFits } from '../gcm.ts';
import type { Scheme } from '../scheme.ts';

function decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, tagBytes: number) {
  const length = sealed.length - tagBytes;
  if (length < 0) return undefined;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad, { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(length));
  const plaintext = decipher.update(sealed.subarray(0, length));
  return tagFits(decipher) ? plaintext : undefined;
}

const CHACHA20_POLY1305: Aead = {
  algorithm: 'ChaCha20',
  mode: 'Poly1305',
  nonceBytes: [12],
  tagBytes: [16],
  decrypt,
};

/** Candidates are ChaCha20 keys. */
export const scheme: Scheme = {
  id: 'chacha20-poly1305',
  title: 'ChaCha20-Poly1305 with the nonce beside the ciphertext',
  source: 'RFC 8439 §2.8',
  authenticated: true,
  keyLengths: [32],
  prepare: (secret) =>
    scheme.keyLengths.includes(secret.length) ? (frame) => openBeside(frame, CHACHA20_POLY1305, secret) : undefined,
};
