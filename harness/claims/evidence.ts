/** What checks judge: facts worked out from a recording, each with the event numbers that it rests on. */
import type { Cipher } from '../ciphers/scheme.ts';
import type { Crossing } from '../knowledge/crossings.ts';
import type { Secret } from '../knowledge/lineage.ts';
import type { ReachStep } from '../knowledge/reach.ts';
import type { Step } from '../knowledge/values.ts';
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
  /** Messages of the provider's view whose content couldn't be decoded. */
  undecoded: number;
  /** Bytes that crossed in data channels, which are not searched. */
  unsearched: number;
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
  /** Whether the media went through the provider's server, straight to another participant, or nobody knows. */
  route: 'provider' | 'direct' | 'unknown';
  /** Whole frames of the provider's view. */
  frames: number;
  /** Packets that are missing, that came again, and frames that stayed incomplete. A browser's own dump has none. */
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
  /** What the provider's view shows as it is. */
  asIs: Sight;
  /** What the same decoder shows of the frames before the application's transform; undefined where there is no transform. */
  beforeTransform: Sight | undefined;
  /** Aligned 16-byte blocks of the sealed part: how many there are, and how many of them stood elsewhere already. */
  blocks: { total: number; repeated: number; evidence: number[] };
  /** Codec bytes that the transform leaves in clear at the start of a frame, at most; undefined where there are no pairs. */
  clearPrefix: number | undefined;
  /** What pairs of frames before and after the transform show of the cipher. */
  pairs: { kind: string; detail: string };
}

export interface KeyEvidence {
  /** Short name for people, e.g. `key 1`. */
  name: string;
  bytes: Uint8Array;
  /** `page`: seen sealing the frames in the browser; `provider`: found in what crossed the provider, and it opens them. */
  found: 'page' | 'provider';
  cipher: Cipher;
  /** Scheme that opens frames with it, where it was found by trial. */
  scheme: string | undefined;
  /** Streams that it seals. */
  streams: StreamEvidence[];
  frames: number;
  /** How the provider comes to it; undefined if it doesn't from what crossed. */
  reach: ReachStep[] | undefined;
  /** For a key found on the provider's side: the first crossing that carried it, and how to take it out. */
  taken: { crossing: Crossing; steps: Step[]; label: string | undefined } | undefined;
  /** Where its entropy comes from. */
  roots: { made: Secret[]; unknown: Secret[] };
  /** What the provider sees with it. */
  sight: Sight | undefined;
  /** Pairs of events that used the same nonce under this key. */
  nonceReuse: number[][];
  /** Nonces that were recorded. */
  nonces: number;
  /** Participants who hold it, and of these the ones of whom it wasn't seen how they came to it. */
  holders: string[];
  unaccounted: string[];
  /** A participant sent it before, by whatever way, or it stands in something that a participant made. */
  earlier: boolean;
  /** Events that show it in use. */
  evidence: number[];
}

/** The stream that shows best what a key seals, of those that the provider carried. */
export function carried({ streams }: KeyEvidence): StreamEvidence | undefined {
  const through = streams.filter(({ route }) => route === 'provider');
  return through.find(({ medium }) => medium === 'video') ?? through[0];
}
