/**
 * An honest service whose page joins two peer connections to each other, for the self-view. What goes over these leaves no browser,
 * and is not sealed. Keys: as of `base/client/exchange.ts`, with a verification code.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'looped',
  title: 'honest: keys sealed from participant to participant, and a self-view that is in clear within the browser',
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
