/** Says that it is end-to-end encrypted. There is DTLS-SRTP between each participant and the server, and nothing else. */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'transport-only',
  title: 'claims end-to-end encryption, encrypts to the server only',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'lie' },
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
