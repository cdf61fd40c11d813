/** Values of a secret's size that the provider saw, to be tried on the media: what finds keys that a client's code hides. */
import { type Crossing, content } from './crossings.ts';
import { LONGEST_SHORT } from './encodings/encoding.ts';
import { type Step, type Value, values } from './values.ts';

export interface Candidate {
  bytes: Uint8Array;
  /** The first message that carried it, and how to take it out of that. */
  crossing: Crossing;
  steps: Step[];
  label: string | undefined;
}

/** At most so many are tried. All schemes together take about 1 ms for each on a stream whose key is hidden; on others, none. */
export const MOST_CANDIDATES = 20_000;

/**
 * Each value once, with its first crossing. Values that a message sets apart come before those that are merely somewhere in it,
 * and short messages first: keys travel in them, and code and pictures, which hold chance values by the thousand, do not.
 *
 * @param left marked where a message set more values apart than are taken
 */
export function candidates(crossings: readonly Crossing[], left = { out: false }): Candidate[] {
  const found = new Map<string, Candidate>();
  const unlikely: { value: Value; crossing: Crossing }[] = [];
  const messages = crossings
    .map((crossing) => ({ crossing, bytes: content(crossing) ?? new Uint8Array() }))
    .sort((a, b) => order(a.bytes) - order(b.bytes) || a.crossing.evidence[0]! - b.crossing.evidence[0]!);
  for (const { crossing, bytes } of messages) {
    for (const value of values(bytes)) {
      if (!value.unlikely) add(found, value, crossing);
      else if (unlikely.length >= MOST_CANDIDATES) break;
      else unlikely.push({ value, crossing });
    }
    if (found.size >= MOST_CANDIDATES) {
      left.out = true;
      break;
    }
  }
  for (const { value, crossing } of unlikely) add(found, value, crossing);
  return [...found.values()];
}

function add(found: Map<string, Candidate>, { bytes, steps, label }: Value, crossing: Crossing): void {
  const name = Buffer.from(bytes).toString('latin1');
  const known = found.get(name);
  if (!known && found.size >= MOST_CANDIDATES) return;
  if (!known || crossing.evidence[0]! < known.crossing.evidence[0]!) found.set(name, { bytes, steps, label, crossing });
}

/** Short messages in their order, then the longer ones. */
function order(bytes: Uint8Array): number {
  return bytes.length <= LONGEST_SHORT ? 0 : 1;
}
