/**
 * The honest twin of `unverified`: the same client, which cannot tell whose the public keys are that the server passes on.
 * This server passes on the participants' own.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'trusting',
  title: 'honest: keys sealed from participant to participant, with no way to verify them',
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
