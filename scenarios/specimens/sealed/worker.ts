/** Encrypts and decrypts frames with SFrame; the layout is in `../sealed.ts`. */
import { requestKeyFrames, serveFrames } from '../base/client/transform.ts';
import type { WorkerMessage } from './page.ts';
import { decrypt, deriveKey, encrypt, type SFrameKey } from './sframe.ts';

let sending: { key: SFrameKey; counter: number } | undefined;
/** By participant, then by KID: nobody can send with another's key. */
const receiving = new Map<string, Map<number, SFrameKey>>();

let work = Promise.resolve();
addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
  work = work.then(() => handle(data));
});

async function handle(message: WorkerMessage): Promise<void> {
  const { participant } = message;
  if (message.type === 'left') {
    if (participant === '') sending = undefined;
    receiving.delete(participant);
    return;
  }
  const { kid, baseKey } = message;
  const key = await deriveKey(baseKey, kid);
  if (participant === '') {
    sending = { key, counter: 0 };
    return;
  }
  receiving.set(participant, (receiving.get(participant) ?? new Map()).set(kid, key));
  requestKeyFrames(participant);
}

serveFrames(async (header, rest, { direction, participant }) => {
  if (direction === 'send') return sending && encrypt(sending.key, sending.counter++, header, rest);
  const opened = await decrypt(rest, header, (kid) => receiving.get(participant)?.get(kid));
  return typeof opened === 'string' ? undefined : opened;
});
