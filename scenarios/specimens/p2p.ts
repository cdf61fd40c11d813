/**
 * Two participants, and one connection straight between their browsers: DTLS-SRTP, nothing else. The server passes on
 * descriptions and candidates.
 */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'p2p',
  title: 'honest: media go straight from browser to browser',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'honest' },
  seats: 2,
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
