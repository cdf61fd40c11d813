/** Hands the key of the join reply to the worker. */
import { conference } from '../base/client/conference.ts';
import { attach } from '../base/client/transform.ts';

const worker = new Worker('/worker.js');

conference({
  async afterJoin(_call, _participants, config) {
    worker.postMessage(config.e2eeKey);
  },
  onSender: (sender, kind) => attach(sender, worker, { direction: 'send', kind, participant: '' }),
  onReceiver: (receiver, kind, participant) => attach(receiver, worker, { direction: 'receive', kind, participant }),
});
