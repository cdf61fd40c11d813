/**
 * open-easyrtc's unmodified page and library, run by a provider that swaps descriptions, and so the fingerprints of certificates
 * that DTLS-SRTP rests on: the media that should go straight to the other participant goes through its server, in clear there.
 */
import { fileURLToPath } from 'node:url';
import type { Service } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { startEasyRtc } from './base/service.ts';

export const service: Service = {
  name: 'easyrtc/swapped',
  title: 'open-easyrtc, run by a provider that swaps fingerprints and stands in the middle',
  vendor: readVendor(fileURLToPath(new URL('../../vendors/easyrtc.yaml', import.meta.url))),
  start: () => startEasyRtc('swapped'),
};
