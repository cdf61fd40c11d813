/**
 * The server makes a passphrase for each meeting and hands it out when somebody joins. The key is made of it on the devices:
 * PBKDF2-SHA256, 100,000 iterations, the salt the meeting's name. Frames are sealed as in `server-key`.
 */
import { randomPerMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const PASSPHRASE_BYTES = 24;

const passphraseOf = randomPerMeeting(PASSPHRASE_BYTES);

export const specimen: Specimen = {
  name: 'server-passphrase',
  title: 'makes its key of a passphrase that the server makes and hands out',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'lie',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  config: (meeting) => ({ passphrase: passphraseOf(meeting) }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
