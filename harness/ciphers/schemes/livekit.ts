/** LiveKit's frame encryption under a raw key, as Element Call uses it too: Jitsi's frame, H.264 and H.265 aware. */
import { hkdf, ratchetingOpener } from '../gcm.ts';
import { openLiveKitFrame, SALT, withoutMetadata } from '../livekit-frame.ts';
import type { Scheme } from '../scheme.ts';

/** The key itself and the largest ratchet window in use, Element Call's; LiveKit's own default is 8. */
const GENERATIONS = 1 + 10;
/** The SDK hands WebCrypto an `ArrayBuffer(128)`, that is 128 zero bytes, for HKDF's info. */
const INFO = new Uint8Array(128);

/** Candidates are the raw keys that the application hands to the SDK. */
export const scheme: Scheme = {
  id: 'livekit',
  title: 'LiveKit, Element Call (raw key)',
  source: 'livekit/client-sdk-js, src/e2ee/worker/FrameCryptor.ts and src/e2ee/utils.ts',
  authenticated: true,
  keyLengths: [16, 32],
  prepare: (secret) => {
    const open = ratchetingOpener(
      secret,
      (material) => hkdf(material, SALT, INFO, 32),
      (material) => {
        const key = hkdf(material, SALT, INFO, 32);
        return (frame) => openLiveKitFrame(frame, key);
      },
      GENERATIONS,
    );
    return (frame) => open(withoutMetadata(frame));
  },
};
