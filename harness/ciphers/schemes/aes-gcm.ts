/**
 * Plain AES-GCM, no key derivation, the nonce in one of the obvious places: behind the clear prefix, at the frame's end, or
 * at the end in front of its length and a key index. The additional data is the clear prefix or nothing.
 */
import { decryptGcm, NONCE_BYTES, openedGcm, openNonceTrailer } from '../gcm.ts';
import { type Opened, type Scheme, type SealedFrame, usualClearPrefix } from '../scheme.ts';

const NOTHING = new Uint8Array(0);

function open(frame: SealedFrame, key: Uint8Array): Opened | undefined {
  const { data } = frame;
  for (const clearPrefix of new Set([usualClearPrefix(frame), 0])) {
    const trailed = openNonceTrailer(data, clearPrefix, key);
    if (trailed) return trailed;
    const body = data.subarray(clearPrefix);
    if (body.length < NONCE_BYTES) continue;
    const end = body.length - NONCE_BYTES;
    const places = [
      { nonce: body.subarray(0, NONCE_BYTES), sealed: body.subarray(NONCE_BYTES) },
      { nonce: body.subarray(end), sealed: body.subarray(0, end) },
    ];
    for (const { nonce, sealed } of places) {
      for (const aad of [data.subarray(0, clearPrefix), NOTHING]) {
        const rest = decryptGcm(key, nonce, aad, sealed);
        if (rest) return openedGcm(frame, clearPrefix, rest, key, nonce);
      }
    }
  }
  return undefined;
}

/** Candidates are AES keys. */
export const scheme: Scheme = {
  id: 'aes-gcm',
  title: 'AES-GCM with the nonce beside the ciphertext',
  source: 'NIST SP 800-38D; RFC 5116',
  authenticated: true,
  keyLengths: [16, 24, 32],
  prepare: (secret) => (scheme.keyLengths.includes(secret.length) ? (frame) => open(frame, secret) : undefined),
};
