/** What checks judge: facts worked out from a recording, each with the event numbers that it rests on. */
import type { Cipher } from '../ciphers/scheme.ts';
import type { Route } from '../knowledge/connections.ts';
import type { Crossing } from '../knowledge/crossings.ts';
import type { Roots } from '../knowledge/lineage.ts';
import type { Path } from '../knowledge/reach.ts';
import type { Swappable } from '../knowledge/swappable.ts';
import type { Recording, Vantage } from '../recording/format.ts';

export interface Evidence {
  recording: Recording;
  /** Whose card and tone were read by whom. */
  flow: Flow[];
  health: Health[];
  /** The media streams that participants sent, as the provider's server sees them. */
  streams: StreamEvidence[];
  /** Keys that provably seal those streams. */
  keys: KeyEvidence[];
  /** Candidates from the provider's view that were tried on the media. */
  tried: number;
  /** There were more of those than are tried. */
  crowded: boolean;
  /** Messages of the provider's view whose content couldn't be decoded. */
  undecoded: number;
  /** Bytes that a participant sent to the provider by other ways than RTP, at most. */
  sentOtherwise: number;
  /** Public keys that secrets were agreed with or sealed to, and that no participant was seen making. */
  strangers: number;
}

/** What a receiver's page showed of a sender. */
export interface Flow {
  sender: string;
  receiver: string;
  /** Distinct frame counters of the sender's test card that were read. */
  cards: number;
  /** Code words of the sender's test tone that were heard. */
  words: number;
  evidence: number[];
}

/** Whether a vantage point recorded to the end of the call. */
export interface Health {
  vantage: Vantage;
  participant: string | null;
  alive: boolean;
  detail: string;
}

/** What a decoder made of a stream. */
export interface Sight {
  /** Frames that were given to it. */
  frames: number;
  /** Pictures that came out. */
  pictures: number;
  /** Distinct frame counters of the sender's own test card that were read in them. */
  cards: number;
  /** Code words of the sender's own test tone that were heard. */
  words: number;
  /** RTP events that those frames came from. */
  evidence: number[];
}

/** The test card or tone was read often enough that chance is out of question. */
export function shows(sight: Sight | undefined): boolean {
  return sight !== undefined && (sight.cards >= 3 || sight.words >= 2);
}

export interface StreamEvidence {
  participant: string;
  ssrc: number;
  medium: 'audio' | 'video';
  codec: string | undefined;
  /** What its frames travel in. */
  carrier: 'rtp' | 'websocket' | 'data channel';
  /** Whether the media went through the provider's server, straight to another participant, or nobody knows. */
  route: Route;
  /** Of a direct route: DTLS was seen to end at another participant's browser. */
  secured: boolean;
  /** Whole frames of the provider's view. */
  frames: number;
  /** Packets that are missing or came again with other content, and frames that stayed incomplete. A browser's own dump has none. */
  lost: number;
  /** Frames that the page saw leaving. */
  left: number;
  /** Frames, not among `frames`, that left while the page was being closed, so that its hooks could tell of them no more. */
  last: number;
  /** Of `frames`, how many the page vantage point saw leaving, too, and how many of those were the same byte for byte. */
  compared: number;
  agreed: number;
  /** Of `agreed`, how many the application's transform had left as they were. */
  unchanged: number;
  /** Of `agreed`, how many are provably sealed under a key of `keys`. */
  sealed: number;
  /** Of `compared`, how many no key of `keys` is known to seal. */
  open: number;
  /** Bytes beside the sealed parts of frames that are neither the codec's, nor of nonces, nor constant, nor counters. */
  beside: number;
  /** What the provider's view shows as it is. */
  asIs: Sight;
  /** What the same decoder shows of the frames before the application's transform; undefined where there is no transform. */
  beforeTransform: Sight | undefined;
  /** Aligned 16-byte blocks of the sealed part: how many there are, and how many of them stood elsewhere already. */
  blocks: { total: number; repeated: number; evidence: number[] };
  /** Codec bytes that the transform leaves in clear at the start of a frame, at most; undefined where there are no pairs. */
  clearPrefix: number | undefined;
  /** Of frames in messages: bytes of the application's own before each, as the key that opens them tells. */
  header: number | undefined;
  /** What pairs of frames before and after the transform show of the cipher. */
  pairs: { kind: string; detail: string };
}

export interface KeyEvidence {
  /** Short name for people, e.g. `key 1`. */
  name: string;
  bytes: Uint8Array;
  /**
   * `page`: seen sealing the frames in the browser. Otherwise a value that opens the frames, by trial: it crossed the `provider`, or
   * only a `device` had it, or the `ciphertext` itself gives it away.
   */
  found: 'page' | 'provider' | 'device' | 'ciphertext';
  cipher: Cipher;
  /** Scheme that opens frames with it, where it was found by trial. */
  scheme: string | undefined;
  /** Streams that it seals. */
  streams: StreamEvidence[];
  frames: number;
  /** How the provider comes to it; undefined if it doesn't from what crossed. */
  path: Path | undefined;
  /** The provider may be able to compute it, though no path can be shown. */
  suspect: boolean;
  /** A weak passphrase that a person may have chosen for the test is why. */
  weak?: boolean;
  /** A stream whose frames give it away by themselves, where that is the path. */
  givenAwayBy: StreamEvidence | undefined;
  /** Each step of that path was taken again, from what crossed. */
  repeatable: boolean;
  /** What crossed in the clear and leads to it. */
  sources: KeySource[];
  /** Where its entropy comes from, and that of the keys that it was sealed under. */
  roots: Roots;
  guards: Roots;
  /** Bytes of randomness that can have come down to it at most, since a value on the way has no more. */
  waist?: number;
  /** What the provider sees with it. */
  sight: Sight | undefined;
  /** How often a nonce was used under this key that had been used before; and the first pairs of events that did so. */
  noncesReused: number;
  nonceReuse: number[][];
  /** Nonces that were recorded. */
  nonces: number;
  /** Participants who hold it, and of these the ones of whom it wasn't seen how they came to it. */
  holders: string[];
  unaccounted: string[];
  /** Public keys that it hangs on, which the provider delivered and nothing that was recorded authenticates. */
  swappable: Swappable[];
  /** Events that show it in use. */
  evidence: number[];
}

/** A value that crossed in the clear, from which a key follows. */
export interface KeySource {
  crossing: Crossing;
  /** A participant sent it before, by whatever way, or it stands in something that a participant made. */
  earlier: boolean;
  /** Anybody could guess it, as a meeting's name. */
  guessable: boolean;
}

/** A key that the provider has: it can be computed from what crossed, and what it opens shows the card or plays the tone. */
export function isProven({ path, repeatable, sight }: KeyEvidence): boolean {
  return path !== undefined && repeatable && shows(sight);
}

/** The stream that shows best what a key seals, of those that the provider carried. */
export function carried({ streams, givenAwayBy }: KeyEvidence): StreamEvidence | undefined {
  if (givenAwayBy) return givenAwayBy;
  const through = streams.filter(({ route }) => route === 'provider');
  return through.find(({ medium }) => medium === 'video') ?? through[0];
}
