/**
 * Makes its key of what the server knows: HKDF-SHA256 of the SHA-256 of the meeting's name, salt "public-derivation", info
 * "media". Frames are sealed as in `server-key`.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'public-derivation',
  title: "makes its key of the meeting's name",
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'lie',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
