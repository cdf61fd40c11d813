/** open-easyrtc, a framework for calls that go straight from browser to browser, with its own demo of calls of several. */
import { fileURLToPath } from 'node:url';
import type { Service } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { startEasyRtc } from './base/service.ts';

export const service: Service = {
  name: 'easyrtc/mesh',
  title: 'open-easyrtc, a peer-to-peer mesh, with its own demo page',
  vendor: readVendor(fileURLToPath(new URL('../../vendors/easyrtc.yaml', import.meta.url))),
  start: () => startEasyRtc('honest'),
};
