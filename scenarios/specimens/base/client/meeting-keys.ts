/** Ways to make the AES-256-GCM key that all in a meeting share. The CryptoKey gives nobody its bytes. */

const AES = { name: 'AES-GCM', length: 256 };
const PBKDF2_ITERATIONS = 100_000;
const HKDF_SALT = 'public-derivation';
const HKDF_INFO = 'media';

/** PBKDF2-SHA256 (RFC 8018) of a passphrase, 100,000 iterations, the salt the meeting's name. */
export async function passphraseKey(passphrase: string, meeting: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', utf8(passphrase), 'PBKDF2', false, ['deriveKey']);
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt: utf8(meeting), iterations: PBKDF2_ITERATIONS };
  return crypto.subtle.deriveKey(pbkdf2, base, AES, false, ['encrypt', 'decrypt']);
}

/** HKDF-SHA256 (RFC 5869) of the SHA-256 of a text, salt "public-derivation", info "media". */
export async function derivedKey(text: string): Promise<CryptoKey> {
  const base = await crypto.subtle.importKey('raw', await sha256(text), 'HKDF', false, ['deriveKey']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: utf8(HKDF_SALT), info: utf8(HKDF_INFO) };
  return crypto.subtle.deriveKey(hkdf, base, AES, false, ['encrypt', 'decrypt']);
}

/** The exclusive or of two halves of 32 bytes; each alone tells nothing of it. */
export function joinedKey(half: Uint8Array, other: Uint8Array): Promise<CryptoKey> {
  const key = Uint8Array.from(half, (byte, index) => byte ^ other[index]!);
  return crypto.subtle.importKey('raw', key, AES.name, false, ['encrypt', 'decrypt']);
}

export async function sha256(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text)));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
