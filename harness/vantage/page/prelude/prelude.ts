/** Runs before the first script of every page and worker: says so, and puts the hooks in place. */
import { acknowledge, emit, introduceRealm, isFresh, lose, messageCount } from './emit.ts';
import { hookEncodedTransforms } from './encoded-transforms.ts';
import { hookPeerConnections, reportTransports } from './peer-connections.ts';
import { hookRandom } from './random.ts';
import { hookWebCrypto } from './web-crypto.ts';

const HOOKS = { hookRandom, hookWebCrypto, hookEncodedTransforms, hookPeerConnections };

if (isFresh) {
  // A paused worker has no `location` yet: to touch it crashes the renderer (Chromium 156).
  const isWindow = typeof Window !== 'undefined';
  emit('hello', isWindow ? { kind: window === window.top ? 'page' : 'iframe', url: location.href } : {});
  introduceRealm({ count: messageCount, acknowledge, transports: reportTransports });
  for (const [name, hook] of Object.entries(HOOKS))
    try {
      hook();
    } catch (error) {
      lose(`the hooks failed: ${name}: ${error}`);
    }
}
