/** Who a participant is to the others, and how it seals a base key for one of them. */
import { concatenate } from './bytes.ts';

const IV_BYTES = 12;
const CODE_GROUPS = 6;

export interface Identity {
  privateKey: CryptoKey;
  /** 32 bytes (RFC 7748, section 6.1). */
  publicKey: Uint8Array<ArrayBuffer>;
}

export async function createIdentity(): Promise<Identity> {
  const keys = (await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits'])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', keys.publicKey));
  return { privateKey: keys.privateKey, publicKey };
}

/**
 * The key under which these two seal to each other: HKDF-SHA256 (RFC 5869) of their X25519 secret, bound to both public keys.
 * Rejects where the other's key is none.
 */
export async function sealingKey(own: Identity, other: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const peer = await crypto.subtle.importKey('raw', other, { name: 'X25519' }, false, []);
  const secret = await crypto.subtle.deriveBits({ name: 'X25519', public: peer }, own.privateKey, 256);
  const base = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']);
  const info = concatenate(new TextEncoder().encode('sealed base key'), ...sorted([own.publicKey, other]));
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
    base,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );
}

/** Returns IV || ciphertext || tag. `context` is authenticated: what the key is for, and who seals it to whom. */
export async function seal(key: CryptoKey, baseKey: Uint8Array<ArrayBuffer>, context: string): Promise<Uint8Array> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(iv, context), key, baseKey);
  return concatenate(iv, new Uint8Array(sealed));
}

/** Rejects where this was not sealed under this key in this context. */
export async function unseal(key: CryptoKey, sealed: Uint8Array, context: string): Promise<Uint8Array<ArrayBuffer>> {
  const iv = sealed.slice(0, IV_BYTES);
  return new Uint8Array(await crypto.subtle.decrypt(parameters(iv, context), key, sealed.slice(IV_BYTES)));
}

function parameters(iv: Uint8Array<ArrayBuffer>, context: string): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(context) };
}

/** What people compare aloud: six groups of five digits, of the SHA-256 of all public keys in the call. */
export async function verificationCode(publicKeys: Uint8Array[]): Promise<string> {
  const digest = new DataView(await crypto.subtle.digest('SHA-256', concatenate(...sorted(publicKeys))));
  const groups = Array.from({ length: CODE_GROUPS }, (_, group) => digest.getUint32(4 * group) % 100_000);
  return groups.map((group) => String(group).padStart(5, '0')).join(' ');
}

function sorted(keys: Uint8Array[]): Uint8Array[] {
  return [...keys].sort((a, b) => {
    const at = a.findIndex((byte, index) => byte !== b[index]);
    return at < 0 ? 0 : a[at]! - b[at]!;
  });
}
