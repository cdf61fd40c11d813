/** LiveKit as its guide has it, with a passphrase that people give each other: in the fragment of the link, which no server sees. */
import { serviceOf } from './base/service.ts';

export const service = serviceOf({
  name: 'e2ee',
  title: 'LiveKit with end-to-end encryption, the passphrase in the link',
  vendor: 'livekit',
  passphrase: 'link',
});
