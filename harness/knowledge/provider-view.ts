/** What the provider sees of signalling, searched: where known values stand in it, and which values and texts it holds. */
import { type Candidate, candidates } from './candidates.ts';
import { type Crossing, content } from './crossings.ts';
import { find, patterns, Searcher, SHORTEST_SECRET } from './search.ts';
import { Budget, extract, type Step, texts, type View, views } from './values.ts';

/** Where a value stands in what crossed. */
export interface Place {
  crossing: Crossing;
  /** How to take it out of the message; undefined where that can't be done again, e.g. from a number list that is cut off. */
  steps: Step[] | undefined;
  label?: string;
}

/** The first place of a value, and the first in each direction. */
export interface Sighting {
  first: Place;
  sent?: Crossing;
  received?: Crossing;
}

/** At most so many different texts are kept; short ones are wanted, as names and passphrases are. */
const MOST_TEXTS = 20_000;
/** Bytes around a hit in which the text that encodes it is looked for. */
const AROUND = 8;

export class ProviderView {
  /** In order. */
  readonly crossings: readonly Crossing[];
  /** Messages that could not be decoded, or not to the end, so that a value in them may have been missed. */
  readonly undecoded: number;
  /** Strings that crossed, each with its first place. */
  readonly texts: ReadonlyMap<string, Place>;
  /** Those that are no media. */
  readonly #told: readonly Crossing[];
  #candidates: Candidate[] | undefined;
  readonly #left = { out: false };

  /** @param media digests of messages that carry media: thousands of values that mean nothing, which are only searched for known ones. */
  constructor(crossings: readonly Crossing[], media: ReadonlySet<string> = new Set()) {
    this.crossings = crossings;
    this.#told = crossings.filter(({ digest }) => digest === undefined || !media.has(digest));
    const found = new Map<string, Place>();
    let undecoded = 0;
    for (const crossing of this.#told) {
      const message = content(crossing);
      if (!message) {
        undecoded++;
        continue;
      }
      const budget = new Budget();
      for (const { bytes, steps, label } of texts(message, budget)) {
        const text = Buffer.from(bytes).toString('latin1');
        if (found.size < MOST_TEXTS && !found.has(text)) found.set(text, { crossing, steps, label });
      }
      if (budget.exhausted) undecoded++;
    }
    this.undecoded = undecoded;
    this.texts = found;
  }

  /** Values of a secret's size; see {@link candidates}. */
  get candidates(): readonly Candidate[] {
    this.#candidates ??= candidates(this.#told, this.#left);
    return this.#candidates;
  }

  /** More of them crossed than are looked at, so that a key in halves, or hidden code's, may have been missed. */
  get isCrowded(): boolean {
    return this.candidates.length > 0 && this.#left.out;
  }

  /** Looks for all of `wanted` in one pass. Values shorter than {@link SHORTEST_SECRET} are found only where a text is just that. */
  search(wanted: readonly Uint8Array[]): (Sighting | undefined)[] {
    const sightings: (Sighting | undefined)[] = wanted.map(() => undefined);
    const long = wanted.flatMap((bytes, index) => (bytes.length >= SHORTEST_SECRET ? [index] : []));
    const searcher = new Searcher(long.map((index) => wanted[index]!));
    for (const crossing of this.crossings) {
      const message = content(crossing);
      if (!message) continue;
      // What is raw was searched with what it stands in.
      for (const { bytes, steps } of views(message))
        if (steps.at(-1)?.as !== 'raw')
          for (const { secret } of searcher.search(bytes)) see(sightings, long[secret]!, crossing);
    }
    for (const [index, bytes] of wanted.entries()) {
      const sighting = sightings[index];
      if (sighting) Object.assign(sighting.first, placeOf(content(sighting.first.crossing)!, bytes));
      else if (bytes.length < SHORTEST_SECRET) {
        const first = this.texts.get(Buffer.from(bytes).toString('latin1'));
        if (first) sightings[index] = { first };
      }
    }
    return sightings;
  }
}

function see(sightings: (Sighting | undefined)[], index: number, crossing: Crossing): void {
  const sighting: Sighting = sightings[index] ?? { first: { crossing, steps: undefined } };
  sightings[index] = sighting;
  if (crossing.direction === 'send') sighting.sent ??= crossing;
  else sighting.received ??= crossing;
}

/** How to take a value out of a message that holds it: out of the smallest part that does, which has the best name. */
export function placeOf(message: Uint8Array, value: Uint8Array): Pick<Place, 'steps' | 'label'> {
  let smallest: View | undefined;
  let encoded: Pick<Place, 'steps' | 'label'> | undefined;
  for (const view of views(message)) {
    const { bytes, steps, label } = view;
    if (
      bytes.length < (smallest?.bytes.length ?? Number.POSITIVE_INFINITY) &&
      bufferOf(bytes).includes(bufferOf(value))
    )
      smallest = view;
    const last = smallest || encoded ? undefined : decoding(bytes, value);
    if (last) encoded = { steps: [...steps, ...last], label };
  }
  if (!smallest) return encoded ?? { steps: undefined };
  const { bytes, steps, label } = smallest;
  const offset = bufferOf(bytes).indexOf(value);
  const isWhole = value.length === bytes.length;
  return { steps: isWhole ? steps : [...steps, { as: 'raw', offset, length: value.length }], label };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Steps that give `value` where it stands encoded among characters of the same alphabet, so that no view ends where it does. */
function decoding(bytes: Uint8Array, value: Uint8Array): Step[] | undefined {
  const hit = find(bytes, value);
  if (!hit) return undefined;
  const lengths = new Set(
    patterns(value)
      .filter(({ encoding }) => encoding === hit.encoding)
      .map((pattern) => pattern.bytes.length),
  );
  for (const as of ['hex', 'base64', 'percent'] as const)
    for (let before = 0; before < AROUND; before++)
      for (const length of lengths)
        for (let after = 0; after < AROUND; after++)
          for (let skip = 0; skip < 3; skip++) {
            const steps: Step[] = [
              { as, offset: hit.offset - before, length: before + length + after },
              { as: 'raw', offset: skip, length: value.length },
            ];
            if (hit.offset < before) continue;
            const again = extract(bytes, steps);
            if (again && Buffer.compare(again, value) === 0) return steps;
          }
  return undefined;
}
