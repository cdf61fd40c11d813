/** The honest twin of `channel-server-key`: the same way and cipher, with keys that participants make and exchange as in `sealed`. */
import { type Specimen, serviceOf } from './base/specimen.ts';

export const specimen: Specimen = {
  name: 'channel-device-key',
  title: 'honest: encrypts media over a data channel in WebAssembly, keys sealed from participant to participant',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'honest', 'key-origin': 'honest', 'key-delivery': 'honest', cipher: 'honest' },
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
