/** How much randomness can have come down to a secret, told by the lengths of the values on the way. */
import { type Lineage, type Operation, PART, type Secret } from './lineage.ts';

/**
 * Bytes of randomness, drawn on participants' devices, that a secret can hold at most: no value holds more than it is long, nor more
 * than all that it was computed from. What only crossed holds none; salts and the like add none. Of several ways to a value, all are
 * true, so the narrowest counts.
 */
export function waist(lineage: Lineage, secret: Secret): number {
  /** Everything above, and how it came to be; what was opened comes from whoever sealed it. */
  const above = new Map<Secret, Operation[]>([[secret, waysOf(lineage, secret)]]);
  for (const ways of above.values())
    for (const input of ways.flatMap(({ secrets }) => secrets))
      if (!above.has(input)) above.set(input, waysOf(lineage, input));
  // What is further above comes first, so that few passes do.
  const order = [...above].reverse();

  const random = new Set<Secret>();
  for (let size = -1; size < random.size; ) {
    size = random.size;
    for (const [value, ways] of order)
      if (value.made || ways.some(({ secrets }) => secrets.some((input) => random.has(input)))) random.add(value);
  }

  const widths = new Map<Secret, number>();
  const widthOf = (value: Secret) => (random.has(value) ? (widths.get(value) ?? value.bytes.length) : 0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [value, ways] of order) {
      // A way of which nothing random is known says nothing of the others.
      const sums = ways
        .map(({ secrets }) => [...new Set(secrets)].reduce((sum, input) => sum + widthOf(input), 0))
        .filter((sum) => sum > 0);
      const width = Math.min(widthOf(value), ...sums);
      if (width === widthOf(value)) continue;
      widths.set(value, width);
      changed = true;
    }
  }
  return widthOf(secret);
}

function waysOf(lineage: Lineage, value: Secret): Operation[] {
  if (value.made) return [];
  // What went into a larger value was not cut out of it.
  const isPart = ({ name, secrets }: Operation) =>
    name !== PART || !secrets.some(({ operations }) => operations.some((one) => one.secrets.includes(value)));
  return lineage.ways(value).filter((way) => !way.sealed && isPart(way));
}
