/**
 * Which WebCrypto key sealed which frame: a frame that leaves the application's transform holds, byte for byte, what an
 * `encrypt` call of the same participant gave at about that time. This needs no knowledge of the frame's format.
 */
import { createDecipheriv } from 'node:crypto';
import type { Cipher } from '../ciphers/scheme.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';
import { ByFrame, type FrameId } from './by-frame.ts';
import type { Bodies } from './crossings.ts';

/** One use of a key on a frame. */
export interface FrameSealing {
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
  event: RecordedEvent<'crypto.cipher'>;
  output: Uint8Array;
}

/** A frame that left, and that no call was seen sealing yet. */
interface Left {
  event: RecordedEvent<'frame'>;
  frame: Buffer;
  before: Body | undefined;
}

/** Encryptions of one participant that may still meet their frame, and frames that may still be opened: few are worked on at a time. */
const WAITING = 64;
/** Larger frames that arrive (bytes) are not kept: what opens so much carries media, not keys. */
const LONGEST_ARRIVED = 1024;
/** Shorter outputs (bytes) could stand in a frame by chance. */
const SHORTEST_OUTPUT = 16;
/** Of so many of the last sealed frames is known how their ciphertext begins; about a minute of one sender. */
const RECENT = 4096;

/** Gathers sealings from a recording's events, fed in order, and tells what is no media to somebody else. */
export class FrameKeys {
  readonly #sealings = new ByFrame<Stored>();
  readonly #bodies: Bodies;
  readonly #others: Gatherer;
  readonly #algorithms = new Map<string, Record<string, unknown>>();
  readonly #participants = new Map<string, { calls: Call[]; left: Left[]; arrived: Uint8Array[] }>();
  /** The first {@link SHORTEST_OUTPUT} bytes of what was sealed, of anybody's. */
  readonly #sealed = new Set<string>();

  /** @param others gets all events but the ciphers that sealed or opened a frame, each realm's in order but for ciphers, which come late. */
  constructor(bodies: Bodies, others: Gatherer = { see() {} }) {
    this.#bodies = bodies;
    this.#others = others;
  }

  /** @param before of a frame that travels in a message: what its encoder gave, which is all that a call may have sealed of it. */
  see(event: RecordedEvent, before?: Body): void {
    if (event.type === 'crypto.cipher') this.#cipher(event);
    else this.#others.see(event);
    if (event.type !== 'frame') return;
    if (event.position === 'after' && event.direction !== 'receive') this.#leaves(event, before);
    if (event.position === 'before' && event.direction !== 'send' && event.body.length <= LONGEST_ARRIVED) {
      const { arrived } = this.#of(event);
      arrived.push(this.#bodies.body(event.body));
      if (arrived.length > WAITING) arrived.shift();
    }
  }

  /** Once all events were seen. */
  end(): void {
    for (const { calls } of this.#participants.values())
      for (const { event } of calls.splice(0)) this.#others.see(event);
  }

  /** How a frame was sealed; undefined where that was not seen. */
  sealing(frame: FrameId): FrameSealing | undefined {
    const stored = this.#sealings.get(frame);
    return stored && restored(stored);
  }

  *[Symbol.iterator](): Generator<[FrameId, FrameSealing]> {
    for (const [frame, stored] of this.#sealings) yield [frame, restored(stored)];
  }

  #cipher(event: RecordedEvent<'crypto.cipher'>): void {
    const { calls, left } = this.#of(event);
    if (event.operation === 'decrypt') {
      if (!this.#hasArrived(event)) this.#others.see(event);
      return;
    }
    if (!event.output || event.output.length < SHORTEST_OUTPUT || event.outputLength < event.output.length) {
      this.#others.see(event);
      return;
    }
    const call = { event, output: this.#bodies.body(event.output) };
    const met = left.findIndex((one) => this.#seals(call, one));
    if (met >= 0) {
      const [one] = left.splice(met, 1) as [Left];
      this.#seal(call, one.event, offsetOf(call, one.frame));
      return;
    }
    calls.push(call);
    if (calls.length > WAITING) this.#others.see(calls.shift()!.event);
  }

  /** Whether what a call opened is a frame: one that arrived just before, or that somebody was seen sealing. */
  #hasArrived(event: RecordedEvent<'crypto.cipher'>): boolean {
    const { input, inputLength } = event;
    const { arrived } = this.#of(event);
    if (inputLength > LONGEST_ARRIVED) return true;
    const mayBe = arrived.length > 0 || this.#sealed.size > 0;
    const sealed = mayBe && this.#bodies.body(input);
    if (sealed && this.#sealed.has(beginning(sealed))) return true;
    return (
      sealed &&
      sealed.length > 0 &&
      arrived.findLast((frame) => Buffer.from(frame).includes(Buffer.from(sealed))) !== undefined
    );
  }

  /** Whether a call gave what a frame holds, and sealed nothing else than the frame. */
  #seals(call: Call, { frame, before }: Left): boolean {
    if (offsetOf(call, frame) < 0) return false;
    const { input, inputLength } = call.event;
    if (!before) return true;
    const plain = this.#bodies.body(before).subarray(0, input.length);
    return inputLength === before.length && Buffer.compare(plain, this.#bodies.body(input)) === 0;
  }

  #leaves(event: RecordedEvent<'frame'>, before: Body | undefined): void {
    const { calls, left } = this.#of(event);
    const frame = Buffer.from(this.#bodies.body(event.body));
    const met = calls.findIndex((call) => this.#seals(call, { event, frame, before }));
    if (met < 0) {
      // Of what two realms did, either may have been recorded first.
      left.push({ event, frame, before });
      if (left.length > WAITING) left.shift();
      return;
    }
    const [call] = calls.splice(met, 1) as [Call];
    this.#seal(call, event, offsetOf(call, frame));
  }

  #seal({ event: call, output }: Call, { participant, ssrc, timestamp, seq }: RecordedEvent<'frame'>, offset: number) {
    this.#remember(beginning(output));
    this.#sealings.set(
      { participant: participant ?? '', ssrc, timestamp },
      {
        call: call.seq,
        frame: seq,
        key: call.key,
        algorithm: this.#same(call.algorithm),
        nonce: call.iv && latin1(this.#bodies.body(call.iv)),
        additionalData: call.additionalData && latin1(this.#bodies.body(call.additionalData)),
        offset,
        length: call.outputLength,
      },
    );
  }

  /** One object for all calls that say the same. */
  #same(algorithm: Record<string, unknown>): Record<string, unknown> {
    const name = JSON.stringify(algorithm);
    const known = this.#algorithms.get(name) ?? algorithm;
    this.#algorithms.set(name, known);
    return known;
  }

  #remember(sealed: string): void {
    this.#sealed.add(sealed);
    const [oldest] = this.#sealed;
    if (this.#sealed.size > RECENT) this.#sealed.delete(oldest!);
  }

  #of({ participant }: RecordedEvent) {
    const name = participant ?? '';
    const own = this.#participants.get(name) ?? { calls: [], left: [], arrived: [] };
    this.#participants.set(name, own);
    return own;
  }
}

/** Where in a frame a call's output stands, as a whole; below 0 if it doesn't. */
function offsetOf({ event: { outputLength }, output }: Call, frame: Buffer): number {
  const offset = outputLength <= frame.length ? frame.indexOf(output) : -1;
  return offset + outputLength <= frame.length ? offset : -1;
}

function beginning(sealed: Uint8Array): string {
  return latin1(sealed.subarray(0, SHORTEST_OUTPUT));
}

/** Bytes are strings here, for these take a fifth of the memory. */
interface Stored extends Omit<FrameSealing, 'evidence' | 'nonce' | 'additionalData'> {
  call: number;
  frame: number;
  nonce: string | undefined;
  additionalData: string | undefined;
}

function restored({ call, frame, nonce, additionalData, ...rest }: Stored): FrameSealing {
  const bytes = (text: string | undefined) =>
    text === undefined ? undefined : new Uint8Array(Buffer.from(text, 'latin1'));
  return { evidence: [call, frame], nonce: bytes(nonce), additionalData: bytes(additionalData), ...rest };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

interface Gatherer {
  see(event: RecordedEvent): void;
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
