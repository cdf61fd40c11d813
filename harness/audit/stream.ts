/** One stream of media: what the provider's server got of it, held against what the page saw leave. */
import { createHash } from 'node:crypto';
import { type FramePair, identify } from '../ciphers/identify.ts';
import { repeatedBlocks } from '../ciphers/statistics.ts';
import type { StreamEvidence } from '../claims/evidence.ts';
import { type FrameSealing, unseal } from '../knowledge/frame-keys.ts';
import type { SentStream } from '../knowledge/media-view.ts';
import { find } from '../knowledge/search.ts';
import { type EncodedFrame, noLosses } from '../media/frames.ts';
import type { Body } from '../recording/format.ts';
import { type Eyes, nothing } from './eyes.ts';
import { Windows, windowsOf } from './windows.ts';

/** Frames of a stream that are kept for trials of keys. */
export const MOST_UNSEALED = 400;
/** Bytes of ciphertext that are looked through for patterns: what {@link repeatedBlocks} compares. */
const MOST_CIPHERTEXT = 4 << 20;
/** Frames of about a second: what is on its way when a page closes. */
const MOST_UNSEEN = { audio: 50, video: 30 };
/** Bytes of headers and trailers at each end of a frame of unknown format; the known ones' are shorter. */
const MARGIN = 32;
/** Codec bytes that may stay in clear before it: VP8's key frame header (RFC 6386, 9.1), Opus's TOC (RFC 6716, 3.1). */
const MOST_CLEAR = { audio: 1, video: 10 };
/** Bytes beside the sealed part of a frame, at most: codec header (10), SFrame's (17, RFC 9605, 4.3) or nonce and trailer. */
const MOST_BESIDE = 40;
/** Pairs before and after the transform that the cipher is told from, of each stream. */
const MOST_PAIRS = 1500;

/** A stream, and a sample of its frames of which it isn't known who sealed them. */
export interface Judged {
  stream: SentStream;
  evidence: StreamEvidence;
  unsealed: EncodedFrame[];
}

/** What a key of the page does to a frame. */
export interface Followed {
  /** The part that it seals. */
  ciphertext: Uint8Array;
  /** What stands beside that, where it is more than the known headers and trailers: the frame does not count as sealed then. */
  crowd?: Uint8Array[];
}

/**
 * Reads a stream once, holding no more of it than samples; `look` then says what a decoder makes of it.
 *
 * @param follow says what a key of the page does to a frame, if one does.
 * @param isEnd says whether a frame is of the last second in which its sender sent something.
 */
export function judgeStream(
  stream: SentStream,
  eyes: Eyes,
  read: (body: Body) => Uint8Array,
  follow: (frame: EncodedFrame, evidence: StreamEvidence) => Followed | undefined,
  isEnd: (frame: EncodedFrame) => boolean,
): Judged & { look(): Promise<void> } {
  const losses = noLosses();
  const evidence = blank(stream);
  const windows = new Windows<EncodedFrame>(stream.medium);
  const ciphertext = new Ciphertext();
  const unsealed: EncodedFrame[] = [];
  const pairs: FramePair[] = [];
  const came = new Set<number>();
  /** Since the last frame that the page saw leave. */
  let unseen: EncodedFrame[] = [];
  let unseenCount = 0;
  let newest: EncodedFrame | undefined;
  const open = (frames: EncodedFrame[]) => unsealed.push(...frames.slice(0, MOST_UNSEALED - unsealed.length));
  for (const frame of stream.frames(losses)) {
    evidence.frames++;
    windows.add(frame);
    const leaving = stream.leaving.get(frame.timestamp);
    came.add(frame.timestamp);
    if (leaving?.after) {
      evidence.compared++;
      if (createHash('sha256').update(frame.data).digest('hex') === leaving.after.sha256) {
        evidence.agreed++;
        if (leaving.before?.sha256 === leaving.after.sha256) evidence.unchanged++;
      }
      open(unseen);
      unseen = [];
      unseenCount = 0;
    }
    const part = follow(frame, evidence);
    const sealed = part && !part.crowd;
    ciphertext.add(frame, part);
    if (leaving?.before && pairs.length < MOST_PAIRS)
      pairs.push({ medium: frame.medium, key: leaving.key, before: read(leaving.before), after: frame.data });
    if (leaving?.after && !sealed) {
      evidence.open++;
      open([frame]);
    } else if (!leaving?.after) {
      unseenCount++;
      newest = frame;
      if (unseen.length < MOST_UNSEALED) unseen.push(frame);
    }
  }
  // What the page's hooks could not tell of any more, since the page was closed while it was on its way.
  const isLast = newest !== undefined && unseenCount <= MOST_UNSEEN[stream.medium] && isEnd(newest);
  if (stream.leaving.size > 0 && isLast) evidence.last = unseenCount;
  else open(unseen);
  evidence.frames -= evidence.last;
  evidence.left = leftOf(stream, came);
  evidence.lost = losses.incomplete + losses.missing + losses.repeated;
  ciphertext.judge(evidence);
  if (pairs.length > 0) identifyCipher(evidence, pairs);
  return { stream, evidence, unsealed, look };

  async function look(): Promise<void> {
    const before = windowsOf(stream.before(), stream.medium).map((window) =>
      window.map((frame) => ({ ...frame, data: read(frame.body) })),
    );
    const [asIs, beforeTransform] = await Promise.all([
      eyes.look(stream, windows.all),
      before.length > 0 ? eyes.look(stream, before) : undefined,
    ]);
    Object.assign(evidence, { asIs, beforeTransform });
  }
}

function identifyCipher(evidence: StreamEvidence, pairs: FramePair[]): void {
  const found = identify(pairs);
  evidence.pairs = { kind: found.kind, detail: 'reason' in found ? found.reason : `${found.pairs} pairs` };
  // Of few frames, the ciphertext may begin as the codec's data does by chance: 2^-8 for one, 2^-32 for four.
  const prefixes = found.layouts
    .filter(({ pairs, unchanged }) => pairs - unchanged >= 4)
    .map(({ clearPrefix }) => clearPrefix);
  if (found.kind !== 'none' && prefixes.length > 0) evidence.clearPrefix = Math.max(...prefixes);
}

/** The parts of a stream's frames that are sealed, as many as are looked through for patterns. */
export class Ciphertext {
  readonly #parts: { data: Uint8Array; whole: boolean; evidence: number[] }[] = [];
  #bytes = 0;

  /** @param followed says what of the frame is sealed, where that is known. */
  add({ data: frame, evidence }: EncodedFrame, followed?: Followed): void {
    if (followed) this.#keep(followed.ciphertext, false, evidence);
    for (const data of followed ? (followed.crowd ?? []) : [trimmed(frame)]) this.#keep(data, true, evidence);
  }

  #keep(data: Uint8Array, whole: boolean, evidence: number[]): void {
    if (this.#bytes > MOST_CIPHERTEXT) return;
    this.#bytes += data.length;
    this.#parts.push({ data, whole, evidence });
  }

  judge(evidence: StreamEvidence): void {
    const { blocks, repeated, commonest } = repeatedBlocks(this.#parts, { clearPrefix: 0 });
    evidence.blocks = { total: blocks, repeated, evidence: this.#holding(commonest[0]?.block) };
  }

  /** Events of the first frames that hold a block. */
  #holding(block: Uint8Array | undefined): number[] {
    if (!block) return [];
    return this.#parts
      .filter(({ data }) => Buffer.from(data).includes(Buffer.from(block)))
      .slice(0, 8)
      .flatMap(({ evidence }) => evidence);
  }
}

/**
 * Frames of which something was to be sent: of silence (DTX, RFC 7587, 3.1.3) encoders give empty ones, for which no packet is made.
 * Of those that left about a second before the first that came, or after the last, the connection was not up yet, or no more.
 */
function leftOf({ leaving, medium }: SentStream, came: ReadonlySet<number>): number {
  const left: boolean[] = [];
  for (const [timestamp, { after }] of leaving) if (after && after.length > 0) left.push(came.has(timestamp));
  const first = left.indexOf(true);
  if (first < 0) return left.length;
  const beyond = (count: number) => (count <= MOST_UNSEEN[medium] ? 0 : count);
  const last = left.lastIndexOf(true);
  return last - first + 1 + beyond(first) + beyond(left.length - 1 - last);
}

function blank(stream: SentStream): StreamEvidence {
  return {
    ...pick(stream),
    frames: 0,
    lost: 0,
    left: 0,
    last: 0,
    compared: 0,
    agreed: 0,
    unchanged: 0,
    sealed: 0,
    open: 0,
    beside: 0,
    asIs: nothing(),
    beforeTransform: undefined,
    blocks: { total: 0, repeated: 0, evidence: [] },
    clearPrefix: undefined,
    header: undefined,
    pairs: { kind: 'none seen', detail: 'the application transforms no frames' },
  };
}

function pick({ participant, ssrc, medium, codec, carrier, route, secured }: SentStream) {
  return { participant, ssrc, medium, codec, carrier, route, secured };
}

/** Where it isn't known where a frame's ciphertext is: without headers and trailers, whose fields may well repeat. */
export function trimmed(frame: Uint8Array): Uint8Array {
  return frame.subarray(MARGIN, Math.max(MARGIN, frame.length - MARGIN));
}

/**
 * How many bytes of codec data a frame leaves in clear before what a key seals; undefined where the key doesn't open it, what
 * comes out isn't the rest of the codec's frame, or the key itself stands beside it.
 */
export function sealedBehind(
  frame: Uint8Array,
  sealing: FrameSealing,
  key: Uint8Array,
  before: Uint8Array,
): number | undefined {
  const plain = unseal(frame, sealing, key);
  if (!plain || plain.length > before.length) return undefined;
  const clearPrefix = before.length - plain.length;
  const beside = Buffer.concat([frame.subarray(0, sealing.offset), frame.subarray(sealing.offset + sealing.length)]);
  if (find(beside, key)) return undefined;
  return Buffer.compare(before.subarray(clearPrefix), plain) === 0 ? clearPrefix : undefined;
}

/**
 * What stands beside the sealed part of a frame but for the codec's bytes in clear, where it is more than the known headers and
 * trailers take, or more of the codec's bytes are in clear than need be.
 */
export function crowdOf(
  frame: Uint8Array,
  { offset, length }: FrameSealing,
  before: Uint8Array,
  clearPrefix: number,
  { medium, carrier }: Pick<SentStream, 'medium' | 'carrier'>,
): Uint8Array[] | undefined {
  // Before a frame in a message stands what the application put there.
  const mostClear = carrier === 'rtp' ? MOST_CLEAR[medium] : 0;
  if (frame.length - length <= MOST_BESIDE && clearPrefix <= mostClear) return undefined;
  const isCodecs = clearPrefix <= offset && isPrefix(frame, before, clearPrefix);
  const head = frame.subarray(Math.min(offset, Math.max(isCodecs ? clearPrefix : 0, MARGIN)), offset);
  return [head, frame.subarray(offset + length, Math.max(offset + length, frame.length - MARGIN))];
}

/** Whether bytes begin as others do, for so many. */
export function isPrefix(head: Uint8Array, whole: Uint8Array, length: number): boolean {
  return head.length >= length && Buffer.compare(head.subarray(0, length), whole.subarray(0, length)) === 0;
}
