/** Key derivation of Messaging Layer Security, as far as frame encryption takes it over. */
import { createHmac } from 'node:crypto';

const HASH_BYTES = 32;

/**
 * `DeriveTreeSecret` of RFC 9420 §9, for cipher suites with SHA-256.
 *
 * @param length Bytes, at most 32.
 */
export function deriveTreeSecret(secret: Uint8Array, label: string, generation: number, length: number): Buffer {
  if (length > HASH_BYTES) throw new RangeError(`${length} bytes are more than one block of HKDF-Expand`);
  // KDFLabel, RFC 9420 §8; all vectors are shorter than 64 bytes, so that their length takes one byte (§2.1.2).
  const name = Buffer.from(`MLS 1.0 ${label}`);
  const info = Buffer.alloc(2 + 1 + name.length + 1 + 4);
  info.writeUInt16BE(length);
  info[2] = name.length;
  name.copy(info, 3);
  info[3 + name.length] = 4;
  info.writeUInt32BE(generation, 4 + name.length);
  // HKDF-Expand's first and only block, RFC 5869 §2.3.
  return createHmac('sha256', secret).update(info).update(Uint8Array.of(1)).digest().subarray(0, length);
}
