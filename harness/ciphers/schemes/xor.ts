/**
 * XOR with a key that repeats, of 1 to 256 bytes, e.g. a passphrase: see `repeating-xor.ts` for the frames.
 *
 * A wrong key leaves equal what is equal in all frames, so that only what is known of media shows the right one: that VP8
 * frames end in a zero byte, and how Opus silence begins. With video a random key passes only if it's right by chance in
 * the places that half of the frames end in: a key of one byte once in 256 times; if the ends meet m places of the key
 * evenly, less than 2^m * 256^(-m/2) times. With sound it must be right in 2 places (CELT), 5 or more (SILK).
 *
 * Opus that is never silent shows nothing, and no key is taken for it. Nor is one where a key of zeros would do, since that
 * is media in clear.
 */
import { endLikeVp8, haveSilence, SILENCE_BYTES, silentBytes } from '../plaintext.ts';
import {
  bodiesOf,
  clearBytes,
  decipher,
  keyOffset,
  LAYOUTS,
  type Layout,
  MOST_KEY_BYTES,
  withoutTrailer,
} from '../repeating-xor.ts';
import { MIN_SAMPLE, type Opener, type Scheme, type SealedFrame } from '../scheme.ts';
import { beginsLikeVp8, VP8_HEADER_BYTES } from '../vp8-header.ts';
import { recoverKeys } from '../xor-recovery.ts';

/** Frames of a sample that are looked at: what a wrong secret costs must not grow with the call. */
const SAMPLE = 64;

/** A sample's frames of one medium, without their trailers. */
interface Evidence {
  readonly trailed: boolean;
  readonly medium: 'audio' | 'video';
  readonly bodies: readonly SealedFrame[];
}

/** Callers try many keys on one sample. */
const evidences = new WeakMap<readonly SealedFrame[], Evidence>();

function evidenceOf(sample: readonly SealedFrame[]): Evidence {
  let evidence = evidences.get(sample);
  if (!evidence) {
    const { trailed, bodies } = bodiesOf(sample.slice(0, SAMPLE));
    const video = bodies.filter(({ medium }) => medium === 'video');
    const medium = video.length >= MIN_SAMPLE ? 'video' : 'audio';
    evidence = { trailed, medium, bodies: bodies.filter((body) => body.medium === medium) };
    evidences.set(sample, evidence);
  }
  return evidence;
}

/** A layout in which a key makes sense of the frames, and the share of them that begin as their codec's frames do. */
interface Sense {
  readonly layout: Layout;
  readonly begin: number;
}

function senseUnder(key: Uint8Array, { medium, bodies }: Evidence): Sense | undefined {
  if (bodies.length < MIN_SAMPLE) return undefined;
  if (medium === 'audio') return silentLayout(key, bodies);
  let found: Sense | undefined;
  for (const layout of LAYOUTS) {
    if (!endLikeVp8(bodies.map((body) => lastByte(body, layout, key)))) continue;
    // The ends don't show how much is in clear in front.
    const begins = bodies.filter((body) =>
      beginsLikeVp8(decipher(body, layout, key, VP8_HEADER_BYTES), body.data.length),
    );
    const begin = begins.length / bodies.length;
    if (!found || begin > found.begin) found = { layout, begin };
  }
  return found;
}

/** The layout in which most is silent: two may differ in the TOC byte alone, and one TOC can do in place of another. */
function silentLayout(key: Uint8Array, bodies: readonly SealedFrame[]): Sense | undefined {
  let found: Sense | undefined;
  let most = 0;
  for (const layout of LAYOUTS) {
    const silent = bodies.map((body) => sealedSilence(body, layout, key));
    const sum = silent.reduce((total, bytes) => total + bytes, 0);
    if (sum <= most || !haveSilence(silent)) continue;
    // Any byte may be a TOC.
    found = { layout, begin: 1 };
    most = sum;
  }
  return found;
}

function lastByte(body: SealedFrame, layout: Layout, key: Uint8Array): number {
  const end = body.data.length - 1;
  if (end < clearBytes(body, layout)) return body.data[end]!;
  return body.data[end]! ^ key[(end + keyOffset(body, layout, key.length)) % key.length]!;
}

/** Bytes of silence that were sealed. */
function sealedSilence(body: SealedFrame, layout: Layout, key: Uint8Array): number {
  const silent = silentBytes(decipher(body, layout, key, SILENCE_BYTES), body.data.length);
  return Math.max(0, silent - Math.max(0, clearBytes(body, layout) - 1));
}

const NO_KEY = Uint8Array.of(0);

function prepare(secret: Uint8Array, sample: readonly SealedFrame[] = []): Opener | undefined {
  if (secret.length === 0 || secret.length > MOST_KEY_BYTES) return undefined;
  const evidence = evidenceOf(sample);
  const layout = senseUnder(secret, evidence)?.layout;
  if (!layout || senseUnder(NO_KEY, evidence)) return undefined;
  const cipher = { algorithm: 'XOR', mode: 'repeating', keyBits: secret.length * 8, tagBits: 0 } as const;
  return (frame) => {
    const body = evidence.trailed ? withoutTrailer(frame.data) : { bytes: frame.data };
    if (!body) return undefined;
    const sealed = { ...frame, data: body.bytes };
    const clearPrefix = Math.min(clearBytes(frame, layout), body.bytes.length);
    return { plaintext: decipher(sealed, layout, secret), cipher, clearPrefix, keyId: body.keyId };
  };
}

/**
 * A last byte that is the same in all frames, as a key index may be, looks like a key of one byte. Keys that were looked for in
 * the frames themselves must do more: half of the frames must begin like VP8, as 1 in 100 do by chance.
 */
const BEGINNING = 1 / 2;

function recover(sample: readonly SealedFrame[]): Uint8Array[] {
  const evidence = evidenceOf(sample);
  return recoverKeys(sample).filter((key) => prepare(key, sample) && senseUnder(key, evidence)!.begin >= BEGINNING);
}

/** Candidates are keys as they are, passphrases among them. Opens nothing without a sample of {@link MIN_SAMPLE} frames. */
export const scheme: Scheme = {
  id: 'xor',
  title: 'XOR with a repeating key',
  source:
    'webrtc/samples, insertable-streams/endtoend-encryption/js/worker.js; meetecho/janus-gateway, html/demos/e2e.js',
  authenticated: false,
  keyLengths: Array.from({ length: MOST_KEY_BYTES }, (_, i) => i + 1),
  prepare,
  recover,
};
