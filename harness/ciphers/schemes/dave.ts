/**
 * Discord's DAVE, versions 1.0 and 1.1: `frame, tag (8), nonce, clear ranges, size, FA FA`.
 *
 * The nonce and the ranges' offsets and sizes are ULEB128 numbers; the size counts all from the tag on. Which bytes of the
 * frame are in clear depends on the codec (VP8 key frame 10, delta frame 1, Opus none), so the frame says it. A key holds for
 * one generation, which is the nonce's top byte, and all of an epoch's come out of one base secret by MLS's hash ratchet.
 */
import { decryptGcm, NONCE_BYTES } from '../gcm.ts';
import { deriveTreeSecret } from '../mls.ts';
import type { Opened, Opener, Scheme } from '../scheme.ts';

const KEY_BYTES = 16;
const TAG_BYTES = 8;
/** libdave's MinSupplementalBytesSize: tag, size, marker. */
const LEAST_SUPPLEMENT = TAG_BYTES + 1 + 2;
const MARKER = 0xfa;
/** The top byte of the 32-bit nonce. */
const GENERATION_SHIFT = 24;
/** A sender needs 27 hours for a generation (2^24 frames, at most 170 a second by libdave's count). */
const GENERATIONS = 16;

interface Parsed {
  readonly nonce: Buffer;
  readonly generation: number;
  readonly ranges: readonly { offset: number; size: number }[];
  /** The codec's frame, partly sealed. */
  readonly body: Uint8Array;
  readonly tag: Uint8Array;
}

/** Reads ULEB128 numbers of up to 32 bits, in up to 5 bytes; `undefined` where one doesn't end or is larger. */
function uleb128(bytes: Uint8Array): number[] | undefined {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    if (scale > 2 ** 28 || value >= 2 ** 32) return undefined;
    scale = byte & 0x80 ? scale * 128 : 1;
    if (byte & 0x80) continue;
    numbers.push(value);
    value = 0;
  }
  return scale === 1 ? numbers : undefined;
}

function parse(data: Uint8Array): Parsed | undefined {
  const { length } = data;
  if (data[length - 1] !== MARKER || data[length - 2] !== MARKER) return undefined;
  const supplement = data[length - 3] ?? 0;
  if (supplement <= LEAST_SUPPLEMENT || supplement > length) return undefined;
  const body = data.subarray(0, length - supplement);
  const [truncated, ...rest] = uleb128(data.subarray(body.length + TAG_BYTES, length - 3)) ?? [];
  if (truncated === undefined || rest.length % 2 !== 0) return undefined;
  const ranges: { offset: number; size: number }[] = [];
  let end = 0;
  for (let i = 0; i < rest.length; i += 2) {
    const [offset, size] = [rest[i]!, rest[i + 1]!];
    if (offset < end || offset + size > body.length) return undefined;
    ranges.push({ offset, size });
    end = offset + size;
  }
  const nonce = Buffer.alloc(NONCE_BYTES);
  // As libdave copies it: the processor's byte order, which is little-endian wherever Discord runs.
  nonce.writeUInt32LE(truncated, NONCE_BYTES - 4);
  const tag = data.subarray(body.length, body.length + TAG_BYTES);
  return { nonce, generation: truncated >>> GENERATION_SHIFT, ranges, body, tag };
}

/** Splits a frame into what its ranges leave in clear and the rest. */
function split({ body, ranges }: Parsed): { clear: Buffer; sealed: Buffer } {
  const clear: Uint8Array[] = [];
  const sealed: Uint8Array[] = [];
  let end = 0;
  for (const { offset, size } of ranges) {
    sealed.push(body.subarray(end, offset));
    end = offset + size;
    clear.push(body.subarray(offset, end));
  }
  return { clear: Buffer.concat(clear), sealed: Buffer.concat([...sealed, body.subarray(end)]) };
}

/** Puts the opened bytes where the sealed ones were. */
function join({ body, ranges }: Parsed, opened: Uint8Array): Buffer {
  const plaintext = Buffer.from(body);
  let end = 0;
  let taken = 0;
  for (const { offset, size } of [...ranges, { offset: body.length, size: 0 }]) {
    plaintext.set(opened.subarray(taken, taken + offset - end), end);
    taken += offset - end;
    end = offset + size;
  }
  return plaintext;
}

/** The keys of an epoch's generations; `undefined` beyond {@link GENERATIONS}. */
function keysOf(base: Uint8Array): (generation: number) => Uint8Array | undefined {
  const keys: Uint8Array[] = [];
  let secret = base;
  return (generation) => {
    if (generation >= GENERATIONS) return undefined;
    for (let next = keys.length; next <= generation; next++) {
      keys.push(deriveTreeSecret(secret, 'key', next, KEY_BYTES));
      secret = deriveTreeSecret(secret, 'secret', next, 32);
    }
    return keys[generation];
  };
}

function prepare(secret: Uint8Array): Opener | undefined {
  if (secret.length !== KEY_BYTES) return undefined;
  const keys = keysOf(secret);
  return (frame) => {
    const parsed = parse(frame.data);
    if (!parsed) return undefined;
    const { clear, sealed } = split(parsed);
    const withTag = Buffer.concat([sealed, parsed.tag]);
    for (const key of [keys(parsed.generation), secret]) {
      const opened = key && decryptGcm(key, parsed.nonce, clear, withTag, TAG_BYTES);
      if (opened) return describe(parsed, join(parsed, opened));
    }
    return undefined;
  };
}

function describe({ ranges, nonce, generation }: Parsed, plaintext: Buffer): Opened {
  const cipher = { algorithm: 'AES', mode: 'GCM', keyBits: KEY_BYTES * 8, tagBits: TAG_BYTES * 8 } as const;
  const clearPrefix = ranges[0]?.offset === 0 ? ranges[0].size : 0;
  return { plaintext, cipher, clearPrefix, nonce, keyId: BigInt(generation) };
}

/** Candidates are an epoch's base secret for a sender, or the key of one generation. */
export const scheme: Scheme = {
  id: 'dave',
  title: 'Discord DAVE',
  source: 'discord/dave-protocol, protocol.md; discord/libdave, cpp/src/dave/frame_processors.cpp; RFC 9420 §9',
  authenticated: true,
  keyLengths: [KEY_BYTES],
  prepare,
};
