/** Element Call in a room that isn't encrypted: nor is the call, but to the server. */
import { serviceOf } from './base/service.ts';

export const service = serviceOf({
  name: 'plain',
  title: 'Element Call in a room without encryption',
  vendor: 'element-call-plain',
  encrypted: false,
});
