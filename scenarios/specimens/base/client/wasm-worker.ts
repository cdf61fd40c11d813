/**
 * Encrypts frames with AES-256-CTR in WebAssembly: header || first counter block (16) || ciphertext. That block is a nonce of
 * 12 random bytes and four zero bytes, in which the blocks are counted. Nothing is authenticated.
 */
import { instantiateAes } from './aes.ts';
import aesAddress from './aes.wat';
import { concatenate } from './bytes.ts';
import { serveFrames } from './transform.ts';
import { takeKeys } from './worker-keys.ts';

const NONCE_BYTES = 12;
const COUNTER_BYTES = 16;

const cipher = WebAssembly.compileStreaming(fetch(aesAddress)).then(instantiateAes);
const keysOf = takeKeys((key) => key as Uint8Array);

serveFrames(async (_header, rest, { direction, participant }) => {
  const aes = await cipher;
  const [key] = await keysOf(participant);
  if (!key) return undefined;
  if (direction === 'send') {
    const counter = new Uint8Array(COUNTER_BYTES);
    crypto.getRandomValues(counter.subarray(0, NONCE_BYTES));
    return concatenate(counter, aes(key, counter, rest));
  }
  // A key that does not fit cannot be told: what comes of it is left to the decoder.
  return rest.length < COUNTER_BYTES
    ? undefined
    : aes(key, rest.subarray(0, COUNTER_BYTES), rest.subarray(COUNTER_BYTES));
});
