/**
 * Which WebCrypto key sealed which frame: a frame that leaves the application's transform holds, byte for byte, what an
 * `encrypt` call in the same realm gave just before. This needs no knowledge of the frame's format.
 */
import { createDecipheriv } from 'node:crypto';
import type { Cipher } from '../ciphers/scheme.ts';
import type { RecordedEvent } from '../recording/format.ts';
import type { Bodies } from './crossings.ts';

/** One use of a key on a frame. */
export interface FrameSealing {
  participant: string;
  ssrc: number;
  /** RTP timestamp. */
  timestamp: number;
  /** Events of the call and of the frame. */
  evidence: [number, number];
  key: string;
  algorithm: Record<string, unknown>;
  nonce: Uint8Array | undefined;
  additionalData: Uint8Array | undefined;
  /** Where in the frame the sealed part begins, and how long it is, in bytes. */
  offset: number;
  length: number;
}

/** What it takes to open a frame that was sealed so. */
export type Sealing = Pick<FrameSealing, 'algorithm' | 'nonce' | 'additionalData' | 'offset' | 'length'>;

interface Call {
  seq: number;
  key: string;
  algorithm: Record<string, unknown>;
  nonce: Uint8Array | undefined;
  additionalData: Uint8Array | undefined;
  output: Uint8Array;
  length: number;
}

/** Encryptions of one realm that may still meet their frame; a transform works on few frames at a time. */
const WAITING = 64;
/** Shorter outputs (bytes) could stand in a frame by chance. */
const SHORTEST_OUTPUT = 16;

/** Gathers sealings from a recording's events, fed in order. */
export class FrameKeys {
  readonly sealings: FrameSealing[] = [];
  readonly #bodies: Bodies;
  readonly #waiting = new Map<string, Call[]>();

  constructor(bodies: Bodies) {
    this.#bodies = bodies;
  }

  see(event: RecordedEvent): void {
    if (
      event.type === 'crypto.cipher' &&
      event.operation === 'encrypt' &&
      event.output &&
      event.output.length >= SHORTEST_OUTPUT &&
      event.outputLength >= event.output.length
    ) {
      const calls = this.#waiting.get(event.realm) ?? [];
      this.#waiting.set(event.realm, calls);
      calls.push({
        seq: event.seq,
        key: event.key,
        algorithm: event.algorithm,
        nonce: event.iv && this.#bodies.body(event.iv),
        additionalData: event.additionalData && this.#bodies.body(event.additionalData),
        output: this.#bodies.body(event.output),
        length: event.outputLength,
      });
      if (calls.length > WAITING) calls.shift();
    }
    if (event.type === 'frame' && event.position === 'after' && event.direction !== 'receive') this.#frame(event);
  }

  #frame(event: RecordedEvent<'frame'>): void {
    const calls = this.#waiting.get(event.realm);
    if (!calls?.length) return;
    const frame = Buffer.from(this.#bodies.body(event.body));
    for (const [index, call] of calls.entries()) {
      const offset = call.length <= frame.length ? frame.indexOf(call.output) : -1;
      if (offset < 0 || offset + call.length > frame.length) continue;
      calls.splice(index, 1);
      this.sealings.push({
        participant: event.participant ?? '',
        ssrc: event.ssrc,
        timestamp: event.timestamp,
        evidence: [call.seq, event.seq],
        key: call.key,
        algorithm: call.algorithm,
        nonce: call.nonce,
        additionalData: call.additionalData,
        offset,
        length: call.length,
      });
      return;
    }
  }
}

/** The cipher that a sealing used; undefined for one that seals no media. */
export function cipherOf({ algorithm }: Pick<FrameSealing, 'algorithm'>, key: Uint8Array): Cipher | undefined {
  const mode = /^AES-(GCM|CTR|CBC)$/.exec(String(algorithm.name))?.[1] as 'GCM' | 'CTR' | 'CBC' | undefined;
  if (!mode) return undefined;
  const tagBits = mode === 'GCM' ? Number(algorithm.tagLength ?? 128) : 0;
  return { algorithm: 'AES', mode, keyBits: key.length * 8, tagBits };
}

/**
 * Opens the sealed part of a frame as it was sealed: what proves that this key seals all of it. Undefined where the key
 * doesn't open it; without a tag (CTR, CBC) whatever the key gives.
 */
export function unseal(frame: Uint8Array, sealing: Sealing, key: Uint8Array): Uint8Array | undefined {
  const cipher = cipherOf(sealing, key);
  const { nonce, offset, length } = sealing;
  if (!cipher || !nonce || offset + length > frame.length) return undefined;
  const sealed = frame.subarray(offset, offset + length);
  try {
    if (cipher.mode === 'GCM') {
      const tag = cipher.tagBits / 8;
      const decipher = createDecipheriv(`aes-${cipher.keyBits}-gcm` as 'aes-128-gcm', key, nonce, {
        authTagLength: tag,
      });
      decipher.setAuthTag(sealed.subarray(length - tag));
      if (sealing.additionalData) decipher.setAAD(sealing.additionalData);
      return Buffer.concat([decipher.update(sealed.subarray(0, length - tag)), decipher.final()]);
    }
    const decipher = createDecipheriv(`aes-${cipher.keyBits}-${cipher.mode.toLowerCase()}`, key, nonce);
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch {
    return undefined;
  }
}
