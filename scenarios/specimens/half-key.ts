/** The honest twin of `split-key`: the server hands out one half only; the other is the SHA-256 of a secret in the link. */
import { randomBytes } from 'node:crypto';
import { perMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const halfOf = perMeeting(() => randomBytes(KEY_BYTES).toString('base64'));

export const specimen: Specimen = {
  name: 'half-key',
  title: 'honest: the server hands out half of the key, the link has the other',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'honest',
    'key-origin': 'honest',
    'key-delivery': 'honest',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  config: (meeting) => ({ half: halfOf(meeting) }),
  fragment: (secret) => ({ secret }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
