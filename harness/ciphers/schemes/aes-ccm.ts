/**
 * Plain AES-CCM, no key derivation, the nonce of 12 or 13 bytes in one of the obvious places: behind the clear prefix, at
 * the frame's end, or at the end in front of its length and a key index. The additional data is the clear prefix or nothing;
 * tags are of 16 or 8 bytes.
 */
import { createDecipheriv } from 'node:crypto';
import { type Aead, openBeside } from '../aead.ts';
import { tagFits } from '../gcm.ts';
import type { Scheme } from '../scheme.ts';

/** L of RFC 3610 §2: the message's length takes 15 bytes less the nonce's, so that 13 leave room for 65,535. */
const LENGTH_AND_NONCE = 15;

function decrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array, tagBytes: number) {
  const length = sealed.length - tagBytes;
  if (length < 0 || length >= 256 ** (LENGTH_AND_NONCE - nonce.length)) return undefined;
  const name = `aes-${(key.length * 8) as 128 | 192 | 256}-ccm` as const;
  const decipher = createDecipheriv(name, key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(length));
  decipher.setAAD(aad, { plaintextLength: length });
  const plaintext = decipher.update(sealed.subarray(0, length));
  return tagFits(decipher) ? plaintext : undefined;
}

/** Nonces of RFC 5116 and of RFC 3610's example, tags of the AEADs of RFC 5116 and RFC 6655. */
const CCM: Aead = { algorithm: 'AES', mode: 'CCM', nonceBytes: [12, 13], tagBytes: [16, 8], decrypt };

/** Candidates are AES keys. */
export const scheme: Scheme = {
  id: 'aes-ccm',
  title: 'AES-CCM with the nonce beside the ciphertext',
  source: 'RFC 3610; RFC 5116 §5.3; RFC 6655 §4',
  authenticated: true,
  keyLengths: [16, 24, 32],
  prepare: (secret) =>
    scheme.keyLengths.includes(secret.length) ? (frame) => openBeside(frame, CCM, secret) : undefined,
};
