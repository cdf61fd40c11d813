/** Seals with the key of the join reply. */
import { fromBase64 } from '../base/client/bytes.ts';
import { packedConference } from '../base/client/packed.ts';
import { gcm } from '../base/client/packed-ciphers.ts';

let key: CryptoKey | undefined;

packedConference('socket', {
  async afterJoin({ config }) {
    const bytes = fromBase64(config.e2eeKey as string);
    key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
  },
  ...gcm(() => key),
});
