/** The honest twin of `server-passphrase`: the same key derivation, but the passphrase is in the fragment of the link. */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'passphrase',
  title: 'honest: makes its key of a passphrase in the link, which no server sees',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'honest',
    'key-origin': 'honest',
    'key-delivery': 'honest',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  fragment: (secret) => ({ secret }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
