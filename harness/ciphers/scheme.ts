/**
 * What a scheme of end-to-end frame encryption is to the audit: something that tries a candidate secret on captured
 * frames. One scheme is one file under `schemes/` that exports `scheme`; the audit lists that folder.
 */

/** A codec frame as it stood between the application's transform and the packetiser: what the provider's server sees. */
export interface SealedFrame {
  readonly medium: 'audio' | 'video';
  /** Whether it is a key frame; of no meaning for audio. */
  readonly key: boolean;
  readonly ssrc: number;
  /** RTP timestamp. */
  readonly timestamp: number;
  readonly data: Uint8Array;
}

/** The cipher that a frame was opened with. */
export interface Cipher {
  /** `XOR`: with the key itself, again and again. */
  readonly algorithm: 'AES' | 'ChaCha20' | 'XOR';
  readonly mode: 'ECB' | 'CBC' | 'CTR' | 'GCM' | 'CCM' | 'Poly1305' | 'repeating';
  readonly keyBits: number;
  /** 0 where nothing authenticates the frame. With `CTR` it's the length of an HMAC. */
  readonly tagBits: number;
}

/** For people, e.g. `AES-128 in ECB mode, without authentication`. */
export function describeCipher({ algorithm, mode, keyBits, tagBits }: Cipher): string {
  if (algorithm === 'XOR') return `XOR with a key of ${keyBits} bits that repeats`;
  const name =
    mode === 'Poly1305' ? `${algorithm}-Poly1305 with a ${keyBits}-bit key` : `${algorithm}-${keyBits} in ${mode} mode`;
  return `${name}, ${tagBits > 0 ? `${tagBits}-bit tag` : 'without authentication'}`;
}

/** What a secret made of a frame. */
export interface Opened {
  /** The whole codec frame as a decoder wants it: the clear prefix and the decrypted rest. */
  readonly plaintext: Uint8Array;
  readonly cipher: Cipher;
  /** Bytes of codec data at the frame's start that were left in clear. */
  readonly clearPrefix: number;
  readonly nonce?: Uint8Array;
  /** The sender's number for its key, as the frame states it. */
  readonly keyId?: bigint;
}

/** Opens frames with one secret. `undefined`: this secret doesn't open this frame. Never throws, whatever the bytes. */
export type Opener = (frame: SealedFrame) => Opened | undefined;

export interface Scheme {
  /** Lower-case, as in verdicts: `sframe`, `aes-ecb`. */
  readonly id: string;
  /** For people: one line. */
  readonly title: string;
  /** The RFC, paper or vendor's file that the format is from. */
  readonly source: string;
  /** Whether a tag refuses a wrong key. */
  readonly authenticated: boolean;
  /** Lengths in bytes that a candidate secret can have, before any key derivation of the scheme's own. */
  readonly keyLengths: readonly number[];
  /** Getting one secret ready takes tens of milliseconds (a password hash): for the few candidates that could be one. */
  readonly slow?: boolean;
  /**
   * Gets a secret ready, so that all that doesn't depend on the frame is paid for once.
   *
   * @param sample Frames that were sealed under one key. A scheme that isn't authenticated judges the secret on these and
   * learns from them what frames don't state (clear prefix, padding); it takes at least {@link MIN_SAMPLE} of them.
   * Authenticated schemes don't look at it.
   * @returns `undefined` where the secret can't be the key: it has a wrong length or doesn't fit the sample. Never throws.
   */
  prepare(secret: Uint8Array, sample?: readonly SealedFrame[]): Opener | undefined;
  /**
   * Keys that the ciphertext itself gives away, best first, at most a few; bounded cost. What holds for other candidates holds
   * for them too: {@link prepare} and, without a tag, a decoder have the last word.
   *
   * @param sample Frames of one stream, a few hundred.
   */
  recover?(sample: readonly SealedFrame[]): Uint8Array[];
}

/** The fewest frames that a scheme without authentication judges a secret on. */
export const MIN_SAMPLE = 12;

/** {@link openAll} wants a wrong secret to pass with a probability of less than 2 to the minus this. */
export const PROOF_BITS = 64;

/**
 * Whether a secret opens all of some frames: the audit's proof that it is their key.
 *
 * Authenticated schemes: a wrong key passes a tag of t bits with probability 2^-t, so that frames with {@link PROOF_BITS}
 * tag bits between them are asked for: one frame with AES-GCM, two with the 32-bit tags of SFrame's suite 3. Others:
 * at least {@link MIN_SAMPLE} frames, and the bound that the scheme states.
 *
 * @returns one opened frame for each frame, in order; `undefined` where one stays shut, where they don't agree on the
 * cipher, or where they are too few to tell.
 */
export function openAll(scheme: Scheme, frames: readonly SealedFrame[], secret: Uint8Array): Opened[] | undefined {
  const open = scheme.prepare(secret, frames);
  if (!open) return undefined;
  // Most secrets are wrong, and opening costs what a frame is long: the first key frame of a stream may be fifty times as long.
  const shortest = frames.reduce((a, b) => (b.data.length < a.data.length ? b : a), frames[0]!);
  if (frames.length > 1 && !open(shortest)) return undefined;
  const all: Opened[] = [];
  let tagBits = 0;
  for (const frame of frames) {
    const opened = open(frame);
    if (!opened || !sameCipher(opened.cipher, all[0]?.cipher ?? opened.cipher)) return undefined;
    all.push(opened);
    tagBits += opened.cipher.tagBits;
  }
  const enough = scheme.authenticated ? tagBits >= PROOF_BITS : all.length >= MIN_SAMPLE;
  return enough ? all : undefined;
}

/** Whether two ciphers are the same in all that can be stated of them. */
export function sameCipher(a: Cipher, b: Cipher): boolean {
  return a.algorithm === b.algorithm && a.mode === b.mode && a.keyBits === b.keyBits && a.tagBits === b.tagBits;
}

/**
 * Clear prefixes to try on a frame, the likeliest first: as libwebrtc's samples, Jitsi and LiveKit leave it in clear
 * (VP8 key frame 10, VP8 delta frame 3, Opus 1), so that a packetiser can still read the codec's header; or none.
 * Source: webrtc/samples, src/content/insertable-streams/endtoend-encryption/js/worker.js, `frameTypeToCryptoOffset`.
 */
export function clearPrefixes(frame: SealedFrame): readonly number[] {
  if (frame.medium === 'audio') return [1, 0, 3, 10];
  return frame.key ? [10, 0, 3, 1] : [3, 0, 10, 1];
}

/** The clear prefix that {@link clearPrefixes} tries first. */
export function usualClearPrefix(frame: Pick<SealedFrame, 'medium' | 'key'>): number {
  if (frame.medium === 'audio') return 1;
  return frame.key ? 10 : 3;
}

/** Frames of one kind have the same clear prefix. */
export function kindOf(frame: Pick<SealedFrame, 'medium' | 'key'>): 'audio' | 'key' | 'delta' {
  return frame.medium === 'audio' ? 'audio' : frame.key ? 'key' : 'delta';
}
