/**
 * A proof folder: what a stranger needs to see for himself what the provider could see, without keywitness.
 *
 * - `packets.bin`: RTP packets as the provider's server saw them, each after its length (32 bits, big-endian); or
 *   `messages.bin`: the messages of a WebSocket or data channel that carried the media, in the same way
 * - `reused-N.bin`: the same, of frames that were sealed with the nonces of others, where that is what it shows
 * - `message-N.bin`: the messages that the key follows from, as they crossed the provider, where a key is needed
 * - `proof.json`: the files' digests, the way from those messages to the key, step by step, what must come out
 * - `reproduce.mjs`: does it all again with Node and ffmpeg alone, ends in the picture or sound, and fails if a byte differs
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Opener, Scheme } from '../ciphers/scheme.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import type { ProofPlan } from '../claims/claim.ts';
import { type KeyEvidence, type StreamEvidence, shows } from '../claims/evidence.ts';
import type { FrameId } from '../knowledge/by-frame.ts';
import type { Crossing } from '../knowledge/crossings.ts';
import { type FrameSealing, unseal } from '../knowledge/frame-keys.ts';
import type { SentStream } from '../knowledge/media-view.ts';
import type { PathStep, Witness } from '../knowledge/reach.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { RecordingReader } from '../recording/reader.ts';
import { BLOCK } from './counter-blocks.ts';
import { behind, clearPrefixOf, type Gathered } from './evidence.ts';
import { first, givingAway } from './given-away.ts';
import {
  counterBitsOf,
  digestOf,
  mux,
  open,
  type Proof,
  type ProofReuse,
  type ProofStep,
  patterns,
  reused,
} from './reproduce.ts';
import { MOST_UNSEALED, trimmed } from './stream.ts';

/** Frames that a proof shows: about 5 s. */
const FRAMES = { video: 75, audio: 250 };
/** Pairs of frames that share a nonce. */
const PAIRS = 5;

export interface ProofRequest {
  claim: string;
  /** What it proves, for people. */
  reason: string;
  plan: ProofPlan;
  gathered: Gathered;
  reader: RecordingReader;
}

/**
 * @returns the digest of what the proof says, by which a verdict names it.
 * @throws where a step of the proof doesn't come out; nothing is written then.
 */
export async function writeProof(
  folder: string,
  { claim, reason, plan, gathered, reader }: ProofRequest,
): Promise<string> {
  const { key } = plan;
  const scheme = await schemeOf(key?.scheme);
  const pairs = plan.reuse && key ? sharingNonces(gathered, key, scheme) : [];
  if (plan.reuse && pairs.length === 0) throw new Error('no two frames that share a nonce could be opened');
  // What gives a key away is the frames of one stream; otherwise the stream is drawn that offends.
  const stream = key?.givenAwayBy ?? streamOf(pairs, key) ?? plan.stream;
  const frames = offending(gathered, { ...plan, stream }, scheme);
  const evidence = [...new Set(frames.flatMap((frame) => frame.evidence))].sort((a, b) => a - b);
  const sent = gathered.streams.get(stream)!;
  const name = stream.carrier === 'rtp' ? 'packets.bin' : 'messages.bin';
  const carried = packed(carrying(reader, stream, sent, frames));
  const { path, messages } = key ? written(key) : { path: undefined, messages: new Map<string, Uint8Array>() };
  const reuse = pairs.length > 0 ? writtenReuse(pairs, key!, gathered, reader) : undefined;
  const files = new Map([[name, carried], ...messages, ...(reuse?.files ?? [])]);
  const proof: Proof = {
    proof: 1,
    claim,
    shows: reason,
    recording: reader.recording.id,
    participant: stream.participant,
    ssrc: stream.ssrc,
    events: evidence,
    count: frames.length,
    ...carrierOf(sent, frames),
    ...(!key && !shows(stream.asIs) && { shut: true as const }),
    files: Object.fromEntries([...files].map(([name, bytes]) => [name, digest(bytes)])),
    ...(key && { path }),
    ...(key?.scheme && { scheme: key.scheme }),
    ...(key?.found === 'page' ? { seen: seen(gathered, { ...plan, stream }, frames) } : {}),
    ...(reuse && { reuse: reuse.written }),
    ...(plan.repeats && { ciphertext: ciphertextOf(gathered, { ...plan, stream }, frames, scheme) }),
    ...(plan.clear !== undefined && clearIn(gathered, { ...plan, stream }, frames, reader)),
    result: '',
    digest: '',
  };
  // What must come out is worked out by the very code that a stranger will run.
  proof.result = digest(mux(proof, open(proof, files, scheme)));
  reused(proof, files, scheme);
  patterns(proof, files);
  proof.digest = digestOf(proof);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  for (const [name, bytes] of files) write(name, bytes);
  write('proof.json', `${JSON.stringify(proof, null, 2)}\n`);
  write('reproduce.mjs', await script(proof.scheme));
  return proof.digest;
}

/** The path to a key, or else the key as the browser used it, and the messages that it begins with. */
function written({ path, repeatable, bytes, evidence, found }: KeyEvidence): {
  path: ProofStep[];
  messages: Map<string, Uint8Array>;
} {
  const messages = new Map<string, Uint8Array>();
  const names = new Map<Crossing, string>();
  const fileOf = (crossing: Crossing) => {
    const name = names.get(crossing) ?? `message-${names.size + 1}.bin`;
    names.set(crossing, name);
    messages.set(name, crossing.wire());
    return name;
  };
  const steps = (repeatable ? (path ?? []) : []).map((step) => stepOf(step, fileOf));
  if (steps.length > 0) return { path: steps, messages };
  const text = found === 'device' ? 'a participant’s device had the key' : 'the key, as the browser used it';
  return { path: [{ text, events: evidence, gives: digest(bytes), from: 'browser', value: hex(bytes) }], messages };
}

function stepOf({ text, evidence, gives, source }: PathStep, fileOf: (crossing: Crossing) => string): ProofStep {
  const common = { text, events: evidence, gives: digest(gives) };
  switch (source.from) {
    case 'crossing': {
      const { crossing, steps, label } = source;
      const { codings, what, host } = crossing;
      return { ...common, from: 'crossing', file: fileOf(crossing), what, host, codings, steps: steps!, label };
    }
    case 'guess':
      return { ...common, ...source, value: hex(gives) };
    case 'ciphertext':
      return { ...common, ...source };
    case 'steps':
      return { ...common, from: 'steps', inputs: source.inputs, derivation: source.derivation! };
    case 'resealed':
      return { ...common, ...source, left: inHex(source.left), reached: inHex(source.reached) };
  }
}

function inHex({ participant, key, derivation }: Witness) {
  return { participant, key: hex(key), derivation };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Whole frames in a row, from a key frame on, as the provider saw them; of those only the ones that the key opens; and a few others. */
function shown(
  { streams, sealed }: Gathered,
  { stream, key }: ProofPlan,
  scheme: Scheme | undefined,
  others: ReadonlySet<number> = new Set(),
): EncodedFrame[] {
  const header = key?.scheme && key.found !== 'page' ? (stream.header ?? 0) : 0;
  const all = () => behind(streams.get(stream)!, header);
  const opener = key && scheme?.prepare(key.bytes, first(all(), MOST_UNSEALED));
  const opens = (frame: EncodedFrame) => {
    if (!key) return true;
    return key.found === 'page' ? sealed.get(idOf(stream, frame)) === key : opener?.(frame) !== undefined;
  };
  if (key?.givenAwayBy) return givingAway(all, scheme, key.bytes)!;
  let hasBegun = false;
  const drawn = first(all(), FRAMES[stream.medium], (frame) => {
    if (!opens(frame)) return false;
    hasBegun ||= frame.key;
    return hasBegun;
  });
  // A key may never have sealed a key frame; what it opens still shows its cipher.
  const some = drawn.length > 0 ? drawn : first(all(), FRAMES[stream.medium], opens);
  if (others.size === 0) return some;
  const had = new Set(some.map(({ timestamp }) => timestamp));
  const isOther = (frame: EncodedFrame) =>
    had.has(frame.timestamp) || frame.evidence.some((event) => others.has(event));
  return first(all(), some.length + others.size, (frame) => isOther(frame) && opens(frame));
}

/** The same, unless it takes later frames to show blocks that repeat. */
function offending(gathered: Gathered, plan: ProofPlan, scheme: Scheme | undefined): EncodedFrame[] {
  const frames = shown(gathered, plan, scheme);
  if (!plan.repeats || plan.key?.givenAwayBy || repeat(frames)) return frames;
  const more = shown(gathered, plan, scheme, new Set(plan.stream.blocks.evidence));
  return repeat(more) ? more : frames;

  function repeat(some: EncodedFrame[]): boolean {
    const parts = ciphertextOf(gathered, plan, some, scheme).map(({ offset, length, whole }, index) => ({
      data: some[index]!.data.subarray(offset, offset + length),
      whole,
    }));
    return repeatedBlocks(parts, { clearPrefix: 0 }).repeated > 0;
  }
}

/** Which part of each frame is ciphertext: what the evidence counts blocks of. */
function ciphertextOf(
  { sealing }: Gathered,
  { stream, key }: ProofPlan,
  frames: EncodedFrame[],
  scheme: Scheme | undefined,
): NonNullable<Proof['ciphertext']> {
  const opener = key && scheme?.prepare(key.bytes, frames);
  return frames.map((frame) => {
    const how = key?.found === 'page' ? sealing(idOf(stream, frame)) : undefined;
    if (how) return { offset: how.offset, length: how.length };
    const opened = opener?.(frame);
    const part = opened ? frame.data.subarray(opened.clearPrefix) : trimmed(frame.data);
    const place = { offset: part.byteOffset - frame.data.byteOffset, length: part.length };
    return opened ? place : { ...place, whole: true };
  });
}

/** What those of the frames begin with that begin as they did before the page sealed them; nothing where the page saw none of these. */
function clearIn(
  { streams }: Gathered,
  { stream, clear }: ProofPlan,
  frames: EncodedFrame[],
  reader: RecordingReader,
): Pick<Proof, 'clear'> {
  const { leaving } = streams.get(stream)!;
  const before = frames.flatMap((frame) => {
    const body = leaving.get(frame.timestamp)?.before;
    return body ? [{ frame, bytes: reader.body(body).subarray(0, clear) }] : [];
  });
  if (before.length === 0) return {};
  const still = before.filter(
    ({ frame, bytes }) => bytes.length === clear && Buffer.compare(frame.data.subarray(0, clear), bytes) === 0,
  );
  return { clear: still.map(({ frame, bytes }) => ({ timestamp: frame.timestamp, bytes: hex(bytes) })) };
}

/** How the page was seen sealing frames. */
function seen({ sealing, streams }: Gathered, { stream, key }: ProofPlan, frames: EncodedFrame[]): Proof['seen'] {
  const uses = frames.map((frame) => ({ frame, how: sealing(idOf(stream, frame))! }));
  return {
    algorithm: uses[0]?.how.algorithm ?? {},
    frames: uses.map(({ frame, how }) => ({
      timestamp: frame.timestamp,
      nonce: hex(how.nonce!),
      ...(how.additionalData ? { additionalData: hex(how.additionalData) } : {}),
      offset: how.offset,
      length: how.length,
      clearPrefix: clearPrefixOf(streams.get(stream)!, frame, unseal(frame.data, how, key!.bytes)!),
    })),
  };
}

/** A frame that a key sealed with a nonce that it had used before, or used again. */
interface Sharing {
  stream: StreamEvidence;
  frame: EncodedFrame;
  /** How the page was seen sealing it; otherwise a scheme opens it. */
  how: FrameSealing | undefined;
  /** What was sealed; by a scheme, the whole frame as it was before. */
  plain: Uint8Array;
  nonce: Uint8Array;
  counterBits: number | undefined;
}

/** Pairs of frames that the provider carried, of one stream where there are any. */
function sharingNonces(gathered: Gathered, key: KeyEvidence, scheme: Scheme | undefined): [Sharing, Sharing][] {
  const wanted = new Set(key.nonceReuse.flat());
  const found = new Map<number, Sharing>();
  for (const stream of streamsUnder(gathered, key)) {
    const opener = scheme?.prepare(
      key.bytes,
      first(behind(gathered.streams.get(stream)!, stream.header ?? 0), MOST_UNSEALED),
    );
    for (const frame of gathered.streams.get(stream)!.frames()) {
      const how = sealingUnder(gathered, stream, frame, key);
      const event = how?.evidence[0] ?? frame.evidence[0]!;
      if (!wanted.has(event) || found.has(event)) continue;
      const sharing = how ? seenSharing(stream, frame, how, key) : openedSharing(stream, frame, opener);
      if (sharing) found.set(event, sharing);
    }
  }
  const pairs = key.nonceReuse.flatMap(([a, b]): [Sharing, Sharing][] => {
    const [earlier, later] = [found.get(a!), found.get(b!)];
    return earlier && later ? [[earlier, later]] : [];
  });
  const apart = ([a, b]: [Sharing, Sharing]) => Number(a.stream !== b.stream);
  return pairs.sort((a, b) => apart(a) - apart(b)).slice(0, PAIRS);
}

/** Streams of the provider's that a key's bytes seal, be it with tags of several lengths. */
function streamsUnder({ evidence }: Gathered, { bytes }: KeyEvidence): Set<StreamEvidence> {
  const same = evidence.keys.filter((one) => Buffer.compare(one.bytes, bytes) === 0);
  return new Set(same.flatMap(({ streams }) => streams.filter(({ route }) => route === 'provider')));
}

function sealingUnder({ sealed, sealing }: Gathered, stream: StreamEvidence, frame: EncodedFrame, key: KeyEvidence) {
  const id = idOf(stream, frame);
  const own = sealed.get(id);
  return own && Buffer.compare(own.bytes, key.bytes) === 0 ? sealing(id) : undefined;
}

function seenSharing(stream: StreamEvidence, frame: EncodedFrame, how: FrameSealing, key: KeyEvidence) {
  const plain = unseal(frame.data, how, key.bytes);
  return plain && { stream, frame, how, plain, nonce: how.nonce!, counterBits: counterBitsOf(how.algorithm) };
}

function openedSharing(stream: StreamEvidence, whole: EncodedFrame, opener: Opener | undefined): Sharing | undefined {
  const frame = { ...whole, data: whole.data.subarray(stream.header ?? 0) };
  const opened = opener?.(frame);
  if (!opened?.nonce) return undefined;
  const { plaintext: plain, nonce, cipher } = opened;
  return { stream, frame, how: undefined, plain, nonce, counterBits: cipher.mode === 'CTR' ? 8 * BLOCK : undefined };
}

/** The stream of a pair, where frames of it are the key's: the same bytes may be another key with another tag. */
function streamOf(pairs: [Sharing, Sharing][], key: KeyEvidence | undefined): StreamEvidence | undefined {
  return pairs.flat().find(({ stream }) => key?.streams.includes(stream))?.stream;
}

function writtenReuse(pairs: [Sharing, Sharing][], key: KeyEvidence, { streams }: Gathered, reader: RecordingReader) {
  const all = [...new Set(pairs.flat())];
  const carriers = [...new Set(all.map(({ stream }) => stream))];
  const files = new Map<string, Uint8Array>();
  const written: ProofReuse = {
    times: key.noncesReused,
    streams: carriers.map((stream, index) => {
      const sent = streams.get(stream)!;
      const frames = all.flatMap((one) => (one.stream === stream ? [one.frame] : []));
      const file = `reused-${index + 1}.bin`;
      files.set(file, packed(carrying(reader, stream, sent, frames)));
      return { file, participant: stream.participant, ssrc: stream.ssrc, ...carrierOf(sent, frames) };
    }),
    pairs: pairs.map((pair) => pair.map(writtenSharing) as ProofReuse['pairs'][number]),
  };
  return { written, files };

  function writtenSharing({
    stream,
    frame,
    how,
    plain,
    nonce,
    counterBits,
  }: Sharing): ProofReuse['pairs'][number][number] {
    return {
      stream: carriers.indexOf(stream),
      timestamp: frame.timestamp,
      nonce: hex(nonce),
      ...(counterBits !== undefined && { counterBits }),
      ...(how && { sealing: sealingOf(how) }),
      gives: digest(plain),
    };
  }
}

function sealingOf({ algorithm, additionalData, offset, length }: FrameSealing) {
  return { algorithm, ...(additionalData && { additionalData: hex(additionalData) }), offset, length };
}

/** The packets or messages that frames travelled in. */
function carrying(
  reader: RecordingReader,
  stream: StreamEvidence,
  sent: SentStream,
  frames: EncodedFrame[],
): Iterable<Uint8Array> {
  if (stream.carrier === 'rtp') return packets(reader, stream, frames);
  return frames.map(({ timestamp }) => reader.body(sent.message!(timestamp).body));
}

/** What it takes to find frames in these again. */
function carrierOf(sent: SentStream, frames: EncodedFrame[]): Pick<Proof, 'codec' | 'payloadTypes' | 'frames'> {
  return {
    codec: sent.codec!,
    ...(sent.carrier === 'rtp' && { payloadTypes: payloadTypes(sent) }),
    ...(sent.message && { frames: frames.map((frame) => placed(frame, sent)) }),
  };
}

function idOf({ participant, ssrc }: ProofPlan['stream'], { timestamp }: EncodedFrame): FrameId {
  return { participant, ssrc, timestamp };
}

/** Where in its message a frame is, as `shown` gives it: behind the application's header. */
function placed(
  { timestamp, medium, key, data }: EncodedFrame,
  { message }: SentStream,
): NonNullable<Proof['frames']>[number] {
  const { offset, length } = message!(timestamp);
  return { timestamp, medium, key, offset: offset + length - data.length, length: data.length };
}

/** Those of the frames, with what carries nothing between them: a number that is missing would break a frame. */
function* packets(
  reader: RecordingReader,
  { participant, ssrc }: StreamEvidence,
  frames: EncodedFrame[],
): Generator<Uint8Array> {
  const events = new Set(frames.flatMap((frame) => frame.evidence));
  const times = new Set(frames.map(({ timestamp }) => timestamp));
  for (const event of reader.events()) {
    if (event.type !== 'rtp' || event.direction !== 'send' || event.vantage === 'wire') continue;
    if (event.participant !== participant || event.ssrc !== ssrc) continue;
    if (events.has(event.seq) || times.has(event.timestamp)) yield reader.body(event.body);
  }
}

/** What it takes to find the codec's packets again. */
function payloadTypes({ codec, codecOf }: SentStream): Record<string, string> {
  const all = Array.from({ length: 128 }, (_, payloadType) => [payloadType, codecOf?.(payloadType)] as const);
  return Object.fromEntries(
    all.flatMap(([type, name]) => (name && [codec, 'red', 'ulpfec'].includes(name) ? [[type, name]] : [])),
  );
}

function packed(all: Iterable<Uint8Array>): Uint8Array {
  return Buffer.concat(
    [...all].flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
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
