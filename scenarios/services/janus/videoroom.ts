/** The VideoRoom of the Janus WebRTC server, a widely used SFU, with the demo pages that come with it. */
import { fileURLToPath } from 'node:url';
import type { Service } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { startRooms } from './base/rooms.ts';

export const service: Service = {
  name: 'janus/videoroom',
  title: 'the VideoRoom of the Janus WebRTC server, with its own demo pages',
  vendor: readVendor(fileURLToPath(new URL('../../vendors/janus.yaml', import.meta.url))),
  start: () => startRooms(),
};
