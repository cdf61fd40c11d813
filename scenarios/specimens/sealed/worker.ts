/** Encrypts and decrypts frames with SFrame; the layout is in `../sealed.ts`. */
import { clearBytes, serveTransforms, type Transformer } from '../base/client/transform.ts';
import type { WorkerMessage } from './page.ts';
import { concatenate, decrypt, deriveKey, encrypt, type SFrameKey } from './sframe.ts';

let sending: { key: SFrameKey; counter: number } | undefined;
/** By participant, then by KID: nobody can send with another's key. */
const receiving = new Map<string, Map<number, SFrameKey>>();
/** Video receivers that had to drop a frame for want of its key. */
const starving = new Set<Transformer>();

let work = Promise.resolve();
addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
  work = work.then(() => handle(data));
});

async function handle(message: WorkerMessage): Promise<void> {
  if (message.type === 'left') {
    receiving.delete(message.participant);
    return;
  }
  const { participant, kid, baseKey } = message;
  const key = await deriveKey(baseKey, kid);
  if (participant === null) {
    sending = { key, counter: 0 };
    return;
  }
  receiving.set(participant, (receiving.get(participant) ?? new Map()).set(kid, key));
  for (const transformer of starving) {
    if (transformer.options.participant !== participant) continue;
    starving.delete(transformer);
    // Fails where the track ended meanwhile.
    transformer.sendKeyFrameRequest().catch(() => {});
  }
}

serveTransforms(async (frame, transformer) => {
  const { direction, kind, participant } = transformer.options;
  const bytes = new Uint8Array(frame.data);
  const header = bytes.subarray(0, clearBytes(frame, kind));
  const rest = bytes.subarray(header.length);
  const body = direction === 'send' ? await close(header, rest) : await open(header, rest, participant);
  if (body instanceof Uint8Array) return concatenate(header, body);
  if (body === 'unknown-key' && kind === 'video') starving.add(transformer);
  return undefined;
});

function close(header: Uint8Array, rest: Uint8Array): Promise<Uint8Array> | undefined {
  return sending && encrypt(sending.key, sending.counter++, header, rest);
}

function open(header: Uint8Array, rest: Uint8Array, participant: string) {
  return decrypt(rest, header, (kid) => receiving.get(participant)?.get(kid));
}
