/** Encrypts with the key of the join reply. */
import { fromBase64 } from '../base/client/bytes.ts';
import { packedConference } from '../base/client/packed.ts';
import { wasmCtr } from '../base/client/packed-ciphers.ts';

let key: Uint8Array | undefined;

packedConference('channel', {
  async afterJoin({ config }) {
    key = fromBase64(config.e2eeKey as string);
  },
  ...wasmCtr(() => key),
});
