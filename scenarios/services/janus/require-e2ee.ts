/**
 * Rooms of Janus's VideoRoom with `require_e2ee`, and a client that says it encrypts, but doesn't. Janus goes by a word: a
 * description counts as end-to-end encrypted if the client sets `e2ee` beside it (`janus_process_incoming_request` in its
 * `janus.c`). `janus.js` does so where a page gives it transforms, whatever they do; this client is the unmodified demo page,
 * and only the word is added to what it sends.
 */
import { fileURLToPath } from 'node:url';
import type { Service } from '../../../harness/call/service.ts';
import { readVendor } from '../../vendors/vendors.ts';
import { startRooms } from './base/rooms.ts';

const SAY_SO = `const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  const message = JSON.parse(text);
  if (message.jsep) message.jsep.e2ee = true;
  send.call(this, JSON.stringify(message));
};
`;

export const service: Service = {
  name: 'janus/require-e2ee',
  title: "Janus's VideoRoom with require_e2ee, and a client that only says it encrypts",
  vendor: readVendor(fileURLToPath(new URL('../../vendors/janus-require-e2ee.yaml', import.meta.url))),
  start: () => startRooms({ requireE2ee: true, more: SAY_SO }),
};
