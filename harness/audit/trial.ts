/**
 * Keys that a client's code hides (WASM, hand-written): values that might be one are tried on the frames, under every scheme. A tag,
 * or what the decoder shows, decides.
 */
import { createHash } from 'node:crypto';
import { type Opened, openAll, type Scheme } from '../ciphers/scheme.ts';
import { type KeyEvidence, type StreamEvidence, shows } from '../claims/evidence.ts';
import type { Lineage } from '../knowledge/lineage.ts';
import type { ProviderView } from '../knowledge/provider-view.ts';
import { SECRET_BYTES } from '../knowledge/values.ts';
import type { EncodedFrame } from '../media/frames.ts';
import { better, type Eyes } from './eyes.ts';
import { type KeyRing, MARK_BYTES } from './key-ring.ts';
import { MOST_UNSEALED } from './stream.ts';
import { Windows } from './windows.ts';

/** A stream with frames of which it isn't known who sealed them. */
export interface Shut {
  evidence: StreamEvidence;
  /** Those frames; read anew each time, without the ones that were opened meanwhile. */
  frames(): Iterable<EncodedFrame>;
  /** A few of them to try keys on first. */
  sample: EncodedFrame[];
  /** Where in these what a scheme reads may begin, in bytes: behind a header of the application's own. */
  headers: readonly number[];
  /** SHA-256 of a frame as it was before the page's transform, in hex; undefined where that was not seen. */
  before(frame: EncodedFrame): string | undefined;
  /** Notes that a frame was opened, but for so many bytes at its start that are in clear. */
  opened(frame: EncodedFrame, clearPrefix: number): void;
  /** Once no more keys are tried. */
  finish(): void;
}

/** A value to try, and whose it is. */
export interface Trial {
  bytes: Uint8Array;
  found: KeyEvidence['found'];
}

/** Frames of a stream on which a candidate is tried first; few, so that a wrong one costs little. */
const TRIAL_FRAMES = 24;
/** Values that only devices had, tried at most. */
const MOST_OWN = 5000;
/** The likeliest values of the provider's view are tried in pairs, too: halves of a key. */
const MOST_HALVES = 48;
/** Texts that may be a passphrase, for schemes that take long over each. */
const MOST_PASSPHRASES = 16;
/** Keys of one stream: a call that changes its keys each time somebody comes or goes. */
const MOST_KEYS = 64;
const PASSPHRASE = /pass|secret|key|e2ee|pin|token|code/i;

/** What to try: what crossed the provider, then what only devices had. */
export function trials(view: ProviderView, lineage: Lineage): Trial[] {
  const crossed = view.candidates.map(({ bytes }): Trial => ({ bytes, found: 'provider' }));
  const halves = crossed.slice(0, MOST_HALVES);
  const joined = halves.flatMap(({ bytes: a }, index) =>
    halves
      .slice(index + 1)
      .filter(({ bytes: b }) => a.length === b.length)
      .map(({ bytes: b }): Trial => ({ bytes: a.map((byte, at) => byte ^ b[at]!), found: 'provider' })),
  );
  const own = [...lineage.secrets.values()]
    .filter(({ bytes }) => SECRET_BYTES.includes(bytes.length))
    .slice(0, MOST_OWN)
    .map(({ bytes }): Trial => ({ bytes, found: 'device' }));
  return [...crossed, ...passphrases(view), ...joined, ...own];
}

/** Texts that the provider saw in a place where a passphrase would stand. */
export function passphrases(view: ProviderView): Trial[] {
  return [...view.texts]
    .filter(([, { label }]) => PASSPHRASE.test(label ?? ''))
    .slice(0, MOST_PASSPHRASES)
    .map(([text]) => ({ bytes: Buffer.from(text, 'latin1'), found: 'provider' }));
}

export class Trials {
  readonly #schemes: readonly Scheme[];
  readonly #eyes: Eyes;
  readonly #keys: KeyRing;

  constructor(schemes: readonly Scheme[], eyes: Eyes, keys: KeyRing) {
    this.#schemes = schemes;
    this.#eyes = eyes;
    this.#keys = keys;
  }

  /** Tries values until no more frames open: a sender may have had one key after the other. */
  async try(shut: Shut, values: readonly Trial[]): Promise<void> {
    for (let keys = 0; keys < MOST_KEYS && shut.sample.length > 0; keys++)
      if (!(await this.#tryOnce(shut, values))) return;
  }

  async #tryOnce(shut: Shut, values: readonly Trial[]): Promise<boolean> {
    // The first frames under one key, or where there are too few to tell, some from all over.
    for (const header of headersOf(shut))
      for (const sample of [shut.sample.slice(0, TRIAL_FRAMES), spread(shut.sample)].map(behind(header)))
        for (const scheme of this.#schemes.filter(({ slow }) => !slow))
          for (const value of values)
            if (
              scheme.keyLengths.includes(value.bytes.length) &&
              openAll(scheme, sample, value.bytes) &&
              (await this.#opens(shut, header, scheme, value, sample))
            )
              return true;
    return false;
  }

  /** The same under schemes that make passphrases into keys at some cost. */
  async tryPassphrases(shut: Shut, values: readonly Trial[]): Promise<void> {
    const [header = 0] = headersOf(shut);
    const sample = behind(header)(spread(shut.sample).slice(0, 2));
    for (const scheme of this.#schemes.filter(({ slow }) => slow))
      for (const value of values)
        if (openAll(scheme, sample, value.bytes) && (await this.#opens(shut, header, scheme, value, sample))) return;
  }

  /** Looks for a key in the frames alone. */
  async recover(shut: Shut): Promise<void> {
    for (const header of headersOf(shut)) {
      const sample = behind(header)(shut.sample);
      for (const scheme of this.#schemes)
        for (const bytes of scheme.recover?.(sample) ?? [])
          if (await this.#opens(shut, header, scheme, { bytes, found: 'ciphertext' }, sample)) return;
    }
  }

  /** Opens all frames that a key opens; says whether there were some, and they prove it to be the key. */
  async #opens(
    shut: Shut,
    header: number,
    scheme: Scheme,
    { bytes, found }: Trial,
    sample: EncodedFrame[],
  ): Promise<boolean> {
    const open = scheme.prepare(bytes, sample);
    if (!open) return false;
    const { evidence } = shut;
    const windows = new Windows<EncodedFrame>(evidence.medium);
    const opened: { frame: EncodedFrame; result: Opened; length: number }[] = [];
    for (const whole of shut.frames()) {
      const [frame] = behind(header)([whole]) as [EncodedFrame];
      const result = open(frame);
      if (!result || !isRight(result, shut.before(frame), scheme) || isMostlyClear(frame.data, result)) continue;
      const end = Uint8Array.from(frame.data.subarray(-MARK_BYTES));
      const length = result.plaintext.length - result.clearPrefix;
      opened.push({ frame: { ...frame, data: end }, result: { ...result, plaintext: NOTHING }, length });
      windows.add({ ...frame, data: result.plaintext });
    }
    const first = opened[0];
    if (!first) return false;
    const sight = await this.#eyes.look(evidence, windows.all);
    // Without a tag, and where frames were not seen before they were sealed, the picture or the sound decides.
    if (!scheme.authenticated && shut.before(first.frame) === undefined && !shows(sight)) return false;
    evidence.sealed += opened.length;
    evidence.header = header;
    evidence.clearPrefix ??= opened.reduce((most, { result }) => Math.max(most, result.clearPrefix), 0);
    const keys = new Set<KeyEvidence>();
    for (const { frame, result, length } of opened) {
      const key = this.#keys.of(bytes, found, result.cipher);
      keys.add(key);
      this.#keys.use(key, evidence, frame.evidence, {
        nonce: result.nonce,
        keyId: result.keyId,
        sealed: frame.data,
        length,
      });
      shut.opened(frame, header + result.clearPrefix);
    }
    for (const key of keys) {
      key.scheme = scheme.id;
      key.sight = better(key.sight, sight, this.#eyes.pictures);
    }
    shut.sample = [];
    for (const frame of shut.frames()) if (shut.sample.length < MOST_UNSEALED) shut.sample.push(frame);
    return true;
  }
}

/** Once one key has opened frames, it is known where what is sealed begins. */
function headersOf({ evidence, headers }: Shut): readonly number[] {
  return evidence.header === undefined ? headers : [evidence.header];
}

/** Frames without so many bytes at their start. */
function behind(header: number): (frames: EncodedFrame[]) => EncodedFrame[] {
  if (header === 0) return (frames) => frames;
  return (frames) => frames.map((frame) => ({ ...frame, data: frame.data.subarray(header) }));
}

const NOTHING = new Uint8Array();
/** Bytes of a frame that may stand in clear before the others, and the share of these that may be the same by chance or by a weak key. */
const MOST_CLEAR = 16;
const MOST_SAME = 1 / 4;

/** Whether much of what was opened stood in the frame as it is: what a scheme leaves in clear is not sealed. */
function isMostlyClear(frame: Uint8Array, { plaintext }: Opened): boolean {
  let same = 0;
  for (let at = 0; at < plaintext.length; at++) if (plaintext[at] === frame[at]) same++;
  return same > MOST_CLEAR + plaintext.length * MOST_SAME;
}

/** Whether what comes out is what the page's transform was given; where that wasn't seen, a tag has to say so. */
function isRight({ plaintext }: Opened, before: string | undefined, { authenticated }: Scheme): boolean {
  if (before === undefined) return authenticated;
  return createHash('sha256').update(plaintext).digest('hex') === before;
}

/** A few frames from all over a stream. */
export function spread(frames: EncodedFrame[]): EncodedFrame[] {
  const step = Math.ceil(frames.length / TRIAL_FRAMES);
  return frames.filter((_, index) => index % step === 0);
}
