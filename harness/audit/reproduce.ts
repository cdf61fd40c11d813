/** What a proof's `reproduce.mjs` does; bundled with the one scheme that it needs. Also used to work out what must come out. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scheme } from '../ciphers/scheme.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import { type ContentCoding, decompress } from '../knowledge/crossings.ts';
import { type Derivation, derive } from '../knowledge/derivation.ts';
import { unseal } from '../knowledge/frame-keys.ts';
import { extract, type Step } from '../knowledge/values.ts';
import { assembleFrames, type EncodedFrame } from '../media/frames.ts';
import { ivf } from '../media/ivf.ts';
import { oggOpus } from '../media/ogg.ts';
import { parseRtp, unwrapRed } from '../media/rtp.ts';

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
  /** SHA-256 of the media that comes out, before ffmpeg draws it. */
  result: string;
  /** Of all the rest of this file; the recording's `verdicts.json` has it, too. */
  digest: string;
}

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
function carriedBy(
  { codec, ssrc, frames, payloadTypes }: Proof,
  files: ReadonlyMap<string, Uint8Array>,
): EncodedFrame[] {
  if (!frames) return [...assembleFrames(packets(files.get('packets.bin')!, codec, payloadTypes ?? {}), codec)];
  const messages = [...unpack(files.get('messages.bin')!)];
  return frames.map(({ timestamp, medium, key, offset, length }, index) => {
    const data = messages[index]!.subarray(offset, offset + length);
    return { ssrc, timestamp, medium, key, data, evidence: [] };
  });
}

function* packets(bytes: Uint8Array, codec: string, payloadTypes: Record<string, string>) {
  let event = 0;
  for (const piece of unpack(bytes)) {
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
    const { blocks, repeated } = repeatedBlocks(carried, {
      clearPrefix: ({ medium, key }) => (medium === 'audio' ? 1 : key ? 10 : 3),
    });
    console.log(
      `${carried.length} frames of ${proof.participant}, as the provider's server saw them; ${repeated} of their ${blocks} 16-byte blocks repeat an earlier one.`,
    );
    if (proof.path) console.log('\nThe way to the key:');
    const frames = open(proof, files, scheme, (step, value) => console.log(`- ${describe(step, value)}`));
    if (proof.seen)
      console.log(
        `\nAll of the frames open with that key as the browser was seen sealing them (${proof.seen.algorithm.name}).`,
      );
    else if (proof.path) console.log(`\nAll of the frames open with that key (${scheme?.title}).`);
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

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
