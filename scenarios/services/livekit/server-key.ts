/**
 * LiveKit's end-to-end encryption with a passphrase that the site makes for each meeting and hands out along with the token: what
 * LiveKit's documentation called typical. The passphrase has 144 bits of entropy.
 */
import { randomBytes } from 'node:crypto';
import { perMeeting } from '../../specimens/base/per-meeting.ts';
import { serviceOf } from './base/service.ts';

const PASSPHRASE_BYTES = 18;

export const service = serviceOf({
  name: 'server-key',
  title: 'LiveKit with end-to-end encryption, the passphrase from the server',
  vendor: 'livekit-server-key',
  passphrase: 'server',
  passphraseOf: perMeeting(() => randomBytes(PASSPHRASE_BYTES).toString('base64url')),
});
