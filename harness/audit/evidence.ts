/**
 * Works out the evidence from a recording: one pass over the events feeds the collectors, then streams are followed from
 * the key to the provider. Reads the recording and runs the decoder; no check does.
 */
import { createHash } from 'node:crypto';
import { type FramePair, identify } from '../ciphers/identify.ts';
import { type Cipher, openAll, type Scheme } from '../ciphers/scheme.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import {
  type Evidence,
  type Flow,
  type KeyEvidence,
  type Sight,
  type StreamEvidence,
  shows,
} from '../claims/evidence.ts';
import { type Candidate, candidates } from '../knowledge/candidates.ts';
import { Crossings, content } from '../knowledge/crossings.ts';
import { cipherOf, FrameKeys, type FrameSealing, unseal } from '../knowledge/frame-keys.ts';
import { Lineage, type Secret } from '../knowledge/lineage.ts';
import { MediaView, type SentStream } from '../knowledge/media-view.ts';
import { Reach, type ReachStep } from '../knowledge/reach.ts';
import { find } from '../knowledge/search.ts';
import type { Decoder, Picture } from '../media/decoder.ts';
import type { EncodedFrame, FrameLosses } from '../media/frames.ts';
import { readCardFromGray } from '../media/test-card.ts';
import { readTone } from '../media/test-tone.ts';
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { RecordingReader } from '../recording/reader.ts';

/** Evidence, and the pictures that the report shows beside it. */
export interface Gathered {
  evidence: Evidence;
  /** The first picture of a sight that shows the test card. */
  pictures: Map<Sight, Picture>;
  /** The picture of each sender's card as it arrived, PNG in the recording. */
  arrived: Map<string, { picture: Body; receiver: string; counter: number }>;
  streams: Map<StreamEvidence, SentStream>;
  /** Frames whose key was followed in the page, by participant, SSRC and RTP timestamp. */
  sealed: Map<string, { key: KeyEvidence; sealing: FrameSealing; clearPrefix: number }>;
}

/** Frames of one window that a decoder gets; two windows a stream, at its start and at its last key frame. */
const WINDOW = { video: 75, audio: 400 };
/** Frames of a stream on which a candidate is tried first; few, so that a wrong one costs little. */
const TRIAL_FRAMES = 24;
/** Bytes of frames that are held for statistics, of each stream. */
const HELD_BYTES = 64 << 20;
/** Frames of about a second: what is on its way when a page closes. */
const MOST_UNSEEN = { audio: 50, video: 30 };
/** Bytes of headers and trailers at each end of a frame of unknown format; the known ones' are shorter. */
const MARGIN = 32;
/** Codec bytes that may stay in clear before it: VP8's key frame header (RFC 6386, 9.1), Opus's TOC (RFC 6716, 3.1). */
const MOST_CLEAR = { audio: 1, video: 10 };
/** Bytes beside the sealed part of a frame, at most: codec header, scheme's header and trailer. */
const MOST_BESIDE = 64;
/** Pairs before and after the transform that the cipher is told from, of each stream. */
const MOST_PAIRS = 1500;

/** @throws RecordingError if the recording is damaged. */
export async function gather(reader: RecordingReader, decoder: Decoder, schemes: readonly Scheme[]): Promise<Gathered> {
  const { recording } = reader;
  const crossings = new Crossings(reader);
  const lineage = new Lineage(reader);
  const media = new MediaView(reader);
  const frameKeys = new FrameKeys(reader);
  const calls = new CallLog(recording.participants);
  for (const event of reader.events())
    for (const collector of [crossings, lineage, media, frameKeys, calls]) collector.see(event);

  const eyes = new Eyes(decoder, new Map(recording.participants.map(({ name, card }) => [name, card])));
  const reach = new Reach(lineage, crossings.all);
  const sealings = new Map<string, FrameSealing>();
  for (const sealing of frameKeys.sealings)
    sealings.set(`${sealing.participant} ${sealing.ssrc} ${sealing.timestamp}`, sealing);

  const keys = new KeyRing();
  const streams = new Map<StreamEvidence, SentStream>();
  const sealed: Gathered['sealed'] = new Map();
  const ciphertexts = new Map<StreamEvidence, Map<EncodedFrame, Uint8Array>>();
  const shut: Shut[] = [];
  const judged = await Promise.all(
    media.streams().map(async (stream) => ({ stream, ...(await judgeStream(stream, eyes)) })),
  );
  for (const { stream, evidence, frames } of judged) {
    streams.set(evidence, stream);
    ciphertexts.set(evidence, new Map(frames.map((frame) => [frame, trimmed(frame.data)])));
    const unsealed = followKeys(stream, evidence, frames);
    // What is seen as it is needs no key.
    if (unsealed.length > 0 && !shows(evidence.asIs) && stream.route !== 'direct')
      shut.push({ evidence, frames: unsealed });
  }

  const tried = candidates(crossings.all);
  const waiting = [];
  for (const one of shut) if (!(await tryOn(one, tried, spread(one.frames)))) waiting.push(one);
  // A key that opens one stream is tried on all that the others have, where a sample was too little to tell.
  const found = tried.filter(({ bytes }) => keys.all.some((key) => Buffer.compare(key.bytes, bytes) === 0));
  for (const one of waiting) await tryOn(one, found, one.frames);
  for (const key of keys.all) if (key.found === 'page') await playThrough(key, judged);
  for (const [index, key] of keys.all.entries()) key.name = `key ${index + 1}`;
  for (const evidence of streams.keys()) if (!shows(evidence.asIs)) findRepeats(evidence);

  return {
    evidence: {
      recording,
      flow: calls.flow(),
      health: recording.vantagePoints.map(({ vantage, participant, state, detail }) => ({
        vantage,
        participant,
        alive: state === 'alive' && !calls.lost.has(`${vantage} ${participant}`),
        detail: calls.lost.get(`${vantage} ${participant}`) ?? detail ?? state,
      })),
      streams: [...streams.keys()],
      keys: keys.all,
      tried: tried.length,
      undecoded: reach.undecoded().length,
      unsearched: calls.dataBytes,
      sentOtherwise: Math.max(0, ...calls.sentOtherwise.values()),
      strangers: lineage.strangers,
    },
    pictures: eyes.pictures,
    arrived: calls.arrived,
    streams,
    sealed,
  };

  /** Counts frames that a key of the page provably seals; gives back those that none does. */
  function followKeys(stream: SentStream, evidence: StreamEvidence, frames: EncodedFrame[]): EncodedFrame[] {
    const unsealed: EncodedFrame[] = [];
    for (const frame of frames) {
      const name = `${stream.participant} ${stream.ssrc} ${frame.timestamp}`;
      const sealing = sealings.get(name);
      const secret = sealing && lineage.keys.get(sealing.key)?.secret;
      const cipher = sealing && secret && cipherOf(sealing, secret.bytes);
      const before = stream.leaving.get(frame.timestamp)?.before;
      const clearPrefix =
        cipher && before && sealedBehind(frame.data, sealing, secret.bytes, reader.body(before), stream.medium);
      if (!cipher || clearPrefix === undefined) {
        unsealed.push(frame);
        continue;
      }
      evidence.sealed++;
      const key = keys.of(secret.bytes, 'page', cipher, () => ({
        reach: reach.path(secret),
        roots: lineage.roots(secret),
        ...holdersOf(secret),
        earlier: false,
      }));
      keys.use(key, evidence, sealing.evidence, sealing.nonce);
      sealed.set(name, { key, sealing, clearPrefix });
      ciphertexts.get(evidence)!.set(frame, frame.data.subarray(sealing.offset, sealing.offset + sealing.length));
    }
    return unsealed;
  }

  function holdersOf(secret: Secret): Pick<KeyEvidence, 'holders' | 'unaccounted'> {
    const keys = [...lineage.keys.values()].filter((key) => key.secret === secret);
    const holders = [...new Set(keys.map(({ participant }) => participant))];
    return { holders, unaccounted: holders.filter((name) => !lineage.accounted(secret, name)) };
  }

  /** Whether a participant had a value before the message that it was found in: sent it, or made what it stands in. */
  function knownEarlier({ bytes, crossing }: Candidate): boolean {
    const made = [...lineage.secrets.values()].some((secret) => secret.made && find(secret.bytes, bytes));
    return (
      made ||
      crossings.all.some(
        (other) =>
          other.direction === 'send' &&
          other.evidence[0]! < crossing.evidence[0]! &&
          find(content(other) ?? new Uint8Array(), bytes),
      )
    );
  }

  /**
   * A key of the page that crossed in the clear: what the provider sees with it, taken from that message. (One that it has to
   * compute first stays without a proof.)
   */
  async function playThrough(
    key: KeyEvidence,
    all: { stream: SentStream; evidence: StreamEvidence; frames: EncodedFrame[] }[],
  ) {
    const taken = tried.find(({ bytes }) => Buffer.compare(bytes, key.bytes) === 0);
    if (!key.reach || !taken) return;
    key.taken = taken;
    key.reach = [taking(taken)];
    key.earlier = knownEarlier(taken);
    for (const { stream, evidence, frames } of all) {
      const opened = frames.flatMap((frame) => {
        const use = sealed.get(`${stream.participant} ${stream.ssrc} ${frame.timestamp}`);
        const plain = use?.key === key && unseal(frame.data, use.sealing, key.bytes);
        return plain ? [{ ...frame, data: Buffer.concat([frame.data.subarray(0, use.clearPrefix), plain]) }] : [];
      });
      if (stream.route === 'provider' && opened.length > 0)
        key.sight = better(key.sight, await eyes.look(evidence, opened), eyes.pictures);
    }
  }

  /** Looks for patterns in a stream's ciphertext, once it is known where in its frames that is. */
  function findRepeats(evidence: StreamEvidence): void {
    const parts = [...ciphertexts.get(evidence)!].map(([frame, data]) => ({ data, evidence: frame.evidence }));
    const { blocks, repeated, commonest } = repeatedBlocks(parts, { clearPrefix: 0 });
    evidence.blocks = { total: blocks, repeated, evidence: holding(parts, commonest[0]?.block) };
  }

  /** Tries what the provider saw on frames whose key is hidden, on a sample first; says whether one of them opens it. */
  async function tryOn(
    { evidence, frames }: Shut,
    secrets: readonly Candidate[],
    sample: EncodedFrame[],
  ): Promise<boolean> {
    for (const scheme of schemes.filter(({ slow }) => !slow))
      for (const candidate of secrets) {
        if (!scheme.keyLengths.includes(candidate.bytes.length) || !openAll(scheme, sample, candidate.bytes)) continue;
        const open = scheme.prepare(candidate.bytes, sample);
        const opened = frames.flatMap((frame) => {
          const result = open?.(frame);
          return result ? [{ frame, result }] : [];
        });
        const first = opened[0];
        if (!first) continue;
        const sight = await eyes.look(
          evidence,
          opened.map(({ frame, result }) => ({ ...frame, data: result.plaintext })),
        );
        // Without a tag, the picture or the sound decides.
        if (!scheme.authenticated && sight.cards < 3 && sight.words < 2) continue;
        const secret = lineage.secrets.get(createHash('sha256').update(candidate.bytes).digest('hex'));
        const key = keys.of(candidate.bytes, 'provider', first.result.cipher, () => ({
          reach: [taking(candidate)],
          roots: secret ? lineage.roots(secret) : { made: [], unknown: [] },
          holders: [],
          unaccounted: [],
          earlier: knownEarlier(candidate),
        }));
        key.scheme = scheme.id;
        key.taken = candidate;
        key.sight = better(key.sight, sight, eyes.pictures);
        evidence.sealed += opened.length;
        evidence.clearPrefix ??= opened.reduce((most, { result }) => Math.max(most, result.clearPrefix), 0);
        for (const { frame, result } of opened) {
          keys.use(key, evidence, frame.evidence, result.nonce);
          ciphertexts.get(evidence)!.set(frame, frame.data.subarray(result.clearPrefix));
        }
        return true;
      }
    return false;
  }
}

/** Frames of which it isn't known who sealed them. */
interface Shut {
  evidence: StreamEvidence;
  frames: EncodedFrame[];
}

/** A few frames from all over a stream. */
function spread(frames: EncodedFrame[]): EncodedFrame[] {
  const step = Math.ceil(frames.length / TRIAL_FRAMES);
  return frames.filter((_, index) => index % step === 0);
}

function taking({ crossing, label, steps }: Candidate): ReachStep {
  const way =
    crossing.direction === 'send' ? `${crossing.participant} sent` : `${crossing.host} sent ${crossing.participant}`;
  const encoding = steps.map(({ as }) => as).join(' in ') || 'raw';
  const where = label ? ` as "${label}"` : '';
  return {
    text: `${way} the key in the clear${where} (${encoding}) in ${crossing.what}`,
    evidence: crossing.evidence,
    crossing,
  };
}

/** One stream, held against the frames that the page saw leave. */
async function judgeStream(
  stream: SentStream,
  eyes: Eyes,
): Promise<{ evidence: StreamEvidence; frames: EncodedFrame[] }> {
  const losses: FrameLosses = { incomplete: 0, missing: 0, repeated: 0 };
  const frames: EncodedFrame[] = [];
  let held = 0;
  const evidence: StreamEvidence = {
    ...pick(stream),
    frames: 0,
    lost: 0,
    left: [...stream.leaving.values()].filter(({ after }) => after).length,
    last: 0,
    compared: 0,
    agreed: 0,
    unchanged: 0,
    sealed: 0,
    asIs: nothing(),
    beforeTransform: undefined,
    blocks: { total: 0, repeated: 0, evidence: [] },
    clearPrefix: undefined,
    pairs: { kind: 'none seen', detail: 'the application transforms no frames' },
  };
  for (const frame of stream.frames(losses)) {
    evidence.frames++;
    const leaving = stream.leaving.get(frame.timestamp);
    if (leaving?.after) {
      evidence.compared++;
      if (createHash('sha256').update(frame.data).digest('hex') === leaving.after.sha256) {
        evidence.agreed++;
        if (leaving.before?.sha256 === leaving.after.sha256) evidence.unchanged++;
      }
    }
    held += frame.data.length;
    if (held <= HELD_BYTES) frames.push(frame);
  }
  evidence.lost = losses.incomplete + losses.missing + losses.repeated;
  evidence.asIs = await eyes.look(stream, frames);
  evidence.last = lastUnseen(stream, frames);
  evidence.frames -= evidence.last;
  frames.splice(frames.length - evidence.last);
  const before = [...stream.before()];
  if (before.length > 0) {
    evidence.beforeTransform = await eyes.look(stream, before);
    const found = identify(pairsOf(before, frames));
    evidence.pairs = { kind: found.kind, detail: 'reason' in found ? found.reason : `${found.pairs} pairs` };
    const prefixes = found.layouts.map(({ clearPrefix }) => clearPrefix);
    if (found.kind !== 'none' && prefixes.length > 0) evidence.clearPrefix = Math.max(...prefixes);
  }
  return { evidence, frames };
}

function pick({ participant, ssrc, medium, codec, route }: SentStream) {
  return { participant, ssrc, medium, codec, route };
}

function pairsOf(before: EncodedFrame[], after: EncodedFrame[]): FramePair[] {
  const sealed = new Map(after.map((frame) => [frame.timestamp, frame]));
  return before.slice(0, MOST_PAIRS).flatMap(({ timestamp, medium, key, data }) => {
    const other = sealed.get(timestamp);
    return other ? [{ medium, key, before: data, after: other.data }] : [];
  });
}

/**
 * How many frames at the end the page's hooks could not tell of any more, since the page was closed while they were on their
 * way; 0 where it is more than that can explain, or where nothing was transformed.
 */
function lastUnseen({ medium, leaving }: SentStream, frames: EncodedFrame[]): number {
  const unseen = frames.length - 1 - frames.findLastIndex(({ timestamp }) => leaving.get(timestamp)?.after);
  return leaving.size > 0 && unseen <= MOST_UNSEEN[medium] ? unseen : 0;
}

/** Events of the first frames that hold a block. */
function holding(parts: { data: Uint8Array; evidence: number[] }[], block: Uint8Array | undefined): number[] {
  if (!block) return [];
  return parts
    .filter(({ data }) => Buffer.from(data).includes(Buffer.from(block)))
    .slice(0, 8)
    .flatMap(({ evidence }) => evidence);
}

/** Where it isn't known where a frame's ciphertext is: without headers and trailers, whose fields may well repeat. */
function trimmed(frame: Uint8Array): Uint8Array {
  return frame.subarray(MARGIN, Math.max(MARGIN, frame.length - MARGIN));
}

/**
 * How many bytes of codec data a frame leaves in clear before what a key seals; undefined where the key doesn't open it, what
 * comes out isn't the rest of the codec's frame, or more than headers and trailers stand beside, or the key itself.
 */
function sealedBehind(
  frame: Uint8Array,
  sealing: FrameSealing,
  key: Uint8Array,
  before: Uint8Array,
  medium: 'audio' | 'video',
): number | undefined {
  const plain = unseal(frame, sealing, key);
  if (!plain || plain.length > before.length || frame.length - sealing.length > MOST_BESIDE) return undefined;
  const clearPrefix = before.length - plain.length;
  if (clearPrefix > MOST_CLEAR[medium]) return undefined;
  const beside = Buffer.concat([frame.subarray(0, sealing.offset), frame.subarray(sealing.offset + sealing.length)]);
  if (find(beside, key)) return undefined;
  return Buffer.compare(before.subarray(clearPrefix), plain) === 0 ? clearPrefix : undefined;
}

/** Looks at frames through the decoder, for the sender's own card and tone. */
class Eyes {
  readonly pictures = new Map<Sight, Picture>();
  readonly #decoder: Decoder;
  readonly #cards: ReadonlyMap<string, number>;

  constructor(decoder: Decoder, cards: ReadonlyMap<string, number>) {
    this.#decoder = decoder;
    this.#cards = cards;
  }

  async look({ participant, medium }: Pick<SentStream, 'participant' | 'medium'>, all: EncodedFrame[]): Promise<Sight> {
    const card = this.#cards.get(participant);
    const sight = nothing();
    const counters = new Set<number>();
    for (const frames of windows(all, medium)) {
      sight.frames += frames.length;
      sight.evidence.push(...frames.slice(0, 10).flatMap((frame) => frame.evidence));
      if (medium === 'audio') {
        const heard = readTone(await this.#decoder.decodeAudio(frames), 48_000);
        sight.words += heard.filter(({ sender }) => sender === card).reduce((sum, { words }) => sum + words, 0);
        continue;
      }
      for (const picture of (await this.#decoder.decodeVideo(frames)).pictures) {
        sight.pictures++;
        const { i420, width, height } = picture;
        const read = readCardFromGray(i420.subarray(0, width * height), width, height);
        if (read?.sender !== card || read === undefined) continue;
        counters.add(read.counter);
        if (!this.pictures.has(sight)) this.pictures.set(sight, picture);
      }
    }
    sight.cards = counters.size;
    return sight;
  }
}

function nothing(): Sight {
  return { frames: 0, pictures: 0, cards: 0, words: 0, evidence: [] };
}

/** The first frames from a key frame on, and as many from the last key frame on. */
function windows(frames: EncodedFrame[], medium: 'audio' | 'video'): EncodedFrame[][] {
  const size = WINDOW[medium];
  const first = Math.max(
    0,
    frames.findIndex(({ key }) => key),
  );
  const last = Math.max(
    frames.findLastIndex(({ key }) => key),
    0,
  );
  const lastStart = medium === 'audio' ? frames.length - size : last;
  const start = frames.slice(first, first + size);
  return lastStart >= first + size ? [start, frames.slice(lastStart, lastStart + size)] : [start];
}

/** Joins what a key shows of several streams. */
function better(a: Sight | undefined, b: Sight, pictures: Map<Sight, Picture>): Sight {
  if (!a) return b;
  const joined: Sight = {
    frames: a.frames + b.frames,
    pictures: a.pictures + b.pictures,
    cards: a.cards + b.cards,
    words: a.words + b.words,
    evidence: [...a.evidence, ...b.evidence],
  };
  const picture = pictures.get(a) ?? pictures.get(b);
  if (picture) pictures.set(joined, picture);
  return joined;
}

/** The keys found so far, by their bytes. */
class KeyRing {
  readonly all: KeyEvidence[] = [];
  readonly #nonces = new Map<KeyEvidence, Map<string, number[]>>();

  of(
    bytes: Uint8Array,
    found: KeyEvidence['found'],
    cipher: Cipher,
    facts: () => Pick<KeyEvidence, 'reach' | 'roots' | 'holders' | 'unaccounted' | 'earlier'>,
  ): KeyEvidence {
    const known = this.all.find((key) => Buffer.compare(key.bytes, bytes) === 0 && key.cipher.mode === cipher.mode);
    if (known) return known;
    const key: KeyEvidence = {
      name: '',
      bytes,
      found,
      cipher,
      scheme: undefined,
      streams: [],
      frames: 0,
      taken: undefined,
      sight: undefined,
      nonceReuse: [],
      nonces: 0,
      evidence: [],
      ...facts(),
    };
    this.all.push(key);
    this.#nonces.set(key, new Map());
    return key;
  }

  use(key: KeyEvidence, stream: StreamEvidence, evidence: number[], nonce: Uint8Array | undefined): void {
    if (!key.streams.includes(stream)) key.streams.push(stream);
    key.frames++;
    if (key.evidence.length < 16) key.evidence.push(...evidence);
    if (!nonce) return;
    key.nonces++;
    const seen = this.#nonces.get(key)!;
    const name = Buffer.from(nonce).toString('hex');
    const earlier = seen.get(name);
    if (earlier) key.nonceReuse.push([earlier[0]!, evidence[0]!]);
    else seen.set(name, evidence);
  }
}

/** What the harness itself wrote down: who read whose card and tone, which vantage points were lost. */
class CallLog {
  readonly lost = new Map<string, string>();
  readonly arrived: Gathered['arrived'] = new Map();
  dataBytes = 0;
  /** Bytes by participant, in bodies and messages. */
  readonly sentOtherwise = new Map<string, number>();
  readonly #names: ReadonlyMap<number, string>;
  readonly #flow = new Map<string, Flow & { counters: Set<number> }>();

  constructor(participants: readonly { name: string; card: number }[]) {
    this.#names = new Map(participants.map(({ name, card }) => [card, name]));
  }

  see(event: RecordedEvent): void {
    if (event.type === 'vantage.lost') this.lost.set(`${event.vantage} ${event.participant}`, event.reason);
    if (event.type === 'rtc.data') this.dataBytes += event.body.length;
    this.#sent(event);
    if (event.type !== 'call.card' && event.type !== 'call.tone') return;
    const sender = this.#names.get(event.sender);
    const receiver = event.participant ?? '';
    if (!sender || sender === receiver) return;
    const name = `${sender} ${receiver}`;
    const flow = this.#flow.get(name) ?? { sender, receiver, cards: 0, words: 0, evidence: [], counters: new Set() };
    this.#flow.set(name, flow);
    if (flow.evidence.length < 16) flow.evidence.push(event.seq);
    if (event.type === 'call.tone') flow.words += event.words;
    else {
      flow.counters.add(event.counter);
      if (event.picture && !this.arrived.has(sender))
        this.arrived.set(sender, { picture: event.picture, receiver, counter: event.counter });
    }
  }

  #sent(event: RecordedEvent): void {
    const isMessage = event.type === 'ws.message' || event.type === 'rtc.data';
    const sent = isMessage ? event.direction === 'send' : event.type === 'http.body' && event.of === 'request';
    if (!sent) return;
    const name = event.participant ?? '';
    this.sentOtherwise.set(
      name,
      (this.sentOtherwise.get(name) ?? 0) + (event as RecordedEvent<'ws.message'>).body.length,
    );
  }

  flow(): Flow[] {
    return [...this.#flow.values()].map(({ counters, ...flow }) => ({ ...flow, cards: counters.size }));
  }
}
