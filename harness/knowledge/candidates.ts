/** Values of a secret's size that the provider saw, to be tried on the media: what finds keys that a client's code hides. */
import { type Crossing, content } from './crossings.ts';
import { type Step, values } from './values.ts';

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
 * Each value once, with its first crossing. Short messages come first: keys travel in them, and code and pictures, which
 * hold chance values by the thousand, do not.
 */
export function candidates(crossings: readonly Crossing[]): Candidate[] {
  const found = new Map<string, Candidate>();
  const messages = crossings
    .map((crossing) => ({ crossing, bytes: content(crossing) ?? new Uint8Array() }))
    .sort((a, b) => order(a.bytes) - order(b.bytes) || a.crossing.evidence[0]! - b.crossing.evidence[0]!);
  for (const { crossing, bytes } of messages)
    for (const value of values(bytes)) {
      const name = Buffer.from(value.bytes).toString('latin1');
      const known = found.get(name);
      if (!known) {
        if (found.size >= MOST_CANDIDATES) return [...found.values()];
        found.set(name, { ...value, crossing });
      } else if (crossing.evidence[0]! < known.crossing.evidence[0]!) found.set(name, { ...value, crossing });
    }
  return [...found.values()];
}

/** Messages of up to 64 kB in their order, then the longer ones. */
function order(bytes: Uint8Array): number {
  return bytes.length <= 65_536 ? 0 : 1;
}
