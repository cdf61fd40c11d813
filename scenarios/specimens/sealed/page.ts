/** Exchanges base keys, and hands them to the worker. */
import { conference } from '../base/client/conference.ts';
import { type BaseKey, exchangeKeys } from '../base/client/exchange.ts';
import { transformsIn } from '../base/client/transform.ts';

/** What the worker is told: a key, or that somebody left. */
export type WorkerMessage = ({ type: 'key' } & BaseKey) | { type: 'left'; participant: string };

const worker = new Worker('/worker.js');
const tell = (message: WorkerMessage) => worker.postMessage(message);

conference({
  ...exchangeKeys({
    onKey: (key) => tell({ type: 'key', ...key }),
    onLeft: (participant) => tell({ type: 'left', participant }),
  }),
  ...transformsIn(worker),
});
