/** LiveKit's frame encryption under a passphrase; Proton Meet's too. */
import { pbkdf2Sync } from 'node:crypto';
import { endsInTrailer } from '../gcm.ts';
import { openLiveKitFrame, SALT, withoutMetadata } from '../livekit-frame.ts';
import type { Scheme } from '../scheme.ts';

/** `getAlgoOptions` of utils.ts. */
const ITERATIONS = 100_000;

/** Candidates are passphrases as UTF-8. Ratcheted generations aren't tried: shared passphrases have no ratchet window. */
export const scheme: Scheme = {
  id: 'livekit-passphrase',
  title: 'LiveKit (passphrase)',
  source: 'livekit/client-sdk-js, src/e2ee/worker/FrameCryptor.ts and src/e2ee/utils.ts',
  authenticated: true,
  keyLengths: Array.from({ length: 128 }, (_, i) => i + 1),
  slow: true,
  prepare: (secret) => {
    let key: Uint8Array | undefined;
    return (frame) => {
      const sealed = withoutMetadata(frame);
      if (!endsInTrailer(sealed.data)) return undefined;
      key ??= pbkdf2Sync(secret, SALT, ITERATIONS, 32, 'sha256');
      return openLiveKitFrame(sealed, key);
    };
  },
};
