/** Encrypts and decrypts frames by AES in ECB mode, in plain JavaScript, as a vendor's own code would. */
import { ecb } from '@noble/ciphers/aes.js';
import { serveFrames } from '../base/client/transform.ts';
import { takeKeys } from '../base/client/worker-keys.ts';

const keysOf = takeKeys((key) => key as Uint8Array);

serveFrames(async (_header, rest, { direction, participant }) => {
  const [key] = await keysOf(participant);
  if (!key) return undefined;
  try {
    return direction === 'send' ? ecb(key).encrypt(rest) : ecb(key).decrypt(rest);
  } catch {
    // The padding is wrong: not a frame of this meeting.
    return undefined;
  }
});
