/**
 * An honest service: SFrame (RFC 9605) with AES_256_GCM_SHA512_128, one sender one key.
 *
 * A frame as sent: `header || SFrame header || ciphertext || tag`. The header is the codec's and stays clear: 10 bytes of a
 * video key frame, 3 of another video frame, 1 of an audio frame. It is the SFrame metadata, so it is authenticated.
 *
 * Keys: each participant makes an X25519 key pair when it joins and tells its public key. It makes a base key of 32 random
 * bytes, another one whenever somebody joins or leaves, and sends it to each other participant through the server, sealed:
 * AES-256-GCM under HKDF-SHA256(X25519(own private key, the other's public key)). The server could put its own public keys
 * in the place of the participants'; the verification code, a digest of all public keys in the call, would then differ.
 *
 * KID: the sender's number (the first two bytes of the digest of its public key) << 8 | count of its base keys mod 256.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'sealed',
  title: 'honest: SFrame with AES-256-GCM, keys sealed from participant to participant',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'honest',
    'key-origin': 'honest',
    'key-delivery': 'honest',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
