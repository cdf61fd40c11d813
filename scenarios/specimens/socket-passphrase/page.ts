/** Seals under the passphrase of the link. */
import { secretOfLink } from '../base/client/link.ts';
import { passphraseKey } from '../base/client/meeting-keys.ts';
import { packedConference } from '../base/client/packed.ts';
import { gcm } from '../base/client/packed-ciphers.ts';

let key: CryptoKey | undefined;

packedConference('socket', {
  async afterJoin({ meeting }) {
    key = await passphraseKey(secretOfLink(), meeting);
  },
  ...gcm(() => key),
});
