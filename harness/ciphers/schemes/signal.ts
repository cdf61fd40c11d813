/**
 * Signal's group calls (RingRTC): `[clear prefix] ciphertext, ratchet counter (1), frame counter (4), MAC (16)`.
 *
 * Frames are sealed whole; earlier versions left 1 byte (audio) or 10 (video) in clear, which the MAC covers.
 */
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { hkdf } from '../gcm.ts';
import type { Opened, Opener, Scheme, SealedFrame } from '../scheme.ts';

const SECRET_BYTES = 32;
const MAC_BYTES = 16;
const FOOTER_BYTES = 1 + 4 + MAC_BYTES;
const IV_BYTES = 16;
/** Steps of the ratchet: a sender makes one whenever somebody joins, and takes a fresh secret when somebody leaves. */
const STEPS = 32;
/** Frame counters run from 1, so that this lasts 5 days at 150 frames a second. It tells most other formats from this one. */
const MOST_FRAMES = 2 ** 26;

/** A secret and what comes of it. */
interface State {
  readonly secret: Uint8Array;
  readonly macKey: Uint8Array;
}

function derive(secret: Uint8Array, label: string): Uint8Array {
  return hkdf(secret, '', Buffer.from(label), SECRET_BYTES);
}

function length32(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return length;
}

/** `check_mac` of crypto.rs. */
function macFits(macKey: Uint8Array, iv: Uint8Array, clear: Uint8Array, sealed: Uint8Array, mac: Uint8Array): boolean {
  const hmac = createHmac('sha256', macKey).update(iv).update(length32(sealed)).update(sealed);
  return timingSafeEqual(hmac.update(length32(clear)).update(clear).digest().subarray(0, MAC_BYTES), mac);
}

/** The secret after each number of steps. */
function statesOf(first: Uint8Array): (steps: number) => State {
  const states: State[] = [];
  let secret = first;
  return (steps) => {
    while (states.length <= steps) {
      states.push({ secret, macKey: derive(secret, 'RingRTC HMAC Key') });
      secret = derive(secret, 'RingRTC Ratchet');
    }
    return states[steps]!;
  };
}

function prepare(secret: Uint8Array): Opener | undefined {
  if (secret.length !== SECRET_BYTES) return undefined;
  const states = statesOf(secret);
  return (frame) => {
    const footer = frame.data.length - FOOTER_BYTES;
    if (footer < 0) return undefined;
    const data = Buffer.from(frame.data.buffer, frame.data.byteOffset, frame.data.length);
    const ratchetCounter = data[footer]!;
    const frameCounter = data.readUInt32BE(footer + 1);
    if (frameCounter >= MOST_FRAMES || ratchetCounter >= STEPS) return undefined;
    const iv = Buffer.alloc(IV_BYTES);
    iv.writeUInt32BE(frameCounter, 4);
    const mac = data.subarray(footer + 5);
    for (const steps of stepsTo(ratchetCounter)) {
      const state = states(steps);
      for (const prefix of [0, frame.medium === 'audio' ? 1 : 10]) {
        if (prefix > footer) continue;
        const clear = data.subarray(0, prefix);
        const sealed = data.subarray(prefix, footer);
        if (macFits(state.macKey, iv, clear, sealed, mac))
          return open(frame, prefix, sealed, state, iv, ratchetCounter);
      }
    }
    return undefined;
  };
}

/**
 * The ratchet's steps from a candidate to a frame's secret. The frame counts them from the sender's first secret; a candidate
 * may be that one, or one that a later member got.
 */
function stepsTo(counter: number): Set<number> {
  return new Set([counter, ...Array.from({ length: counter }, (_, steps) => steps)]);
}

function open(
  frame: SealedFrame,
  clearPrefix: number,
  sealed: Uint8Array,
  { secret }: State,
  iv: Buffer,
  ratchetCounter: number,
): Opened {
  const rest = createDecipheriv('aes-256-ctr', derive(secret, 'RingRTC AES Key'), iv).update(sealed);
  const plaintext = Buffer.concat([frame.data.subarray(0, clearPrefix), rest]);
  const cipher = { algorithm: 'AES', mode: 'CTR', keyBits: 256, tagBits: MAC_BYTES * 8 } as const;
  return { plaintext, cipher, clearPrefix, nonce: iv, keyId: BigInt(ratchetCounter) };
}

/** Candidates are the secrets that participants send each other. */
export const scheme: Scheme = {
  id: 'signal',
  title: 'Signal group calls (RingRTC)',
  source: 'signalapp/ringrtc, src/rust/src/core/crypto.rs and group_call.rs',
  authenticated: true,
  keyLengths: [SECRET_BYTES],
  prepare,
};
