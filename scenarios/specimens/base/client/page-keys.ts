/** Conferences whose page has the keys and whose worker, which takes them by `worker-keys.ts`, has the cipher. */
import { type Call, conference } from './conference.ts';
import { type Exchange, exchangeKeys } from './exchange.ts';
import { transformsIn } from './transform.ts';
import { EVERYBODY, type Key, type KeyMessage } from './worker-keys.ts';

/** All in the meeting seal with the same key. `keyOf` gets it once we are in; where it rejects, joining fails. */
export function conferenceWithOneKey(keyOf: (call: Call) => Key | Promise<Key>): void {
  const { hooks, tell } = startWorker();
  conference({
    async afterJoin(call) {
      tell({ participant: EVERYBODY, key: await keyOf(call) });
    },
    ...hooks,
  });
}

/** Each seals with base keys of its own. `onOwnKey` runs before one is used; where it rejects, the call fails. */
export function conferenceWithExchangedKeys({
  onOwnKey,
  ...options
}: Pick<Exchange, 'keyBytes' | 'verified'> & { onOwnKey?: Exchange['onKey'] } = {}): void {
  const { hooks, tell } = startWorker();
  conference({
    ...exchangeKeys({
      ...options,
      async onKey(key, call) {
        if (key.participant === '') await onOwnKey?.(key, call);
        tell({ participant: key.participant, key: key.baseKey });
      },
      onLeft: (participant) => tell({ participant, key: null }),
    }),
    ...hooks,
  });
}

function startWorker() {
  const worker = new Worker('/worker.js');
  return { hooks: transformsIn(worker), tell: (message: KeyMessage) => worker.postMessage(message) };
}
