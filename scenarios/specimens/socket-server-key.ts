/**
 * The lie of `server-key` for media that doesn't go by RTP: the page packs it itself and sends it over its WebSocket, sealed
 * soundly, with the key of the join reply. A message as sent: see `base/client/packed.ts`; sealed as `packed-ciphers.ts` there has it.
 */
import { randomPerMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const keyOf = randomPerMeeting(KEY_BYTES);

export const specimen: Specimen = {
  name: 'socket-server-key',
  title: 'seals media over a WebSocket, with a key that the server makes and hands out',
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
