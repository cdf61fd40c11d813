/**
 * An honest service: SFrame (RFC 9605) with AES_256_GCM_SHA512_128, one sender one key.
 *
 * A frame as sent: `header || SFrame header || ciphertext || tag`. The header is the codec's and stays clear: 10 bytes of a
 * video key frame, 3 of another video frame, 1 of an audio frame. It is the SFrame metadata, so it is authenticated.
 *
 * Keys: made by the participants and exchanged among them as `base/client/exchange.ts` has it, with a verification code.
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
