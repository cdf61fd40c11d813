/** Encrypts and decrypts frames by AES in ECB mode, in plain JavaScript, as a vendor's own code would. */
import { ecb } from '@noble/ciphers/aes.js';
import { clearBytes, serveTransforms } from '../base/client/transform.ts';

let key: Uint8Array | undefined;

addEventListener('message', ({ data }) => {
  key = data;
});

serveTransforms((frame, { options }) => {
  if (!key) return undefined;
  const bytes = new Uint8Array(frame.data);
  const header = bytes.subarray(0, clearBytes(frame, options.kind));
  const rest = bytes.subarray(header.length);
  try {
    return join(header, options.direction === 'send' ? ecb(key).encrypt(rest) : ecb(key).decrypt(rest));
  } catch {
    // The padding is wrong: not a frame of this meeting.
    return undefined;
  }
});

function join(header: Uint8Array, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(header.length + body.length);
  frame.set(header);
  frame.set(body, header.length);
  return frame;
}
