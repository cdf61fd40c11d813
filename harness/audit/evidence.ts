/**
 * Works out the evidence from a recording: one pass over the events feeds the collectors, then streams are followed from
 * the key to the provider. Reads the recording and runs the decoder; no check does.
 */

import { headerLengths } from '../ciphers/message-header.ts';
import type { Cipher, Scheme } from '../ciphers/scheme.ts';
import {
  type Evidence,
  type KeyEvidence,
  type KeySource,
  type Sight,
  type StreamEvidence,
  shows,
} from '../claims/evidence.ts';
import { ByFrame, type FrameId } from '../knowledge/by-frame.ts';
import { Connections } from '../knowledge/connections.ts';
import { Crossings } from '../knowledge/crossings.ts';
import { describedBytes } from '../knowledge/descriptions.ts';
import { cipherOf, FrameKeys, type FrameSealing, unseal } from '../knowledge/frame-keys.ts';
import { guessable } from '../knowledge/guess.ts';
import { infer } from '../knowledge/infer.ts';
import { Lineage, type Secret } from '../knowledge/lineage.ts';
import { MediaView, type SentStream } from '../knowledge/media-view.ts';
import { MessageMedia } from '../knowledge/message-media.ts';
import { ProviderView } from '../knowledge/provider-view.ts';
import { isRepeatable, type Path, Reach } from '../knowledge/reach.ts';
import { find } from '../knowledge/search.ts';
import { swappable } from '../knowledge/swappable.ts';
import { waist } from '../knowledge/waist.ts';
import type { Decoder, Picture } from '../media/decoder.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { Body } from '../recording/format.ts';
import type { RecordingReader } from '../recording/reader.ts';
import { Beside } from './beside.ts';
import { CallLog } from './call-log.ts';
import { Endings } from './endings.ts';
import { better, Eyes } from './eyes.ts';
import { givingAway } from './given-away.ts';
import { KeyRing } from './key-ring.ts';
import { Ciphertext, crowdOf, type Followed, isPrefix, type Judged, judgeStream, sealedBehind } from './stream.ts';
import { passphrases, type Shut, Trials, trials } from './trial.ts';
import { Windows } from './windows.ts';

/** Evidence, and the pictures that the report shows beside it. */
export interface Gathered {
  evidence: Evidence;
  /** The first picture of a sight that shows the test card. */
  pictures: Map<Sight, Picture>;
  arrived: CallLog['arrived'];
  streams: Map<StreamEvidence, SentStream>;
  /** Keys that were followed in the page, by the frames that they seal; and how they do. */
  sealed: ByFrame<KeyEvidence>;
  sealing(frame: FrameId): FrameSealing | undefined;
  lineage: Lineage;
  /** The value that each key is in the lineage. */
  secrets: Map<KeyEvidence, Secret>;
}

/** @throws RecordingError if the recording is damaged. */
export async function gather(reader: RecordingReader, decoder: Decoder, schemes: readonly Scheme[]): Promise<Gathered> {
  const { recording } = reader;
  const read = (body: Body) => reader.body(body);
  const blind = recording.vantagePoints.filter(({ vantage, state }) => vantage === 'page' && state === 'lost');
  const connections = new Connections(
    recording.participants.map(({ name }) => name),
    blind.map(({ participant }) => participant ?? ''),
  );
  const messages = new MessageMedia(reader, connections);
  const crossings = new Crossings(reader, connections);
  const lineage = new Lineage(reader);
  const media = new MediaView(reader, connections);
  const frameKeys = new FrameKeys(reader, lineage);
  const calls = new CallLog(recording.participants);
  const endings = new Endings();
  for (const event of reader.events()) {
    for (const collector of [connections, crossings, media, frameKeys, calls, endings]) collector.see(event);
    const sent = messages.see(event);
    if (sent) frameKeys.see(sent.frame, sent.before);
  }
  frameKeys.end();

  const eyes = new Eyes(decoder, new Map(recording.participants.map(({ name, card }) => [name, card])));
  const tried = new ProviderView(crossings.all, messages.carrying());
  const described = describedBytes(tried.crossings, connections);
  const keys = new KeyRing();
  const beside = new Beside<StreamEvidence>();
  const sealed = new ByFrame<KeyEvidence>();
  /** Frames that such a key opens and that hold too much else to count as sealed: how many of the codec's bytes are in clear. */
  const crowded = new ByFrame<number>();
  /** Frames that a hidden key opened. */
  const unlocked = new ByFrame<true>();
  const leaving = [...media.streams(), ...messages.streams()].filter(({ route }) => route !== 'own');
  const judged = leaving.map((stream) =>
    judgeStream(
      stream,
      eyes,
      read,
      (frame, evidence) => follow(stream, evidence, frame),
      ({ evidence }) => endings.isEnd(stream.participant, evidence[0]!),
    ),
  );
  await Promise.all(judged.map((one) => one.look()));
  const shut = judged
    // What is seen as it is needs no key.
    .filter(({ unsealed, evidence }) => unsealed.length > 0 && !shows(evidence.asIs) && evidence.route !== 'direct')
    .map(shutOf);
  await tryHidden(shut);
  // What nothing is known to seal may be something else than media.
  const view = messages.carrying().size > 0 ? new ProviderView(crossings.all, provenMedia()) : tried;

  const secrets = new Map(
    keys.all.map((key) => [key, lineage.add(key.bytes, { seq: key.evidence[0] ?? 0, participant: '' })] as const),
  );
  infer(lineage, view, [...secrets.values()]);
  const origin = Date.parse(recording.clock.origin);
  const reach = new Reach(lineage, view, [...secrets.values()], origin);
  for (const [key, secret] of secrets) await trace(key, secret);

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
      streams: judged.map(({ evidence }) => evidence),
      keys: keys.all,
      tried: tried.candidates.length,
      crowded: tried.isCrowded || view.isCrowded,
      undecoded: view.undecoded + crossings.unplaced + calls.unseen,
      sentOtherwise: Math.max(0, ...[...calls.sentOtherwise].map(([name, bytes]) => bytes - accounted(name))),
      strangers: lineage.strangers,
    },
    pictures: eyes.pictures,
    arrived: calls.arrived,
    streams: new Map(judged.map(({ evidence, stream }) => [evidence, stream])),
    sealed,
    sealing: (frame) => frameKeys.sealing(frame),
    lineage,
    secrets,
  };

  /** Digests of the messages that are known to carry media: in clear, or sealed under a key that was found. */
  function provenMedia(): Set<string> {
    const digests = new Set<string>();
    for (const { stream } of judged)
      for (const [timestamp, { before, after }] of stream.message ? stream.leaving : []) {
        const id = { participant: stream.participant, ssrc: stream.ssrc, timestamp };
        if (sealed.get(id) || unlocked.get(id) || before?.sha256 === after?.sha256)
          digests.add(stream.message!(timestamp).body.sha256);
      }
    return digests;
  }

  /** Bytes of a participant's messages that are known to be media that is judged, or no media at all. */
  function accounted(name: string): number {
    return messages.bytes(name) + (described.get(name) ?? 0);
  }

  /** What a key of the page provably does to a frame. */
  function follow(stream: SentStream, evidence: StreamEvidence, frame: EncodedFrame): Followed | undefined {
    const id = idOf(stream, frame);
    const sealing = frameKeys.sealing(id);
    const secret = sealing && lineage.keys.get(sealing.key)?.secret;
    const cipher = sealing && secret && cipherOf(sealing, secret.bytes);
    const before = stream.leaving.get(frame.timestamp)?.before;
    const clearPrefix = cipher && before && sealedBehind(frame.data, sealing, secret.bytes, reader.body(before));
    if (!cipher || clearPrefix === undefined) return undefined;
    const ciphertext = frame.data.subarray(sealing.offset, sealing.offset + sealing.length);
    const crowd = crowdOf(frame.data, sealing, reader.body(before!), clearPrefix, stream);
    if (crowd) {
      crowded.set(id, clearPrefix);
      return { ciphertext, crowd };
    }
    evidence.sealed++;
    const key = keys.of(secret.bytes, 'page', cipher);
    keys.use(key, evidence, sealing.evidence, {
      nonce: sealing.nonce,
      sealed: ciphertext,
      length: ciphertext.length,
      counterBits: counterBitsOf(sealing),
    });
    sealed.set(id, key);
    const head = frame.data.subarray(0, sealing.offset);
    const isCodecs = before && isPrefix(head, reader.body(before), clearPrefix);
    const bytes = Buffer.concat([
      head.subarray(isCodecs ? clearPrefix : 0),
      frame.data.subarray(sealing.offset + sealing.length),
    ]);
    evidence.beside += Math.max(0, beside.add(evidence, bytes, sealing.nonce) - tagOf(cipher));
    return { ciphertext };
  }

  function shutOf({ stream, evidence, unsealed }: Judged): Shut {
    const opened = new Map<number, number>();
    function* frames() {
      for (const frame of stream.frames())
        if (!opened.has(frame.timestamp) && !sealed.get(idOf(stream, frame))) yield frame;
    }
    const before = ({ timestamp }: EncodedFrame) => stream.leaving.get(timestamp)?.before?.sha256;
    return {
      evidence,
      frames,
      sample: unsealed,
      headers: stream.carrier === 'rtp' ? [0] : headerLengths(unsealed.map(lengthsOf)),
      before,
      opened(frame, prefix) {
        opened.set(frame.timestamp, prefix);
        if (stream.leaving.get(frame.timestamp)?.after) evidence.open--;
        unlocked.set(idOf(stream, frame), true);
      },
      finish,
    };

    function lengthsOf({ data, timestamp }: EncodedFrame) {
      return { data, media: stream.leaving.get(timestamp)?.before?.length ?? data.length };
    }

    /** Looks for patterns once more, now that it is known where in a frame the ciphertext is. */
    function finish(): void {
      if (opened.size === 0) return;
      const ciphertext = new Ciphertext();
      for (const frame of stream.frames()) ciphertext.add(frame, partOf(frame));
      ciphertext.judge(evidence);
    }

    function partOf(frame: EncodedFrame): Followed | undefined {
      const id = idOf(stream, frame);
      const prefix = opened.get(frame.timestamp);
      if (prefix !== undefined) return { ciphertext: frame.data.subarray(prefix) };
      const clearPrefix = crowded.get(id);
      const sealing = (sealed.get(id) || clearPrefix !== undefined) && frameKeys.sealing(id);
      if (!sealing) return undefined;
      const ciphertext = frame.data.subarray(sealing.offset, sealing.offset + sealing.length);
      if (clearPrefix === undefined) return { ciphertext };
      const before = reader.body(stream.leaving.get(frame.timestamp)!.before!);
      return { ciphertext, crowd: crowdOf(frame.data, sealing, before, clearPrefix, stream) };
    }
  }

  async function tryHidden(shut: Shut[]): Promise<void> {
    if (shut.length === 0) return;
    const hidden = new Trials(schemes, eyes, keys);
    const values = trials(tried, lineage);
    for (const one of shut) await hidden.try(one, values);
    for (const one of shut) {
      if (one.sample.length === 0) continue;
      await hidden.tryPassphrases(one, passphrases(tried));
      if (one.sample.length > 0) await hidden.recover(one);
    }
    // What one stream gave away may open the sender's others.
    const found = keys.all.filter(({ found }) => found !== 'page');
    for (const one of shut) await hidden.try(one, found);
    for (const one of shut) one.finish();
  }

  /** Where a key comes from, who has it, and whether the provider can compute it; if so, what it sees with it. */
  async function trace(key: KeyEvidence, secret: Secret): Promise<void> {
    key.roots = lineage.roots(secret);
    key.guards = lineage.guards(secret);
    key.waist = waist(lineage, secret);
    key.holders = holdersOf(secret);
    key.unaccounted = key.holders.filter((name) => !lineage.accounted(secret, name));
    key.swappable = swappable(lineage, secret);
    key.path = reach.path(secret);
    if (!key.path) {
      key.givenAwayBy = givenAwayBy(key);
      if (key.givenAwayBy) key.path = [fromCiphertext(key)];
    }
    const above = [...key.roots.made, ...key.roots.unknown, ...key.guards.made, ...key.guards.unknown];
    const leaks = [key, ...above].some(({ bytes }) => beside.holds(bytes));
    key.suspect = key.path !== undefined || leaks || reach.suspects(secret);
    key.weak = key.path === undefined && !leaks && reach.isWeak(secret);
    if (!key.path) return;
    key.repeatable = isRepeatable(key.path);
    key.sources = sourcesOf(key.path);
    if (key.found === 'page') await playThrough(key);
  }

  function holdersOf(secret: Secret): string[] {
    const keys = [...lineage.keys.values()].filter((key) => key.secret === secret);
    const known = recording.participants.map(({ name }) => name).filter((name) => lineage.accounted(secret, name));
    return [...new Set([...keys.map(({ participant }) => participant), ...known])];
  }

  /** Of the streams that a key seals, one whose frames give it away, wherever it was found. */
  function givenAwayBy({ bytes, scheme, streams }: KeyEvidence): StreamEvidence | undefined {
    const known = schemes.find(({ id }) => id === scheme);
    const own = judged.filter(({ evidence }) => streams.includes(evidence) && evidence.route === 'provider');
    const isVideo = ({ evidence }: Judged) => Number(evidence.medium === 'video');
    return own
      .sort((a, b) => isVideo(b) - isVideo(a))
      .find(({ stream, evidence }) => givingAway(() => behind(stream, evidence.header ?? 0), known, bytes))?.evidence;
  }

  function fromCiphertext({ bytes, scheme, streams, evidence }: KeyEvidence): Path[number] {
    const whose = streams.map(({ participant }) => participant)[0] ?? '';
    return {
      text: `the frames that ${whose} sent give it away by themselves`,
      evidence,
      gives: bytes,
      source: { from: 'ciphertext', scheme: scheme! },
    };
  }

  function sourcesOf(path: Path): KeySource[] {
    const clear = path.flatMap(({ source, gives }) =>
      source.from === 'crossing' && !source.sealed ? [{ crossing: source.crossing, gives }] : [],
    );
    const sightings = view.search(clear.map(({ gives }) => gives));
    return clear.map(({ crossing, gives }, index) => {
      const sent = sightings[index]?.sent?.evidence[0];
      const isMade = [...lineage.secrets.values()].some(({ made, bytes }) => made && find(bytes, gives));
      return {
        crossing,
        // What pages tell of data channels may come late; the proxy tells all in order.
        earlier: isMade || (sent !== undefined && (crossing.host === '' || sent < crossing.evidence[0]!)),
        guessable: guessable(gives, origin) !== undefined,
      };
    });
  }

  /** What the provider sees with a key of the page. */
  async function playThrough(key: KeyEvidence): Promise<void> {
    for (const { stream, evidence } of judged) {
      if (stream.route === 'direct' || !key.streams.includes(evidence)) continue;
      const windows = new Windows<EncodedFrame>(stream.medium);
      for (const frame of stream.frames()) {
        const id = idOf(stream, frame);
        const sealing = sealed.get(id) === key ? frameKeys.sealing(id) : undefined;
        const plain = sealing && unseal(frame.data, sealing, key.bytes);
        if (!plain) continue;
        const clearPrefix = clearPrefixOf(stream, frame, plain);
        windows.add({ ...frame, data: Buffer.concat([frame.data.subarray(0, clearPrefix), plain]) });
      }
      if (windows.all.length > 0) key.sight = better(key.sight, await eyes.look(evidence, windows.all), eyes.pictures);
    }
  }
}

/** A stream's frames without the application's own header. */
export function* behind(stream: SentStream, header: number): Generator<EncodedFrame> {
  for (const frame of stream.frames()) yield { ...frame, data: frame.data.subarray(header) };
}

/** Bytes of a tag that an application may put beside a ciphertext which has none of its own. */
function tagOf({ mode }: Cipher): number {
  return mode === 'CTR' || mode === 'CBC' ? 16 : 0;
}

/** WebCrypto's `AesCtrParams.length`. */
function counterBitsOf({ algorithm: { length } }: FrameSealing): number | undefined {
  return Number.isInteger(length) && Number(length) > 0 && Number(length) <= 128 ? Number(length) : undefined;
}

function idOf({ participant, ssrc }: SentStream, { timestamp }: EncodedFrame): FrameId {
  return { participant, ssrc, timestamp };
}

/** Bytes of the codec's that stand in clear before what is sealed, of a frame that was followed from before it was sealed. */
export function clearPrefixOf({ leaving }: SentStream, { timestamp }: EncodedFrame, plain: Uint8Array): number {
  return leaving.get(timestamp)!.before!.length - plain.length;
}
