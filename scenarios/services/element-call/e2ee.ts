/** Element Call in an encrypted room: each participant's device makes its own key and sends it to the others' devices by Olm. */
import { serviceOf } from './base/service.ts';

export const service = serviceOf({
  name: 'e2ee',
  title: 'Element Call with end-to-end encryption, a key for each participant',
  vendor: 'element-call',
  encrypted: true,
});
