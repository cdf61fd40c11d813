/**
 * The key of `server-key` with a cipher in WebAssembly, AES-256 in counter mode: WebCrypto has no part in it.
 *
 * A frame as sent: header || first counter block (16) || AES-256-CTR(rest). The counter block is a nonce of 12 random bytes and
 * four zero bytes. Nothing is authenticated.
 */
import { randomPerMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const keyOf = randomPerMeeting(KEY_BYTES);

export const specimen: Specimen = {
  name: 'wasm-server-key',
  title: 'encrypts in WebAssembly, with a key that the server makes and hands out',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'lie', 'key-origin': 'lie', 'key-delivery': 'lie', cipher: 'honest' },
  config: (meeting) => ({ e2eeKey: keyOf(meeting) }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
