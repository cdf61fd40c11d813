/**
 * LiveKit's signalling says of each track whether it is end-to-end encrypted. Here the server tells everybody that their own tracks
 * aren't, to see whether the client then stops sealing them. Measured with livekit-client 2.23.0: it does not. Told the same of
 * others' tracks it no longer opens them, and says nothing: the picture stays black (`livekit.spec.ts`). That is why this server
 * tells the truth about those.
 */
import { startRelay } from './base/relay.ts';
import { serviceOf } from './base/service.ts';

export const service = serviceOf({
  name: 'flips-flag',
  title: 'LiveKit with end-to-end encryption, whose server says that there is none',
  vendor: 'livekit',
  passphrase: 'link',
  relay: (url) => startRelay(url, 'own'),
});
