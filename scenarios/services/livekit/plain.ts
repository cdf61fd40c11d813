/** LiveKit as it is unless an application asks for more: encrypted to the server. */
import { serviceOf } from './base/service.ts';

export const service = serviceOf({
  name: 'plain',
  title: 'LiveKit without end-to-end encryption',
  vendor: 'livekit-plain',
  passphrase: 'none',
});
