/** Jitsi Meet's frame encryption, "JFrame": the nonce at the frame's end, HKDF keys, a ratchet. */
import { hkdf, openNonceTrailer, ratchetingOpener } from '../gcm.ts';
import { type Scheme, usualClearPrefix } from '../scheme.ts';

/** The key itself and RATCHET_WINDOW_SIZE of Context.ts. */
const GENERATIONS = 1 + 8;
const NO_INFO = new Uint8Array(0);

/** Candidates are the keys that participants send each other: `key` in key-info messages. */
export const scheme: Scheme = {
  id: 'jitsi',
  title: 'Jitsi Meet',
  source: 'jitsi/lib-jitsi-meet, modules/e2ee/Context.ts and crypto-utils.ts',
  authenticated: true,
  keyLengths: [16, 32],
  prepare: (secret) =>
    ratchetingOpener(
      secret,
      (material) => hkdf(material, 'JFrameRatchetKey', NO_INFO, 32),
      (material) => {
        const key = hkdf(material, 'JFrameEncryptionKey', NO_INFO, 16);
        return (frame) => openNonceTrailer(frame.data, usualClearPrefix(frame), key);
      },
      GENERATIONS,
    ),
};
