/**
 * Stream Video's frame encryption, version 1: `[clear prefix] ciphertext, tag, trailer (20)`.
 *
 * The trailer is `counter (4), IV prefix (8), key index (1), flag and length of the clear prefix (2), version (1),
 * E2 EE FE ED`; the IV is prefix and counter. The clear prefix is the additional data. With H.264 all behind it, the trailer
 * among it, is escaped as a NAL unit's payload is, zeros at the clear prefix's end counted in, and the flag says so.
 */
import { decryptGcm, openedGcm } from '../gcm.ts';
import { unescapeRbsp } from '../rbsp.ts';
import type { Opened, Scheme, SealedFrame } from '../scheme.ts';

const TRAILER_BYTES = 20;
const COUNTER_BYTES = 4;
const PREFIX_BYTES = 8;
const VERSION = 1;
const MAGIC = 0xe2eefeed;
/** Top bit of the clear prefix's length. */
const ESCAPED = 0x8000;

function open(frame: SealedFrame, key: Uint8Array): Opened | undefined {
  const data = Buffer.from(frame.data.buffer, frame.data.byteOffset, frame.data.length);
  const { length } = data;
  if (length < TRAILER_BYTES || data.readUInt32BE(length - 4) !== MAGIC || data[length - 5] !== VERSION)
    return undefined;
  // These bytes are never escaped: no two zeros come before them.
  const field = data.readUInt16BE(length - 7);
  const clearPrefix = field & ~ESCAPED;
  if (clearPrefix > length - TRAILER_BYTES) return undefined;
  const clear = data.subarray(0, clearPrefix);
  const behind = data.subarray(clearPrefix);
  const unescaped = field & ESCAPED ? Buffer.from(unescapeRbsp(behind, zerosAtEnd(clear))) : behind;
  const end = unescaped.length - TRAILER_BYTES;
  if (end < 0) return undefined;
  const counter = unescaped.subarray(end, end + COUNTER_BYTES);
  const prefix = unescaped.subarray(end + COUNTER_BYTES, end + COUNTER_BYTES + PREFIX_BYTES);
  const nonce = Buffer.concat([prefix, counter]);
  const rest = decryptGcm(key, nonce, clear, unescaped.subarray(0, end));
  const keyId = BigInt(unescaped[end + COUNTER_BYTES + PREFIX_BYTES]!);
  return rest && openedGcm(frame, clearPrefix, rest, key, nonce, keyId);
}

/** At most two, which is when the escape begins. */
function zerosAtEnd(bytes: Uint8Array): number {
  let zeros = 0;
  while (zeros < 2 && bytes[bytes.length - 1 - zeros] === 0) zeros++;
  return zeros;
}

/** Candidates are the raw keys that the application hands to the SDK. */
export const scheme: Scheme = {
  id: 'getstream',
  title: 'Stream Video (GetStream)',
  source: 'GetStream/stream-video-js, packages/client/src/rtc/e2ee/SPEC.md §5',
  authenticated: true,
  keyLengths: [16, 32],
  prepare: (secret) => (scheme.keyLengths.includes(secret.length) ? (frame) => open(frame, secret) : undefined),
};
