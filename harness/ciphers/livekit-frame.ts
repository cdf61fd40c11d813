/**
 * LiveKit's frame: `clear prefix, ciphertext, tag, nonce, 0x0C, key index, [metadata]`. With H.264 and H.265 all behind the
 * clear prefix but the metadata is escaped as a NAL unit's payload is, so that packetisers see no start code in it.
 * Source: livekit/client-sdk-js, src/e2ee/worker/FrameCryptor.ts and naluUtils.ts, src/frameMetadata/frameMetadata.ts.
 */
import { openNonceTrailer } from './gcm.ts';
import { unescapeRbsp } from './rbsp.ts';
import { type Opened, type SealedFrame, usualClearPrefix } from './scheme.ts';

/** Default `ratchetSalt`, src/e2ee/constants.ts. */
export const SALT = 'LKFrameEncryptionKey';

/** Bytes of a frame in which the first slice is looked for: parameter sets and SEI come before it. */
const SLICE_WITHIN = 4096;

/** `PACKET_TRAILER_MAGIC`; in front of it stands the length of all metadata, each bit inverted. */
const METADATA = Buffer.from('LKTS');
const LEAST_METADATA = METADATA.length + 1;

/** Takes off the metadata that a sender may append to its video after encryption: timestamps and numbers of frames. */
export function withoutMetadata(frame: SealedFrame): SealedFrame {
  const { data } = frame;
  const length = data[data.length - LEAST_METADATA]! ^ 0xff;
  if (Buffer.compare(data.subarray(-METADATA.length), METADATA) !== 0) return frame;
  if (!(length >= LEAST_METADATA && length <= data.length)) return frame;
  return { ...frame, data: data.subarray(0, data.length - length) };
}

/** Opens a frame with 32 bytes of derived key: AES-128 has their first half, the option `keySize: 256` all of them. */
export function openLiveKitFrame(frame: SealedFrame, derived: Uint8Array): Opened | undefined {
  const keys = [derived.subarray(0, 16), derived];
  // VP8's rule, and VP9's: nothing in clear.
  for (const prefix of new Set([usualClearPrefix(frame), frame.medium === 'video' ? 0 : 1])) {
    for (const key of keys) {
      const opened = openNonceTrailer(frame.data, prefix, key);
      if (opened) return opened;
    }
  }
  if (frame.medium === 'audio') return undefined;
  for (const slice of slicePrefixes(frame.data)) {
    const data = Buffer.concat([frame.data.subarray(0, slice), unescapeRbsp(frame.data.subarray(slice))]);
    for (const key of keys) {
      const opened = openNonceTrailer(data, slice, key);
      if (opened) return opened;
    }
  }
  return undefined;
}

/**
 * Up to two bytes into the first slice of an Annex B stream, once read as H.264 and once as H.265, since the frame doesn't
 * say which it is. Empty where it is no such stream.
 */
function slicePrefixes(data: Uint8Array): Set<number> {
  const prefixes = new Set<number>();
  if (data[0] !== 0 || data[1] !== 0) return prefixes;
  const end = Math.min(data.length - 3, SLICE_WITHIN);
  let h264 = false;
  let h265 = false;
  for (let i = 0; i < end && !(h264 && h265); i++) {
    if (data[i] !== 0 || data[i + 1] !== 0 || data[i + 2] !== 1) continue;
    const avc = data[i + 3]! & 0x1f;
    const hevc = (data[i + 3]! >> 1) & 0x3f;
    if (!h264 && (avc === 1 || avc === 5)) {
      h264 = true;
      prefixes.add(i + 5);
    }
    if (!h265 && (hevc <= 9 || (hevc >= 16 && hevc <= 21))) {
      h265 = true;
      prefixes.add(i + 5);
    }
  }
  return prefixes;
}
