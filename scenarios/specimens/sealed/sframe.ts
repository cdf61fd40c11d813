/** SFrame (RFC 9605) with the cipher suite AES_256_GCM_SHA512_128, on WebCrypto. */
import { concatenate } from '../base/client/bytes.ts';

/** RFC 9605, section 4.5. */
const SUITE = 5;
const KEY_BITS = 256;
const NONCE_BYTES = 12;
const TAG_BITS = 128;

/** What one base key yields. The CryptoKey gives nobody its bytes. */
export interface SFrameKey {
  kid: number;
  key: CryptoKey;
  salt: Uint8Array;
}

/** RFC 9605, section 4.4.2. `kid`: at most 2^53 - 1. */
export async function deriveKey(baseKey: Uint8Array, kid: number): Promise<SFrameKey> {
  const base = await crypto.subtle.importKey('raw', baseKey.slice(), 'HKDF', false, ['deriveKey', 'deriveBits']);
  const hkdf = (label: string) => ({ name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(), info: info(label, kid) });
  const key = await crypto.subtle.deriveKey(
    hkdf('SFrame 1.0 Secret key '),
    base,
    { name: 'AES-GCM', length: KEY_BITS },
    false,
    ['encrypt', 'decrypt'],
  );
  const salt = await crypto.subtle.deriveBits(hkdf('SFrame 1.0 Secret salt '), base, 8 * NONCE_BYTES);
  return { kid, key, salt: new Uint8Array(salt) };
}

function info(label: string, kid: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(label);
  const bytes = new Uint8Array(text.length + 10);
  const view = new DataView(bytes.buffer);
  bytes.set(text);
  view.setBigUint64(text.length, BigInt(kid));
  view.setUint16(text.length + 8, SUITE);
  return bytes;
}

/** RFC 9605, section 4.4.3. `counter` must be another one each time that the key is used. Returns header || ciphertext || tag. */
export async function encrypt(
  { kid, key, salt }: SFrameKey,
  counter: number,
  metadata: Uint8Array,
  plaintext: Uint8Array,
): Promise<Uint8Array> {
  const header = encodeHeader(kid, counter);
  const ciphertext = await crypto.subtle.encrypt(parameters(salt, counter, header, metadata), key, plaintext.slice());
  return concatenate(header, new Uint8Array(ciphertext));
}

/**
 * RFC 9605, section 4.4.4. `keyOf` says which key has a KID.
 * @returns the plaintext; `unknown-key` where `keyOf` has none; `refused` where this is no SFrame ciphertext under that key.
 */
export async function decrypt(
  ciphertext: Uint8Array,
  metadata: Uint8Array,
  keyOf: (kid: number) => SFrameKey | undefined,
): Promise<Uint8Array | 'unknown-key' | 'refused'> {
  const header = decodeHeader(ciphertext);
  if (!header) return 'refused';
  const found = keyOf(header.kid);
  if (!found) return 'unknown-key';
  const clear = ciphertext.subarray(0, header.length);
  try {
    const plaintext = await crypto.subtle.decrypt(
      parameters(found.salt, header.counter, clear, metadata),
      found.key,
      ciphertext.slice(header.length),
    );
    return new Uint8Array(plaintext);
  } catch {
    return 'refused';
  }
}

function parameters(salt: Uint8Array, counter: number, header: Uint8Array, metadata: Uint8Array): AesGcmParams {
  const iv = salt.slice();
  const view = new DataView(iv.buffer);
  view.setBigUint64(NONCE_BYTES - 8, view.getBigUint64(NONCE_BYTES - 8) ^ BigInt(counter));
  return { name: 'AES-GCM', iv, additionalData: concatenate(header, metadata), tagLength: TAG_BITS };
}

/** RFC 9605, section 4.3: a config byte X|K|Y|C, then the KID and the counter where they do not fit into it. */
export function encodeHeader(kid: number, counter: number): Uint8Array<ArrayBuffer> {
  const kidBytes = kid < 8 ? [] : bigEndian(kid);
  const counterBytes = counter < 8 ? [] : bigEndian(counter);
  const kidBits = kid < 8 ? kid : 0x8 | (kidBytes.length - 1);
  const counterBits = counter < 8 ? counter : 0x8 | (counterBytes.length - 1);
  return Uint8Array.of((kidBits << 4) | counterBits, ...kidBytes, ...counterBytes);
}

/** The header that these bytes begin with; undefined where they are cut short, or have a number that no sender of ours reaches. */
export function decodeHeader(bytes: Uint8Array): { kid: number; counter: number; length: number } | undefined {
  const config = bytes[0];
  if (config === undefined) return undefined;
  let length = 1;
  const number = (bits: number): number => {
    if (!(bits & 0x8)) return bits;
    let value = 0;
    for (const end = length + (bits & 0x7) + 1; length < end; length++)
      value = value * 256 + (bytes[length] ?? Number.NaN);
    return value;
  };
  const kid = number(config >> 4);
  const counter = number(config & 0xf);
  return Number.isSafeInteger(kid) && Number.isSafeInteger(counter) ? { kid, counter, length } : undefined;
}

function bigEndian(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}
