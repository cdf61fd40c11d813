/**
 * Sound cryptography with the server's key: what LiveKit's documentation calls typical, a key that the server makes and hands out
 * when somebody joins. The ciphertext is beyond reproach; the server can open all of it.
 *
 * A frame as sent: header || nonce (12) || AES-256-GCM(rest), the header authenticated and as long as everywhere here.
 */
import { randomPerMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const keyOf = randomPerMeeting(KEY_BYTES);

export const specimen: Specimen = {
  name: 'server-key',
  title: 'seals soundly, with a key that the server makes and hands out',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'lie',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  config: (meeting) => ({ e2eeKey: keyOf(meeting) }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
