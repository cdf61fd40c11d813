/**
 * Plain AES-GCM, no key derivation, the nonce in one of the obvious places: behind the clear prefix, at the frame's end, or
 * at the end in front of its length and a key index. The additional data is the clear prefix or nothing; tags are of 16, 12
 * or 8 bytes.
 */
import { type Aead, openBeside } from '../aead.ts';
import { decryptGcm, NONCE_BYTES } from '../gcm.ts';
import type { Scheme } from '../scheme.ts';

/** A shorter tag is the longer one's beginning, so that the tag's length alone decides where the ciphertext ends. */
const GCM: Aead = {
  algorithm: 'AES',
  mode: 'GCM',
  nonceBytes: [NONCE_BYTES],
  tagBytes: [16, 12, 8],
  decrypt: decryptGcm,
};

/** Candidates are AES keys. */
export const scheme: Scheme = {
  id: 'aes-gcm',
  title: 'AES-GCM with the nonce beside the ciphertext',
  source: 'NIST SP 800-38D; RFC 5116',
  authenticated: true,
  keyLengths: [16, 24, 32],
  prepare: (secret) =>
    scheme.keyLengths.includes(secret.length) ? (frame) => openBeside(frame, GCM, secret) : undefined,
};
