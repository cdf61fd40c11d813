/** Nextcloud Talk's frame encryption: Jitsi's frames under keys of its own derivation. */
import { hkdf, openNonceTrailer, ratchetingOpener } from '../gcm.ts';
import { type Scheme, usualClearPrefix } from '../scheme.ts';

/** The key itself and the ratchet window that it took over from Jitsi. */
const GENERATIONS = 1 + 8;
const NO_INFO = new Uint8Array(0);

/** Candidates are the keys that participants send each other: `key` in encryption.setkey messages. */
export const scheme: Scheme = {
  id: 'nextcloud-talk',
  title: 'Nextcloud Talk',
  source: 'nextcloud/spreed, src/utils/e2ee/JitsiEncryptionWorkerContext.js and crypto-utils.js',
  authenticated: true,
  keyLengths: [16, 32],
  prepare: (secret) =>
    ratchetingOpener(
      secret,
      (material) => hkdf(material, 'TalkFrameRatchetKey', NO_INFO, 32),
      (material) => {
        const key = hkdf(material, 'TalkFrameEncryptionKey', NO_INFO, 16);
        return (frame) => openNonceTrailer(frame.data, usualClearPrefix(frame), key);
      },
      GENERATIONS,
    ),
};
