/** Seals frames with AES-GCM by WebCrypto: header || nonce (12) || ciphertext || tag (16), the header authenticated. */
import { concatenate } from './bytes.ts';
import { serveFrames } from './transform.ts';
import { takeKeys } from './worker-keys.ts';

const NONCE_BYTES = 12;

const keysOf = takeKeys((key) =>
  key instanceof CryptoKey ? key : crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']),
);

serveFrames(async (header, rest, { direction, participant }) => {
  const keys = await keysOf(participant);
  if (direction === 'receive') return open(keys, header, rest);
  return keys[0] && seal(keys[0], header, rest);
});

async function seal(key: CryptoKey, additionalData: Uint8Array<ArrayBuffer>, rest: Uint8Array<ArrayBuffer>) {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, rest);
  return concatenate(iv, new Uint8Array(sealed));
}

async function open(keys: CryptoKey[], additionalData: Uint8Array<ArrayBuffer>, rest: Uint8Array<ArrayBuffer>) {
  const algorithm = { name: 'AES-GCM', iv: rest.slice(0, NONCE_BYTES), additionalData };
  for (const key of keys) {
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, rest.slice(NONCE_BYTES)));
    } catch {
      // Under another key, or not a frame of this meeting.
    }
  }
  return undefined;
}
