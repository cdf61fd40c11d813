/** AES-GCM on frames, as several schemes share it. */
import { createDecipheriv, type DecipherCCM, type DecipherGCM, hkdfSync } from 'node:crypto';
import type { Opened, Opener } from './scheme.ts';

/** The full tag, which all schemes have here where nothing else is said. */
const TAG_BYTES = 16;
/** The same in all schemes here, and in all suites of SFrame. */
export const NONCE_BYTES = 12;

/**
 * Decrypts `ciphertext || tag` with AES-GCM. `undefined` where the tag doesn't fit, or key or nonce have lengths that can't
 * be.
 *
 * @param tagBytes Of the tag: 4, 8 or 12 to 16 (NIST SP 800-38D §5.2.1.2).
 */
export function decryptGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
  tagBytes = TAG_BYTES,
): Buffer | undefined {
  if (![16, 24, 32].includes(key.length) || nonce.length !== NONCE_BYTES || sealed.length < tagBytes) return undefined;
  const name = `aes-${(key.length * 8) as 128 | 192 | 256}-gcm` as const;
  const decipher = createDecipheriv(name, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  const plaintext = decipher.update(sealed.subarray(0, sealed.length - tagBytes));
  return tagFits(decipher) ? plaintext : undefined;
}

/** Ends a decryption; whether its tag fits. */
export function tagFits(decipher: DecipherGCM | DecipherCCM): boolean {
  const limit = Error.stackTraceLimit;
  // Nearly all tries end here, and the stack trace of an error that nobody sees would take as long as the decryption.
  Error.stackTraceLimit = 0;
  try {
    decipher.final();
    return true;
  } catch {
    return false;
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** What AES-GCM made of a frame behind `clearPrefix` bytes in clear. */
export function openedGcm(
  frame: { data: Uint8Array },
  clearPrefix: number,
  rest: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  keyId?: bigint,
): Opened {
  const cipher = { algorithm: 'AES', mode: 'GCM', keyBits: key.length * 8, tagBits: TAG_BYTES * 8 } as const;
  const plaintext = Buffer.concat([frame.data.subarray(0, clearPrefix), rest]);
  return { plaintext, cipher, clearPrefix, nonce, keyId };
}

/** Nonce, its length, key index. */
const TRAILER_BYTES = NONCE_BYTES + 2;

/** Whether a frame ends as {@link openNonceTrailer} takes it; most frames that belong to other schemes don't. */
export function endsInTrailer(data: Uint8Array): boolean {
  return data[data.length - 2] === NONCE_BYTES;
}

/**
 * Opens `clear prefix, ciphertext, tag, nonce (12), 0x0C, key index`, the clear prefix being the additional data: Jitsi's
 * frame, which others took over. An early draft of SFrame (draft-omara-sframe-00 §4.2) with the header at the end.
 * Source: jitsi/lib-jitsi-meet, modules/e2ee/Context.ts.
 *
 * @param data The frame, or what takes its place: with emulation prevention bytes removed.
 */
export function openNonceTrailer(data: Uint8Array, clearPrefix: number, key: Uint8Array): Opened | undefined {
  const end = data.length - TRAILER_BYTES;
  if (end - clearPrefix < TAG_BYTES || !endsInTrailer(data)) return undefined;
  const nonce = data.subarray(end, end + NONCE_BYTES);
  const rest = decryptGcm(key, nonce, data.subarray(0, clearPrefix), data.subarray(clearPrefix, end));
  return rest && openedGcm({ data }, clearPrefix, rest, key, nonce, BigInt(data[data.length - 1]!));
}

/** HKDF with SHA-256, RFC 5869. */
export function hkdf(secret: Uint8Array, salt: string, info: Uint8Array, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, Buffer.from(salt), info, bytes));
}

/**
 * An opener for frames as {@link openNonceTrailer} takes them, under a key that its owners ratchet: who has one generation
 * can work out all later ones. Tries the generation that worked last first.
 *
 * @param first The first generation's secret.
 * @param next The secret after a given one.
 * @param opener Gets one generation's secret ready.
 * @param generations How many to try, the first among them.
 */
export function ratchetingOpener(
  first: Uint8Array,
  next: (secret: Uint8Array) => Uint8Array,
  opener: (secret: Uint8Array) => Opener,
  generations: number,
): Opener {
  let secret = first;
  const openers: Opener[] = [];
  const at = (generation: number) => {
    while (openers.length <= generation) {
      openers.push(opener(secret));
      secret = next(secret);
    }
    return openers[generation]!;
  };
  let last = 0;
  return (frame) => {
    // Before any key is derived: most frames and most schemes don't belong together.
    if (!endsInTrailer(frame.data)) return undefined;
    const likely = at(last)(frame);
    if (likely) return likely;
    for (let generation = 0; generation < generations; generation++) {
      const opened = generation === last ? undefined : at(generation)(frame);
      if (!opened) continue;
      last = generation;
      return opened;
    }
    return undefined;
  };
}
