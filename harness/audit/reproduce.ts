/** What a proof's `reproduce.mjs` does; bundled with the one scheme that it needs. Also used to work out what must come out. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Opener, Scheme } from '../ciphers/scheme.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import { type ContentCoding, decompress } from '../knowledge/crossings.ts';
import { type Derivation, derive } from '../knowledge/derivation.ts';
import { unseal } from '../knowledge/frame-keys.ts';
import { extract, type Step } from '../knowledge/values.ts';
import { assembleFrames, type EncodedFrame } from '../media/frames.ts';
import { ivf } from '../media/ivf.ts';
import { oggOpus } from '../media/ogg.ts';
import { parseRtp, unwrapRed } from '../media/rtp.ts';
import { BLOCK, overlap } from './counter-blocks.ts';

/** Pictures get sharp after a second or so; the one drawn is this many frames in. */
const LATE_ENOUGH = 20;

/** `proof.json`. */
export interface Proof {
  proof: 1;
  claim: string;
  /** For people. */
  shows: string;
  recording: string;
  participant: string;
  ssrc: number;
  codec: 'VP8' | 'opus';
  /** Event numbers of the packets or messages. */
  events: number[];
  /** Frames that must come out. */
  count: number;
  /** Of RTP: what the payload types are, of the codec and of what may be around it: RED (RFC 2198), ULPFEC (RFC 5109). */
  payloadTypes?: Record<string, string>;
  /** No key is known that opens the frames, so that there is nothing to be drawn. */
  shut?: true;
  /** Of media in messages: which part of each, in bytes, is a frame. The page's encoder said when it was, and whether it is a key frame. */
  frames?: { timestamp: number; medium: 'audio' | 'video'; key: boolean; offset: number; length: number }[];
  /** File names and SHA-256. */
  files: Record<string, string>;
  /** How the key is worked out; the last step gives it. Absent where none is needed. */
  path?: ProofStep[];
  /** The scheme that the key opens the frames with, unless they are opened as the browser was seen sealing them. */
  scheme?: string;
  /** How the browser was seen sealing these frames; bytes in hex. */
  seen?: {
    algorithm: Record<string, unknown>;
    frames: {
      timestamp: number;
      nonce: string;
      additionalData?: string;
      offset: number;
      length: number;
      clearPrefix: number;
    }[];
  };
  /** Frames that the key sealed with a nonce, or counter blocks, that it had sealed others with. */
  reuse?: ProofReuse;
  /** Which part of each frame is ciphertext, in bytes, where blocks of it repeat; of a `whole` one headers and trailers may be in it. */
  ciphertext?: { offset: number; length: number; whole?: boolean }[];
  /** What frames began with before the page sealed them, in hex, where they still do. */
  clear?: { timestamp: number; bytes: string }[];
  /** SHA-256 of the media that comes out, before ffmpeg draws it. */
  result: string;
  /** Of all the rest of this file; the recording's `verdicts.json` has it, too. */
  digest: string;
}

/** Pairs of frames; bytes in hex. */
export interface ProofReuse {
  /** How often it happened in the whole call. */
  times: number;
  /** What the frames travelled in, one file each. */
  streams: (Carried & { file: string; participant: string })[];
  pairs: [ReusedFrame, ReusedFrame][];
}

interface ReusedFrame {
  /** Number of its stream, from 0. */
  stream: number;
  timestamp: number;
  nonce: string;
  /** In CTR mode: how many bits of the nonce count blocks. */
  counterBits?: number;
  /** How the browser was seen sealing it; absent where the proof's scheme opens it. */
  sealing?: { algorithm: Record<string, unknown>; additionalData?: string; offset: number; length: number };
  /** SHA-256 of what was sealed; by a scheme, of the whole frame as it was before. */
  gives: string;
}

type Carried = Pick<Proof, 'ssrc' | 'codec' | 'payloadTypes' | 'frames'>;

/** SHA-256 of what a proof says. */
export function digestOf(proof: Proof): string {
  return digest(Buffer.from(JSON.stringify({ ...proof, digest: '' })));
}

/** One step on the way to the key. Bytes are in hex, `inputs` are the numbers of earlier steps, from 0. */
export type ProofStep = {
  /** For people. */
  text: string;
  /** Event numbers. */
  events: number[];
  /** SHA-256 of the value that it must give: the one that was captured. */
  gives: string;
} & (
  | {
      from: 'crossing';
      file: string;
      what: string;
      host: string;
      codings: ContentCoding[];
      steps: Step[];
      label: string | undefined;
    }
  | { from: 'guess'; space: string; size: number; value: string }
  | { from: 'ciphertext'; scheme: string }
  | { from: 'steps'; inputs: number[]; derivation: Derivation }
  | { from: 'resealed'; inputs: [number, number]; left: ProofWitness; reached: ProofWitness }
  /** Nothing that crossed gives it. */
  | { from: 'browser'; value: string }
);
interface ProofWitness {
  participant: string;
  key: string;
  derivation: Derivation;
}

/** The frames of a proof as a decoder wants them. Throws where something doesn't come out. */
export function open(
  proof: Proof,
  files: ReadonlyMap<string, Uint8Array>,
  scheme: Scheme | undefined,
  say: (step: ProofStep, value: Uint8Array) => void = () => {},
): EncodedFrame[] {
  const frames = carriedBy(proof, files);
  if (frames.length === 0 || frames.length !== proof.count)
    throw new Error(`${frames.length} frames come out, not ${proof.count}`);
  if (!proof.path) return frames;
  const key = follow(proof.path, files, frames, scheme, say);
  if (proof.seen) return unsealAll(proof.seen, frames, key);
  const opener = scheme?.prepare(key, frames);
  if (!opener) throw new Error(`the key does not fit the frames as ${proof.scheme}`);
  return frames.map((frame) => {
    const opened = opener(frame);
    if (!opened) throw new Error(`the key does not open the frame at RTP time ${frame.timestamp}`);
    return { ...frame, data: opened.plaintext };
  });
}

/** Says how many blocks of ciphertext repeat, and what stands in clear; throws where nothing does. */
export function patterns(
  proof: Proof,
  files: ReadonlyMap<string, Uint8Array>,
  say: (line: string) => void = () => {},
): void {
  const { ciphertext, clear } = proof;
  const frames = carriedBy(proof, files);
  const isPart = ciphertext?.length === frames.length;
  const parts = frames.map(({ data }, index) => {
    const { offset, length, whole } = ciphertext?.[index] ?? { offset: 0, length: 0 };
    return { data: data.subarray(offset, offset + length), whole };
  });
  if (ciphertext) {
    const { blocks, repeated } = repeatedBlocks(parts, { clearPrefix: 0 });
    if (!isPart || repeated === 0) throw new Error('no block of ciphertext repeats in the frames of this proof');
    say(
      `${repeated} of ${blocks} 16-byte blocks of ciphertext repeat an earlier one in the ${frames.length} frames of this proof.`,
    );
  }
  if (!clear) return;
  for (const { timestamp, bytes } of clear) {
    const frame = frames.find((one) => one.timestamp === timestamp);
    const isClear = bytes.length > 0 && frame && hex(frame.data.subarray(0, bytes.length / 2)) === bytes;
    if (!isClear) throw new Error(`the frame at RTP time ${timestamp} does not begin as it did before it was sealed`);
  }
  const bytes = clear[0]?.bytes;
  if (!bytes) throw new Error('no frame is shown that begins as it did before it was sealed');
  say(
    `${clear.length} of the ${frames.length} frames of this proof begin with the ${bytes.length / 2} bytes that they began with before they were sealed; the first with ${bytes}.`,
  );
}

/** Says of each pair of frames that they share a nonce, or counter blocks; throws where one doesn't hold. */
export function reused(
  proof: Proof,
  files: ReadonlyMap<string, Uint8Array>,
  scheme: Scheme | undefined,
  say: (line: string) => void = () => {},
): void {
  const { reuse, path } = proof;
  if (!reuse) return;
  if (!path || reuse.pairs.length === 0) throw new Error('no frames are shown that share a nonce');
  const carried = carriedBy(proof, files);
  const key = follow(path, files, carried, scheme, () => {});
  const opener = scheme?.prepare(key, carried);
  for (const pair of reuse.pairs) {
    const [a, b] = pair.map((one) => openReused(one, reuse, files, key, opener)) as [Reused, Reused];
    const fault = faultOf(a, b);
    const both = `the frames ${a.name} and ${b.name}`;
    if (fault) throw new Error(`${both} ${fault}`);
    const nonces = `${hex(a.nonce)} and ${hex(b.nonce)}`;
    const blocks = `have counter blocks in common (${overlap(a, b)}), as they begin with ${nonces}`;
    say(`${both} ${a.counterBits === undefined ? `have the nonce ${hex(a.nonce)}` : blocks}; their ciphertexts differ`);
  }
}

interface Reused {
  name: string;
  nonce: Uint8Array;
  counterBits: number | undefined;
  keyId: bigint | undefined;
  length: number;
  ciphertext: Uint8Array;
}

function openReused(
  { stream, timestamp, nonce: stated, counterBits, sealing, gives }: ReusedFrame,
  { streams }: ProofReuse,
  files: ReadonlyMap<string, Uint8Array>,
  key: Uint8Array,
  opener: Opener | undefined,
): Reused {
  const carried = streams[stream]!;
  const name = `${timestamp} (${carried.participant}, SSRC ${carried.ssrc})`;
  const frame = frameAt(carried, files.get(carried.file)!, timestamp);
  if (!frame) throw new Error(`there is no frame ${name}`);
  const nonce = Buffer.from(stated, 'hex');
  const additionalData = sealing?.additionalData === undefined ? undefined : Buffer.from(sealing.additionalData, 'hex');
  const opened = sealing ? undefined : opener?.(frame);
  const plain = sealing ? unseal(frame.data, { ...sealing, nonce, additionalData }, key) : opened?.plaintext;
  if (!plain || digest(plain) !== gives) throw new Error(`the key and nonce do not open the frame ${name}`);
  if (opened && hex(opened.nonce ?? Buffer.alloc(0)) !== stated) throw new Error(`the frame ${name} has another nonce`);
  // The length of the counter is the cipher's, not the proof's to choose.
  const bits = sealing ? counterBitsOf(sealing.algorithm) : opened?.cipher.mode === 'CTR' ? 8 * BLOCK : undefined;
  if (bits !== counterBits) throw new Error(`the frame ${name} has a counter of another length`);
  const { offset, length } = sealing ?? {
    offset: opened!.clearPrefix,
    length: opened!.plaintext.length - opened!.clearPrefix,
  };
  const ciphertext = sealing ? frame.data.subarray(offset, offset + length) : frame.data.subarray(offset);
  return { name, nonce, counterBits, keyId: opened?.keyId, length, ciphertext };
}

/** Of WebCrypto's AES-CTR (`AesCtrParams.length`), how many bits of the nonce count blocks; undefined for other ciphers. */
export function counterBitsOf({ name, length }: Record<string, unknown>): number | undefined {
  if (name !== 'AES-CTR') return undefined;
  return Number.isInteger(length) && Number(length) > 0 && Number(length) <= 8 * BLOCK ? Number(length) : 8 * BLOCK;
}

function faultOf(a: Reused, b: Reused): string | undefined {
  if (a.keyId !== b.keyId) return 'state keys of different numbers';
  if (Buffer.compare(a.ciphertext, b.ciphertext) === 0) return 'hold the same ciphertext';
  if (a.counterBits === undefined || b.counterBits === undefined)
    return a.counterBits === b.counterBits && Buffer.compare(a.nonce, b.nonce) === 0
      ? undefined
      : 'have no nonce in common';
  return overlap(a, b) > 0 ? undefined : 'have no counter block in common';
}

/** One frame, whatever lies between it and the others of its file. */
function frameAt(stream: Carried, bytes: Uint8Array, timestamp: number): EncodedFrame | undefined {
  const pieces = [...unpack(bytes)];
  const own = stream.frames ? pieces : pieces.filter((piece) => parseRtp(piece)?.timestamp === timestamp);
  return framesIn(stream, own).find((frame) => frame.timestamp === timestamp);
}

/** Takes each step of the path; throws where one doesn't give what was captured. */
function follow(
  path: ProofStep[],
  files: ReadonlyMap<string, Uint8Array>,
  frames: EncodedFrame[],
  scheme: Scheme | undefined,
  say: (step: ProofStep, value: Uint8Array) => void,
): Uint8Array {
  const values: Uint8Array[] = [];
  for (const [index, step] of path.entries()) {
    const found = take(step, values, files, frames, scheme).find((value) => value && digest(value) === step.gives);
    if (!found)
      throw new Error(`step ${index + 1} of the way to the key does not give what was captured: ${step.text}`);
    values.push(found);
    say(step, found);
  }
  return values.at(-1)!;
}

function take(
  step: ProofStep,
  values: Uint8Array[],
  files: ReadonlyMap<string, Uint8Array>,
  frames: EncodedFrame[],
  scheme: Scheme | undefined,
): (Uint8Array | undefined)[] {
  switch (step.from) {
    case 'crossing': {
      let bytes = files.get(step.file)!;
      for (const coding of step.codings.toReversed()) bytes = decompress(bytes, coding);
      return [extract(bytes, step.steps)];
    }
    case 'guess':
    case 'browser':
      return [Buffer.from(step.value, 'hex')];
    case 'ciphertext':
      return scheme?.recover?.(frames) ?? [];
    case 'steps':
      return [
        derive(
          step.derivation,
          step.inputs.map((input) => values[input]!),
        ),
      ];
    case 'resealed': {
      const [left, reached] = [step.left, step.reached].map(({ key, derivation }, index) =>
        derive(derivation, [Buffer.from(key, 'hex'), values[step.inputs[index]!]!]),
      );
      return left && reached && Buffer.compare(left, reached) === 0 ? [left] : [];
    }
  }
}

function unsealAll(
  { algorithm, frames: sealings }: NonNullable<Proof['seen']>,
  frames: EncodedFrame[],
  key: Uint8Array,
): EncodedFrame[] {
  const bytes = (hex: string | undefined) => (hex === undefined ? undefined : Buffer.from(hex, 'hex'));
  return frames.map((frame) => {
    const how = sealings.find(({ timestamp }) => timestamp === frame.timestamp);
    const sealing = how && { ...how, algorithm, nonce: bytes(how.nonce), additionalData: bytes(how.additionalData) };
    const plain = sealing && unseal(frame.data, sealing, key);
    if (!plain) throw new Error(`the key does not open the frame at RTP time ${frame.timestamp}`);
    return { ...frame, data: Buffer.concat([frame.data.subarray(0, how.clearPrefix), plain]) };
  });
}

/** The frames as the provider's server had them. */
function carriedBy(proof: Proof, files: ReadonlyMap<string, Uint8Array>): EncodedFrame[] {
  return framesIn(proof, [...unpack(files.get(proof.frames ? 'messages.bin' : 'packets.bin')!)]);
}

function framesIn({ codec, ssrc, frames, payloadTypes }: Carried, pieces: Uint8Array[]): EncodedFrame[] {
  if (!frames) return [...assembleFrames(packets(pieces, codec, payloadTypes ?? {}), codec)];
  return frames.map(({ timestamp, medium, key, offset, length }, index) => {
    const data = pieces[index]!.subarray(offset, offset + length);
    return { ssrc, timestamp, medium, key, data, evidence: [] };
  });
}

function* packets(pieces: Iterable<Uint8Array>, codec: string, payloadTypes: Record<string, string>) {
  let event = 0;
  for (const piece of pieces) {
    const packet = parseRtp(piece);
    const isRed = packet && payloadTypes[packet.payloadType] === 'red';
    const inner = isRed ? unwrapRed(packet) : packet;
    const carries = inner && payloadTypes[inner.payloadType];
    if (inner && carries === codec) yield { event, packet: inner };
    // It has a number among the others and carries nothing of its own.
    else if (inner && isRed && carries === 'ulpfec') yield { event, packet: { ...inner, payload: new Uint8Array() } };
    event++;
  }
}

function* unpack(bytes: Uint8Array): Generator<Uint8Array> {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= view.length; ) {
    const length = view.readUInt32BE(at);
    yield view.subarray(at + 4, at + 4 + length);
    at += 4 + length;
  }
}

/** Frames in a file that ffmpeg reads. */
export function mux({ codec }: Proof, frames: EncodedFrame[]): Uint8Array {
  const data = frames.map((frame) => frame.data);
  if (codec === 'opus') return oggOpus(data);
  // The size in the container is a hint; each key frame states its own (RFC 6386, 9.1).
  return ivf(data, 640, 360);
}

/** Runs in a proof folder; says each step, and exits with 1 where one fails. */
export function reproduce(scheme: Scheme | undefined): void {
  const folder = dirname(fileURLToPath(import.meta.url));
  const read = (name: string) => readFileSync(join(folder, name));
  try {
    const proof: Proof = JSON.parse(read('proof.json').toString());
    if (digestOf(proof) !== proof.digest) throw new Error('proof.json is not the file that was written');
    console.log(`Claim: ${proof.claim}\n${proof.shows}\n`);
    console.log(`proof.json is the file that was written (${proof.digest}).`);
    for (const [name, expected] of Object.entries(proof.files)) {
      if (digest(read(name)) !== expected) throw new Error(`${name} is not the file that was recorded`);
      console.log(`${name} is the file that was recorded (SHA-256 ${expected}).`);
    }
    const files = new Map(Object.keys(proof.files).map((name) => [name, read(name)]));
    const carried = carriedBy(proof, files);
    console.log(`${carried.length} frames of ${proof.participant}, as the provider's server saw them.`);
    patterns(proof, files, (line) => console.log(line));
    if (proof.path) console.log('\nThe way to the key:');
    const frames = open(proof, files, scheme, (step, value) => console.log(`- ${describe(step, value)}`));
    if (proof.seen)
      console.log(
        `\nAll of the frames open with that key as the browser was seen sealing them (${proof.seen.algorithm.name}).`,
      );
    else if (proof.path) console.log(`\nAll of the frames open with that key (${scheme?.title}).`);
    if (proof.reuse)
      console.log(
        `\nThe key sealed frames with ${proof.reuse.pairs[0]?.[0].counterBits ? 'counter blocks' : 'a nonce'} of others ${proof.reuse.times} times in the whole call. Shown here, ${proof.reuse.pairs.length} of these, frames by their RTP time:`,
      );
    reused(proof, files, scheme, (line) => console.log(`- ${line}`));
    const media = mux(proof, frames);
    if (digest(media) !== proof.result) throw new Error('what comes out is not what the recording gave');
    if (proof.shut) console.log('\nNo key is known that opens these frames, so nothing can be drawn of them.');
    else if (proof.codec === 'VP8' && !frames.some(({ key }) => key))
      console.log('\nNone of these frames is a key frame, so no picture can be drawn of them.');
    else show(proof, media, frames.length, folder);
  } catch (error) {
    console.error(`FAILED: ${(error as Error).message}`);
    process.exit(1);
  }
}

function describe(step: ProofStep, value: Uint8Array): string {
  const place = step.from === 'crossing' ? ` [${step.file}]` : '';
  return `${step.text}${place}: ${Buffer.from(value).toString('hex', 0, 64)}${value.length > 64 ? '…' : ''}`;
}

function show({ codec, path }: Proof, media: Uint8Array, frames: number, folder: string): void {
  const isPicture = codec === 'VP8';
  // A file, not a pipe: ffmpeg stops reading once it has its picture, which breaks a pipe.
  const input = join(folder, isPicture ? 'media.ivf' : 'media.ogg');
  const output = join(folder, isPicture ? 'picture.png' : 'sound.wav');
  const late = `select=gte(n\\,${Math.min(LATE_ENOUGH, frames - 1)})`;
  const picture = isPicture ? ['-vf', late, '-frames:v', '1', '-update', '1'] : [];
  writeFileSync(input, media);
  rmSync(output, { force: true });
  const ffmpeg = process.env.FFMPEG_BIN ?? 'ffmpeg';
  const run = spawnSync(ffmpeg, ['-v', 'error', '-y', '-nostdin', '-i', input, ...picture, output]);
  if (run.error) throw new Error(`ffmpeg could not be run: ${run.error.message}`);
  if (run.status !== 0 || !existsSync(output)) throw new Error(`ffmpeg drew nothing: ${run.stderr.toString().trim()}`);
  const shown = path?.some(({ from }) => from === 'browser')
    ? 'This is what was sealed'
    : `This is what the provider's server could ${isPicture ? 'see' : 'hear'}`;
  console.log(`\n${shown}: ${output}`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
