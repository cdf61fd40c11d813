/**
 * Keys are made and exchanged as in `sealed`, its honest twin; base keys have 16 bytes. A frame as sent: header || rest XOR the
 * base key, which repeats.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'xor',
  title: 'exchanges keys soundly, and only XORs frames with them',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'honest',
    'key-delivery': 'honest',
    cipher: 'lie',
    'ciphertext-sound': 'lie',
  },
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
