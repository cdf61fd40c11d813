/** What a proof's `reproduce.mjs` does; bundled with the one scheme that it needs. Also used to work out what must come out. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scheme } from '../ciphers/scheme.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import { type ContentCoding, decompress } from '../knowledge/crossings.ts';
import { unseal } from '../knowledge/frame-keys.ts';
import { extract, type Step } from '../knowledge/values.ts';
import { assembleFrames, type EncodedFrame } from '../media/frames.ts';
import { ivf } from '../media/ivf.ts';
import { oggOpus } from '../media/ogg.ts';
import { parseRtp } from '../media/rtp.ts';

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
  /** Event numbers of the packets. */
  events: number[];
  /** File names and SHA-256. */
  files: Record<string, string>;
  /** How the key is taken out of `message.bin`, and the scheme that it opens the frames with. */
  key?: {
    from: string;
    events: number[];
    name: string | undefined;
    codings: ContentCoding[];
    steps: Step[];
    /** Absent where the frames are opened as the browser was seen sealing them, see `seen`. */
    scheme: string | undefined;
  };
  /** How the browser was seen sealing these frames, and with which key, unless that is in a message; bytes in hex. */
  seen?: {
    key?: string;
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
}

/** The frames of a proof as a decoder wants them. Throws where something doesn't come out. */
export function open(
  proof: Proof,
  packets: Uint8Array,
  message: Uint8Array | undefined,
  scheme: Scheme | undefined,
): EncodedFrame[] {
  const frames = [...assembleFrames(unpack(packets), proof.codec)];
  if (proof.seen)
    return unsealAll(proof.seen, frames, proof.key ? keyOf(proof, message) : Buffer.from(proof.seen.key ?? '', 'hex'));
  if (!proof.key) return frames;
  const key = keyOf(proof, message);
  const opener = scheme?.prepare(key, frames);
  if (!opener) throw new Error(`the key does not fit the frames as ${proof.key.scheme}`);
  return frames.map((frame) => {
    const opened = opener(frame);
    if (!opened) throw new Error(`the key does not open the frame at RTP time ${frame.timestamp}`);
    return { ...frame, data: opened.plaintext };
  });
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

/** The key, taken out of the message that carried it. */
function keyOf({ key }: Proof, message: Uint8Array | undefined): Uint8Array {
  let bytes = message ?? new Uint8Array();
  for (const coding of key!.codings.toReversed()) bytes = decompress(bytes, coding);
  const found = extract(bytes, key!.steps);
  if (!found) throw new Error('the message does not hold the key where it should');
  return found;
}

function* unpack(bytes: Uint8Array) {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, event = 0; at + 2 <= view.length; event++) {
    const length = view.readUInt16BE(at);
    const packet = parseRtp(view.subarray(at + 2, at + 2 + length));
    at += 2 + length;
    if (packet) yield { event, packet };
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
    console.log(`Claim: ${proof.claim}\n${proof.shows}\n`);
    for (const [name, expected] of Object.entries(proof.files)) {
      if (digest(read(name)) !== expected) throw new Error(`${name} is not the file that was recorded`);
      console.log(`${name} is the file that was recorded (SHA-256 ${expected}).`);
    }
    const packets = read('packets.bin');
    if (proof.seen?.key) console.log(`Key, as the browser used it: ${proof.seen.key}`);
    const message = proof.key ? read('message.bin') : undefined;
    if (proof.key) {
      const key = Buffer.from(keyOf(proof, message)).toString('hex');
      console.log(
        `Key, taken from message.bin (${proof.key.from}${proof.key.name ? `, "${proof.key.name}"` : ''}): ${key}`,
      );
    }
    const carried = [...assembleFrames(unpack(packets), proof.codec)];
    const { blocks, repeated } = repeatedBlocks(carried, {
      clearPrefix: ({ medium, key }) => (medium === 'audio' ? 1 : key ? 10 : 3),
    });
    console.log(
      `${carried.length} frames of ${proof.participant}, as the provider's server saw them; ${repeated} of their ${blocks} 16-byte blocks repeat an earlier one.`,
    );
    const frames = open(proof, packets, message, scheme);
    if (proof.seen)
      console.log(
        `All of them open with that key as the browser was seen sealing them (${proof.seen.algorithm.name}).`,
      );
    else if (proof.key) console.log(`All of them open with that key (${scheme?.title}).`);
    const media = mux(proof, frames);
    if (digest(media) !== proof.result) throw new Error('what comes out is not what the recording gave');
    show(proof, media, frames.length, folder);
  } catch (error) {
    console.error(`FAILED: ${(error as Error).message}`);
    process.exit(1);
  }
}

function show({ codec, seen }: Proof, media: Uint8Array, frames: number, folder: string): void {
  const [name, options] =
    codec === 'VP8'
      ? [
          'picture.png',
          [
            '-f',
            'ivf',
            '-i',
            '-',
            '-vf',
            `select=gte(n\\,${Math.min(LATE_ENOUGH, frames - 1)})`,
            '-frames:v',
            '1',
            '-update',
            '1',
          ],
        ]
      : ['sound.wav', ['-f', 'ogg', '-i', '-']];
  const output = join(folder, name as string);
  rmSync(output, { force: true });
  const ffmpeg = process.env.FFMPEG_BIN ?? 'ffmpeg';
  const run = spawnSync(ffmpeg, ['-v', 'error', '-y', ...options!, output], { input: media });
  if (run.error) throw new Error(`ffmpeg could not be run: ${run.error.message}`);
  if (run.status !== 0 || !existsSync(output)) throw new Error(`ffmpeg drew nothing: ${run.stderr.toString().trim()}`);
  writeFileSync(join(folder, codec === 'VP8' ? 'media.ivf' : 'media.ogg'), media);
  const shown = seen?.key
    ? 'This is what was sealed'
    : `This is what the provider's server could ${codec === 'VP8' ? 'see' : 'hear'}`;
  console.log(`\n${shown}: ${output}`);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
