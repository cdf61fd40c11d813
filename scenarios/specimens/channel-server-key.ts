/**
 * The lie of `wasm-server-key` for media that doesn't go by RTP: the page packs it itself and sends it over a data channel to the
 * server. A message as sent: see `base/client/packed.ts`; sealed as `packed-ciphers.ts` there has it, in WebAssembly.
 */
import { randomPerMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const keyOf = randomPerMeeting(KEY_BYTES);

export const specimen: Specimen = {
  name: 'channel-server-key',
  title: 'encrypts media over a data channel in WebAssembly, with a key that the server makes and hands out',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'lie', 'key-origin': 'lie', 'key-delivery': 'lie', cipher: 'honest' },
  config: (meeting) => ({ e2eeKey: keyOf(meeting) }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
