/** Exchanges keys; only that goes through WebCrypto. */
import { exchangeKeys } from '../base/client/exchange.ts';
import { packedConference } from '../base/client/packed.ts';
import { wasmCtr } from '../base/client/packed-ciphers.ts';

const keys = new Map<string, Uint8Array>();

packedConference('channel', {
  ...exchangeKeys({
    onKey: ({ participant, baseKey }) => void keys.set(participant, baseKey),
    onLeft: (participant) => void keys.delete(participant),
  }),
  ...wasmCtr((participant) => keys.get(participant)),
});
