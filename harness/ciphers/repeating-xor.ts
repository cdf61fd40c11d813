/**
 * Frames under a short key that is XORed over them again and again, as libwebrtc's sample of end-to-end encryption and
 * Janus's demo have it: `[clear prefix] ciphertext, [key id (1), DE AD BE EF]`.
 * Source: webrtc/samples, src/content/insertable-streams/endtoend-encryption/js/worker.js; meetecho/janus-gateway,
 * html/demos/e2e.js.
 */
import { type SealedFrame, usualClearPrefix } from './scheme.ts';

/** Longest key (bytes). */
export const MOST_KEY_BYTES = 256;
const TRAILER_BYTES = 5;
const MARK = 0xdeadbeef;
/** Frames of a sample that must have the trailer; one that was sent before the key was there has none. */
const TRAILED = 3 / 4;

/** Which bytes are in clear, and which of them, or the frame's first, meets the key's first. */
export interface Layout {
  /** The sample leaves in clear what packetisers read, or nothing; Janus's demo 10 bytes of everything. */
  readonly prefix: 'usual' | 'ten' | 'none';
  readonly from: 'frame' | 'prefix';
}

/** The likeliest first. */
export const LAYOUTS: readonly Layout[] = [
  { prefix: 'usual', from: 'frame' },
  { prefix: 'ten', from: 'frame' },
  { prefix: 'none', from: 'frame' },
  { prefix: 'usual', from: 'prefix' },
  { prefix: 'ten', from: 'prefix' },
];

/** Bytes that a layout leaves in clear in a frame; those that the frame is too short for aren't counted off. */
export function clearBytes(frame: Pick<SealedFrame, 'medium' | 'key'>, { prefix }: Layout): number {
  if (prefix === 'none') return 0;
  return prefix === 'ten' ? 10 : usualClearPrefix(frame);
}

/** Place in a key that meets a frame's first byte, as if that weren't in clear. */
export function keyOffset(frame: Pick<SealedFrame, 'medium' | 'key'>, layout: Layout, keyBytes: number): number {
  if (layout.from === 'frame') return 0;
  const prefix = clearBytes(frame, layout);
  return (keyBytes - (prefix % keyBytes)) % keyBytes;
}

/** A frame without its trailer, and the key's id. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly keyId?: bigint;
}

/** Takes the trailer off; `undefined` where there is none. */
export function withoutTrailer(data: Uint8Array): Body | undefined {
  const end = data.length - TRAILER_BYTES;
  if (end < 0) return undefined;
  if (new DataView(data.buffer, data.byteOffset + end + 1).getUint32(0) !== MARK) return undefined;
  return { bytes: data.subarray(0, end), keyId: BigInt(data[end]!) };
}

/** The frames of a sample without their trailers, if they have them; those that lack it while the others have it are left out. */
export function bodiesOf(sample: readonly SealedFrame[]): { trailed: boolean; bodies: SealedFrame[] } {
  const cut = sample.flatMap((frame) => {
    const body = withoutTrailer(frame.data);
    return body ? [{ ...frame, data: body.bytes }] : [];
  });
  const trailed = cut.length >= sample.length * TRAILED && cut.length > 0;
  return { trailed, bodies: (trailed ? cut : [...sample]).filter(({ data }) => data.length > 0) };
}

/** The first `length` bytes of a body, deciphered. */
export function decipher(frame: SealedFrame, layout: Layout, key: Uint8Array, length = frame.data.length): Buffer {
  const bytes = Buffer.from(frame.data.subarray(0, length));
  const offset = keyOffset(frame, layout, key.length);
  for (let i = clearBytes(frame, layout); i < bytes.length; i++) bytes[i]! ^= key[(i + offset) % key.length]!;
  return bytes;
}
