/**
 * A proof folder: what a stranger needs to see for himself what the provider could see, without keywitness.
 *
 * - `packets.bin`: RTP packets as the provider's server saw them, each after its length (16 bits, big-endian)
 * - `message.bin`: the message that carried the key, as it crossed the provider, where a key is needed
 * - `proof.json`: the files' digests, the way to the key, what must come out
 * - `reproduce.mjs`: does it all again with Node and ffmpeg alone, ends in the picture or sound, and fails if a byte differs
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Scheme } from '../ciphers/scheme.ts';
import type { ProofPlan } from '../claims/claim.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { RecordingReader } from '../recording/reader.ts';
import type { Gathered } from './evidence.ts';
import { mux, open, type Proof } from './reproduce.ts';

/** Frames that a proof shows: about 5 s. */
const FRAMES = { video: 75, audio: 250 };

export interface ProofRequest {
  claim: string;
  /** What it proves, for people. */
  reason: string;
  plan: ProofPlan;
  gathered: Gathered;
  reader: RecordingReader;
}

export async function writeProof(
  folder: string,
  { claim, reason, plan, gathered, reader }: ProofRequest,
): Promise<void> {
  const { stream, key } = plan;
  const scheme = await schemeOf(key?.scheme);
  const frames = shown(gathered, plan, scheme);
  const evidence = [...new Set(frames.flatMap((frame) => frame.evidence))].sort((a, b) => a - b);
  const packets = packed(reader, new Set(evidence));
  const message = key?.taken?.crossing.wire();
  const proof: Proof = {
    proof: 1,
    claim,
    shows: reason,
    recording: reader.recording.id,
    participant: stream.participant,
    ssrc: stream.ssrc,
    codec: gathered.streams.get(stream)!.codec!,
    events: evidence,
    files: { 'packets.bin': digest(packets), ...(message ? { 'message.bin': digest(message) } : {}) },
    ...(key?.taken
      ? {
          key: {
            from: `${key.taken.crossing.what}, ${key.taken.crossing.host}`,
            events: key.taken.crossing.evidence,
            name: key.taken.label,
            codings: key.taken.crossing.codings,
            steps: key.taken.steps,
            scheme: key.scheme,
          },
        }
      : {}),
    ...(key?.found === 'page' ? { seen: seen(gathered, plan, frames) } : {}),
    result: '',
  };
  // What must come out is worked out by the very code that a stranger will run.
  proof.result = digest(mux(proof, open(proof, packets, message, scheme)));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  write('packets.bin', packets);
  if (message) write('message.bin', message);
  write('proof.json', `${JSON.stringify(proof, null, 2)}\n`);
  write('reproduce.mjs', await script(proof.key?.scheme));
}

/** Whole frames in a row, from a key frame on, as the provider saw them; of those only the ones that the key opens. */
function shown({ streams, sealed }: Gathered, { stream, key }: ProofPlan, scheme: Scheme | undefined): EncodedFrame[] {
  const all = [...streams.get(stream)!.frames()];
  const opener = key && scheme?.prepare(key.bytes, all);
  const opens = (frame: EncodedFrame) => {
    if (!key) return true;
    return key.found === 'page' ? sealed.get(nameOf(stream, frame))?.key === key : opener?.(frame) !== undefined;
  };
  const frames = all.filter(opens);
  const first = frames.findIndex((frame) => frame.key);
  return frames.slice(Math.max(0, first)).slice(0, FRAMES[stream.medium]);
}

/** How the page was seen sealing frames. */
function seen({ sealed }: Gathered, { stream, key }: ProofPlan, frames: EncodedFrame[]): Proof['seen'] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const uses = frames.map((frame) => ({ timestamp: frame.timestamp, ...sealed.get(nameOf(stream, frame))! }));
  return {
    ...(key!.taken ? {} : { key: hex(key!.bytes) }),
    algorithm: uses[0]?.sealing.algorithm ?? {},
    frames: uses.map(({ timestamp, sealing: { nonce, additionalData, offset, length }, clearPrefix }) => ({
      timestamp,
      nonce: hex(nonce!),
      ...(additionalData ? { additionalData: hex(additionalData) } : {}),
      offset,
      length,
      clearPrefix,
    })),
  };
}

function nameOf({ participant, ssrc }: ProofPlan['stream'], { timestamp }: EncodedFrame): string {
  return `${participant} ${ssrc} ${timestamp}`;
}

function packed(reader: RecordingReader, events: Set<number>): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const event of reader.events()) {
    if (event.type !== 'rtp' || !events.has(event.seq)) continue;
    const packet = reader.body(event.body);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(packet.length);
    pieces.push(length, packet);
  }
  return Buffer.concat(pieces);
}

async function schemeOf(id: string | undefined): Promise<Scheme | undefined> {
  return id === undefined
    ? undefined
    : (await import(new URL(`../ciphers/schemes/${id}.ts`, import.meta.url).href)).scheme;
}

/** The script, in one file that needs nothing but Node and ffmpeg, readable as it is. */
async function script(scheme: string | undefined): Promise<string> {
  const imported = scheme ? `import { scheme } from '../ciphers/schemes/${scheme}.ts';` : 'const scheme = undefined;';
  const { outputFiles } = await build({
    stdin: {
      contents: `${imported}\nimport { reproduce } from './reproduce.ts';\nreproduce(scheme);`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    legalComments: 'inline',
    banner: { js: '// Run: node reproduce.mjs (needs ffmpeg). Generated from the sources of keywitness, Apache-2.0.' },
  });
  return outputFiles[0]!.text;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
