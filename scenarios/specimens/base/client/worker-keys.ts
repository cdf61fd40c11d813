/** The keys that the page hands to its worker. */
import { requestKeyFrames } from './transform.ts';

/** In the place of a participant's name: whoever has no key of its own. */
export const EVERYBODY = '*';

export type Key = CryptoKey | Uint8Array<ArrayBuffer>;

/** `participant`: who seals with it, empty for ourselves. `key`: null where the participant left. */
export interface KeyMessage {
  participant: string;
  key: Key | null;
}

/** Of a participant's keys, the new one and the one before: frames under that may still be on their way. */
const MOST_KEYS = 2;

/** In the worker: takes keys from now on. Returns what tells a participant's, the newest first; `prepare` makes them of use. */
export function takeKeys<K>(prepare: (key: Key) => K | Promise<K>): (participant: string) => Promise<K[]> {
  const keys = new Map<string, Promise<K>[]>();
  addEventListener('message', ({ data: { participant, key } }: MessageEvent<KeyMessage>) => {
    if (key === null) {
      keys.delete(participant);
      return;
    }
    const prepared = Promise.resolve(prepare(key));
    keys.set(participant, [prepared, ...(keys.get(participant) ?? [])].slice(0, MOST_KEYS));
    requestKeyFrames(participant);
  });
  return (participant) => Promise.all(keys.get(participant) ?? keys.get(EVERYBODY) ?? []);
}
