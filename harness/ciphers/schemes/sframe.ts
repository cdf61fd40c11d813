/**
 * SFrame, RFC 9605: `[clear codec prefix] config byte, key id, counter, ciphertext, tag`.
 *
 * The RFC seals a whole frame. Applications whose frames have to pass a codec's packetiser keep the codec's first bytes in
 * clear in front of it and hand them over as the RFC's `metadata`, so that the tag covers them.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { decryptGcm, NONCE_BYTES } from '../gcm.ts';
import { type Cipher, clearPrefixes, type Opened, type Opener, type Scheme, type SealedFrame } from '../scheme.ts';

/** Derived keys that an opener keeps. Frames name their key, so that a hostile sender could name any number. */
const MAX_DERIVED = 64;

interface Suite {
  readonly id: number;
  readonly hash: 'sha256' | 'sha512';
  readonly encryption: 'aes-128-ctr' | 'aes-128-gcm' | 'aes-256-gcm';
  /** Nk: the derived key; in the CTR suites the authentication key is its second part. */
  readonly keyBytes: number;
  readonly encryptionKeyBytes: number;
  /** Nt. */
  readonly tagBytes: number;
}

/** RFC 9605 §4.5, table 1; the commonest first, since that is the order in which they are tried. */
const SUITES: readonly Suite[] = [
  { id: 4, hash: 'sha256', encryption: 'aes-128-gcm', keyBytes: 16, encryptionKeyBytes: 16, tagBytes: 16 },
  { id: 5, hash: 'sha512', encryption: 'aes-256-gcm', keyBytes: 32, encryptionKeyBytes: 32, tagBytes: 16 },
  { id: 1, hash: 'sha256', encryption: 'aes-128-ctr', keyBytes: 48, encryptionKeyBytes: 16, tagBytes: 10 },
  { id: 2, hash: 'sha256', encryption: 'aes-128-ctr', keyBytes: 48, encryptionKeyBytes: 16, tagBytes: 8 },
  { id: 3, hash: 'sha256', encryption: 'aes-128-ctr', keyBytes: 48, encryptionKeyBytes: 16, tagBytes: 4 },
];

export interface SFrameHeader {
  /** KID. */
  readonly keyId: bigint;
  /** CTR. */
  readonly counter: bigint;
  /** Bytes that the header takes, 1 to 17. */
  readonly length: number;
}

/**
 * Reads the header at `offset`, RFC 9605 §4.3. `undefined` where the bytes end too early or a number isn't written in
 * the fewest bytes, which the RFC demands: that alone tells most other bytes from a header.
 */
export function parseHeader(data: Uint8Array, offset = 0): SFrameHeader | undefined {
  const config = data[offset];
  if (config === undefined) return undefined;
  const keyId = number(data, offset + 1, config >> 4);
  if (!keyId) return undefined;
  const counter = number(data, offset + 1 + keyId.bytes, config & 0x0f);
  if (!counter) return undefined;
  return { keyId: keyId.value, counter: counter.value, length: 1 + keyId.bytes + counter.bytes };
}

/** Half a config byte: the number itself (0 to 7), or the top bit and the number's length in bytes less 1. */
function number(data: Uint8Array, at: number, nibble: number): { value: bigint; bytes: number } | undefined {
  if (nibble < 8) return { value: BigInt(nibble), bytes: 0 };
  const bytes = nibble - 7;
  if (at + bytes > data.length) return undefined;
  if (data[at] === 0 || (bytes === 1 && data[at]! < 8)) return undefined;
  let value = 0n;
  for (let i = at; i < at + bytes; i++) value = (value << 8n) | BigInt(data[i]!);
  return { value, bytes };
}

/** Writes a header, RFC 9605 §4.3. Throws a RangeError for numbers outside 0 to 2^64 - 1. */
export function serializeHeader(keyId: bigint, counter: bigint): Uint8Array {
  const k = minimal(keyId);
  const c = minimal(counter);
  const nibble = (value: bigint, bytes: Uint8Array) => (bytes.length === 0 ? Number(value) : 7 + bytes.length);
  return Buffer.concat([Uint8Array.of((nibble(keyId, k) << 4) | nibble(counter, c)), k, c]);
}

function minimal(value: bigint): Uint8Array {
  if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} doesn't fit an SFrame header`);
  if (value < 8n) return new Uint8Array(0);
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex');
}

function hmac(hash: string, key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const mac = createHmac(hash, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** HKDF-Expand, RFC 5869 §2.3; node's own makes the extract step over again each time. */
function expand(hash: string, secret: Uint8Array, info: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let have = 0; have < length; have += blocks[0]!.length) {
    const previous = blocks.at(-1) ?? new Uint8Array(0);
    blocks.push(hmac(hash, secret, previous, info, Uint8Array.of(blocks.length + 1)));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

interface Derived {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** `derive_key_salt` of RFC 9605 §4.4.2, from the extracted secret. */
function derive(suite: Suite, secret: Uint8Array, keyId: bigint): Derived {
  const suffix = Buffer.alloc(10);
  suffix.writeBigUInt64BE(keyId);
  suffix.writeUInt16BE(suite.id, 8);
  const label = (text: string) => Buffer.concat([Buffer.from(text), suffix]);
  return {
    key: expand(suite.hash, secret, label('SFrame 1.0 Secret key '), suite.keyBytes),
    salt: expand(suite.hash, secret, label('SFrame 1.0 Secret salt '), NONCE_BYTES),
  };
}

function nonceOf(salt: Uint8Array, counter: bigint): Buffer {
  const nonce = Buffer.from(salt);
  const low = nonce.readBigUInt64BE(NONCE_BYTES - 8) ^ counter;
  nonce.writeBigUInt64BE(low, NONCE_BYTES - 8);
  return nonce;
}

/** The tag of the CTR suites, RFC 9605 §4.5.1. */
function ctrTag(suite: Suite, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Buffer {
  const lengths = Buffer.alloc(24);
  lengths.writeBigUInt64BE(BigInt(aad.length), 0);
  lengths.writeBigUInt64BE(BigInt(ciphertext.length), 8);
  lengths.writeBigUInt64BE(BigInt(suite.tagBytes), 16);
  const authentication = key.subarray(suite.encryptionKeyBytes);
  return hmac(suite.hash, authentication, lengths, nonce, aad, ciphertext).subarray(0, suite.tagBytes);
}

function ctrIv(nonce: Uint8Array): Buffer {
  return Buffer.concat([nonce, Buffer.alloc(4)]);
}

function openSuite(suite: Suite, key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array) {
  if (suite.encryption !== 'aes-128-ctr') return decryptGcm(key, nonce, aad, sealed);
  const ciphertext = sealed.subarray(0, sealed.length - suite.tagBytes);
  const tag = sealed.subarray(sealed.length - suite.tagBytes);
  if (!timingSafeEqual(ctrTag(suite, key, nonce, aad, ciphertext), tag)) return undefined;
  const decipher = createDecipheriv(suite.encryption, key.subarray(0, suite.encryptionKeyBytes), ctrIv(nonce));
  return decipher.update(ciphertext);
}

function cipherOf(suite: Suite): Cipher {
  const mode = suite.encryption === 'aes-128-ctr' ? 'CTR' : 'GCM';
  return { algorithm: 'AES', mode, keyBits: suite.encryptionKeyBytes * 8, tagBits: suite.tagBytes * 8 };
}

/** Derived keys of one base key, for any suite and key id; keeps the last {@link MAX_DERIVED}. */
function keysOf(baseKey: Uint8Array): (suite: Suite, keyId: bigint) => Derived {
  const extracted = new Map<string, Buffer>();
  const derived = new Map<string, Derived>();
  return (suite, keyId) => {
    const name = `${suite.id} ${keyId}`;
    const known = derived.get(name);
    if (known) return known;
    let secret = extracted.get(suite.hash);
    if (!secret) {
      // HKDF-Extract with an empty salt
      secret = hmac(suite.hash, new Uint8Array(0), baseKey);
      extracted.set(suite.hash, secret);
    }
    const fresh = derive(suite, secret, keyId);
    if (derived.size >= MAX_DERIVED) derived.delete(derived.keys().next().value!);
    derived.set(name, fresh);
    return fresh;
  };
}

function prepare(secret: Uint8Array): Opener | undefined {
  if (secret.length === 0) return undefined;
  const keys = keysOf(secret);
  let suites = SUITES;
  return (frame) => {
    for (const clearPrefix of clearPrefixes(frame)) {
      const header = parseHeader(frame.data, clearPrefix);
      if (!header) continue;
      const start = clearPrefix + header.length;
      const sealed = frame.data.subarray(start);
      for (const suite of suites) {
        if (sealed.length < suite.tagBytes) continue;
        const { key, salt } = keys(suite, header.keyId);
        const nonce = nonceOf(salt, header.counter);
        const rest = openSuite(suite, key, nonce, aadOf(frame.data, clearPrefix, start), sealed);
        if (!rest) continue;
        // A call keeps to one suite: the next frame tries this one first.
        suites = [suite, ...SUITES.filter((other) => other !== suite)];
        const plaintext = Buffer.concat([frame.data.subarray(0, clearPrefix), rest]);
        return { plaintext, cipher: cipherOf(suite), clearPrefix, nonce, keyId: header.keyId };
      }
    }
    return undefined;
  };
}

/** header || metadata, RFC 9605 §4.4.3. */
function aadOf(data: Uint8Array, clearPrefix: number, start: number): Buffer {
  return Buffer.concat([data.subarray(clearPrefix, start), data.subarray(0, clearPrefix)]);
}

/**
 * Opens a frame with an AES-GCM key and salt as they come out of SFrame's key derivation (suites 4 and 5): for keys that
 * were seen in use, where the base key wasn't.
 *
 * @param key 16 or 32 bytes.
 * @param at `salt`, or the `nonce` of just this frame; 12 bytes.
 */
export function openWithKey(
  frame: SealedFrame,
  key: Uint8Array,
  at: { salt: Uint8Array } | { nonce: Uint8Array },
): Opened | undefined {
  const suite = SUITES.find((s) => s.encryption !== 'aes-128-ctr' && s.keyBytes === key.length);
  const given = 'salt' in at ? at.salt : at.nonce;
  if (!suite || given.length !== NONCE_BYTES) return undefined;
  for (const clearPrefix of clearPrefixes(frame)) {
    const header = parseHeader(frame.data, clearPrefix);
    if (!header) continue;
    const start = clearPrefix + header.length;
    const sealed = frame.data.subarray(start);
    if (sealed.length < suite.tagBytes) continue;
    const nonce = 'salt' in at ? nonceOf(at.salt, header.counter) : at.nonce;
    const rest = decryptGcm(key, nonce, aadOf(frame.data, clearPrefix, start), sealed);
    if (!rest) continue;
    const plaintext = Buffer.concat([frame.data.subarray(0, clearPrefix), rest]);
    return { plaintext, cipher: cipherOf(suite), clearPrefix, nonce, keyId: header.keyId };
  }
  return undefined;
}

/** What {@link seal} needs beside the frame. */
export interface SealOptions {
  /** Cipher suite, 1 to 5. */
  suite: number;
  baseKey: Uint8Array;
  keyId: bigint;
  counter: bigint;
  /** Bytes of the frame to leave in clear in front, authenticated; 0 by default. */
  clearPrefix?: number;
  /** The RFC's metadata, where it is sent apart from the frame. By default the clear prefix. */
  metadata?: Uint8Array;
}

/** Seals a frame as a sender would, RFC 9605 §4.4.3. Throws a RangeError for a suite that the RFC doesn't have. */
export function seal(plaintext: Uint8Array, options: SealOptions): Uint8Array {
  const suite = SUITES.find((s) => s.id === options.suite);
  if (!suite) throw new RangeError(`RFC 9605 has no cipher suite ${options.suite}`);
  const prefix = plaintext.subarray(0, options.clearPrefix ?? 0);
  const header = serializeHeader(options.keyId, options.counter);
  const { key, salt } = keysOf(options.baseKey)(suite, options.keyId);
  const nonce = nonceOf(salt, options.counter);
  const aad = Buffer.concat([header, options.metadata ?? prefix]);
  const encryptionKey = key.subarray(0, suite.encryptionKeyBytes);
  const body = plaintext.subarray(prefix.length);
  if (suite.encryption === 'aes-128-ctr') {
    const ciphertext = createCipheriv(suite.encryption, encryptionKey, ctrIv(nonce)).update(body);
    return Buffer.concat([prefix, header, ciphertext, ctrTag(suite, key, nonce, aad, ciphertext)]);
  }
  const cipher = createCipheriv(suite.encryption, encryptionKey, nonce, { authTagLength: suite.tagBytes });
  cipher.setAAD(aad);
  const ciphertext = cipher.update(body);
  cipher.final();
  return Buffer.concat([prefix, header, ciphertext, cipher.getAuthTag()]);
}

/** Candidates are base keys. */
export const scheme: Scheme = {
  id: 'sframe',
  title: 'SFrame',
  source: 'RFC 9605',
  authenticated: true,
  keyLengths: [16, 32, 48, 64],
  prepare,
};
