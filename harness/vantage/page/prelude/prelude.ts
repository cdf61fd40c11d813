/** Runs before the first script of every page and worker: says so, and puts the hooks in place. */
import { acknowledge, emit, introduceRealm, isFresh, lose, messageCount } from './emit.ts';
import { hookEncodedTransforms } from './encoded-transforms.ts';
import { hookEncoders } from './encoders.ts';
import { hookPeerConnections, reportTransports } from './peer-connections.ts';
import { hookRandom } from './random.ts';
import { hookSockets } from './sockets.ts';
import { hookWebCrypto } from './web-crypto.ts';

const { keys } = Object;
const HOOKS = { hookRandom, hookWebCrypto, hookEncodedTransforms, hookPeerConnections, hookSockets };
/**
 * What needs a part of the platform that a paused worker doesn't have yet. An encoder that a worker makes before it gets its
 * first message is missed, and its media then taken for bytes of an unknown kind.
 */
const LATE_HOOKS = { hookEncoders };

if (isFresh) {
  // A paused worker has no `location` yet: to touch it crashes the renderer (Chromium 156).
  const isWindow = typeof Window !== 'undefined';
  emit('hello', isWindow ? { kind: window === window.top ? 'page' : 'iframe', url: location.href } : {});
  introduceRealm({ count: messageCount, acknowledge, transports: reportTransports });
  hook(HOOKS);
  if (isWindow) hook(LATE_HOOKS);
  // Before the worker's own listeners. Whatever it is to encode comes by a message; worklets get none.
  else if ('addEventListener' in globalThis) addEventListener('message', () => hook(LATE_HOOKS), { once: true });
}

function hook(hooks: Record<string, () => void>): void {
  const names = keys(hooks);
  for (let index = 0; index < names.length; index++)
    try {
      hooks[names[index]!]!();
    } catch (error) {
      lose(`the hooks failed: ${names[index]}: ${error}`);
    }
}
