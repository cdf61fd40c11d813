/** Gets the meeting's key from the key server that the join reply names, and hands it to the worker. */
import { conference } from '../base/client/conference.ts';
import { attach } from '../base/client/transform.ts';
import type { KeyReply } from '../zoom-2020.ts';

const worker = new Worker('/worker.js');

conference({
  async afterJoin({ meeting, name }, _participants, config) {
    const response = await fetch(config.keyServer as string, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ meeting, name }),
    });
    if (!response.ok) throw new Error(`the key server answered ${response.status}`);
    const reply = (await response.json()) as KeyReply;
    worker.postMessage(Uint8Array.from(atob(reply.encKey), (character) => character.charCodeAt(0)));
  },
  onSender: (sender, kind) => attach(sender, worker, { direction: 'send', kind, participant: '' }),
  onReceiver: (receiver, kind, participant) => attach(receiver, worker, { direction: 'receive', kind, participant }),
});
