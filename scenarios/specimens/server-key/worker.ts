/** Seals and opens frames with AES-256-GCM by WebCrypto. */
import { clearBytes, serveTransforms } from '../base/client/transform.ts';

const NONCE_BYTES = 12;

let key: Promise<CryptoKey> | undefined;

addEventListener('message', ({ data }: MessageEvent<string>) => {
  const base64 = data.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  key = crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
});

serveTransforms(async (frame, { options }) => {
  if (!key) return undefined;
  const bytes = new Uint8Array(frame.data);
  const header = bytes.slice(0, clearBytes(frame, options.kind));
  const rest = bytes.slice(header.length);
  if (options.direction === 'send') {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: header }, await key, rest);
    return join(header, iv, new Uint8Array(sealed));
  }
  const iv = rest.slice(0, NONCE_BYTES);
  try {
    const algorithm = { name: 'AES-GCM', iv, additionalData: header };
    return join(header, new Uint8Array(await crypto.subtle.decrypt(algorithm, await key, rest.slice(NONCE_BYTES))));
  } catch {
    // Not a frame of this meeting.
    return undefined;
  }
});

function join(...parts: Uint8Array[]): Uint8Array {
  const frame = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}
