/** The honest twin of `socket-server-key`: the same way and cipher, with the key of `passphrase`. */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'socket-passphrase',
  title: 'honest: seals media over a WebSocket, with a key made of a passphrase in the link',
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
