/** Ciphers for media that the page packs by itself: what `gcm-worker.ts` and `wasm-worker.ts` do to frames of encoded transforms. */
import { instantiateAes } from './aes.ts';
import aesAddress from './aes.wat';
import { concatenate } from './bytes.ts';
import type { PackedHooks } from './packed.ts';

type Cipher = Pick<PackedHooks, 'seal' | 'open'>;

const NONCE_BYTES = 12;
const COUNTER_BYTES = 16;

/** WebCrypto's AES-GCM: nonce (12) || ciphertext || tag (16), the message's header authenticated. */
export function gcm(keyOf: () => CryptoKey | undefined): Cipher {
  return {
    async seal(additionalData, frame) {
      const key = keyOf();
      if (!key) return undefined;
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, frame);
      return concatenate(iv, new Uint8Array(sealed));
    },
    async open(additionalData, sealed) {
      const key = keyOf();
      if (!key) return undefined;
      const algorithm = { name: 'AES-GCM', iv: sealed.slice(0, NONCE_BYTES), additionalData };
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed.slice(NONCE_BYTES)));
    },
  };
}

/** AES-256-CTR in WebAssembly: first counter block (16; a nonce of 12 random bytes, and zeros) || ciphertext. Nothing is authenticated. */
export function wasmCtr(keyOf: (participant: string) => Uint8Array | undefined): Cipher {
  const cipher = WebAssembly.compileStreaming(fetch(aesAddress)).then(instantiateAes);
  return {
    async seal(_header, frame) {
      const aes = await cipher;
      const key = keyOf('');
      if (!key) return undefined;
      const counter = new Uint8Array(COUNTER_BYTES);
      crypto.getRandomValues(counter.subarray(0, NONCE_BYTES));
      return concatenate(counter, aes(key, counter, frame));
    },
    async open(_header, sealed, from) {
      const aes = await cipher;
      const key = keyOf(from);
      return key && aes(key, sealed.subarray(0, COUNTER_BYTES), sealed.subarray(COUNTER_BYTES));
    },
  };
}
