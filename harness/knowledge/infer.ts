/**
 * Operations that the trace does not show, since hand-written code did them, and that the values themselves give away: one value is
 * the XOR of two others, or both joined, or another's hash. By chance that does not happen: of 20,000 random values of 16 bytes,
 * some two give a certain other one with a probability of 2^-100.
 */
import { createHash } from 'node:crypto';
import { type Derivation, nameOf } from './derivation.ts';
import type { Lineage, Operation, Secret } from './lineage.ts';
import { Pairs } from './pairs.ts';
import type { ProviderView } from './provider-view.ts';

/** Values that were at hand: seen crossing, or in a lineage. */
interface Value {
  bytes: Uint8Array;
  /** Event that shows it. */
  seq: number;
  participant: string;
  /** It reached or left a device by way of the provider. */
  crossed: boolean;
}

/** Texts and values of which hashes are worked out. */
const MOST_HASHED = 5000;
/** Bytes of a hash that are compared: 2^-96 by chance, for each pair. */
const PREFIX = 12;
const SIZES = [16, 24, 32, 48, 64];
const HASHES = ['SHA-256', 'SHA-512', 'SHA-1', 'MD5'];

/** Adds to a lineage how the values above some keys follow from others, where no operation of the trace says so. */
export function infer(lineage: Lineage, view: ProviderView, keys: readonly Secret[]): void {
  const crossing = view.candidates.map(
    ({ bytes, crossing }): Value => ({
      bytes,
      seq: crossing.evidence[0]!,
      participant: crossing.participant,
      crossed: true,
    }),
  );
  const texts = [...view.texts].slice(0, MOST_HASHED).map(([text, { crossing }]): Value => {
    const bytes = Buffer.from(text, 'latin1');
    return { bytes, seq: crossing.evidence[0]!, participant: crossing.participant, crossed: true };
  });
  const own = [...lineage.secrets.values()]
    .filter(({ bytes }) => SIZES.includes(bytes.length))
    .map(({ bytes, seq, participant }): Value => ({ bytes, seq, participant, crossed: false }));
  // What crossed comes first: two values of a device's own may give the same.
  const crossed = new Pairs(crossing);
  const all = new Pairs([...crossing, ...own]);
  const hashes = hashesOf([...texts, ...crossing.slice(0, MOST_HASHED)]);

  const isCrossing = new Set(crossing.map(({ bytes }) => Buffer.from(bytes).toString('latin1')));
  const above = new Set(keys);
  const unexplained: Operation[] = [];
  for (const value of above) {
    // What crossed as it is needs no other way.
    const hasCrossed = isCrossing.has(Buffer.from(value.bytes).toString('latin1'));
    const isExplained = value.made !== undefined || value.operations.length > 0;
    const ways = hasCrossed ? [] : [crossed.find(value.bytes), all.find(value.bytes), hashes(value.bytes)];
    for (const found of ways) {
      if (!found) continue;
      const secrets = found.from.map(({ crossed, ...one }) => lineage.add(one.bytes, one, crossed));
      // XOR of three is told once: of the one that is nearest to a key.
      if ([value, ...secrets].some((one) => hasInferred(one, one === value ? secrets : [value]))) continue;
      const { derivation } = found;
      const { seq } = value;
      const operation: Operation = {
        seq,
        participant: '',
        inferred: 'possible',
        name: nameOf(derivation),
        secrets,
        derivation,
      };
      value.operations.push(operation);
      if (!isExplained) unexplained.push(operation);
    }
    for (const way of lineage.allWays(value)) for (const input of lineage.inputs(way)) above.add(input);
  }
  settle(lineage, view, unexplained);
}

/** Whether it was inferred already that a value follows from others, these among them. */
function hasInferred({ operations }: Secret, from: readonly Secret[]): boolean {
  return operations.some(({ inferred, secrets }) => inferred && from.every((one) => secrets.includes(one)));
}

/**
 * XOR has no direction: a value that a device masked and sent gives the mask and the value alike. So an inferred operation says
 * where a value came from only if all that went into it was there before: what crossed had been received, and never sent.
 */
function settle(lineage: Lineage, view: ProviderView, operations: Operation[]): void {
  if (operations.length === 0) return;
  const inputs = [...new Set(operations.flatMap(({ secrets }) => secrets))];
  const sightings = view.search(inputs.map(({ bytes }) => bytes));
  const isSettled = new Map(
    inputs.map((input, index) => {
      const sighting = sightings[index];
      const { made, unknown } = lineage.roots(input);
      return [input, sighting ? sighting.sent === undefined : made.length > 0 && unknown.length === 0] as const;
    }),
  );
  for (const operation of operations)
    if (operation.secrets.every((input) => isSettled.get(input))) operation.inferred = 'sure';
}

/** What hand-written code may have made of a text or value: one hash, whole or its first bytes. */
function hashesOf(values: Value[]): (bytes: Uint8Array) => { from: Value[]; derivation: Derivation } | undefined {
  const made = new Map<string, { from: Value; hash: string }>();
  for (const hash of HASHES)
    for (const from of values) {
      const digest = createHash(hash.replace('SHA-', 'sha')).update(from.bytes).digest();
      made.set(digest.toString('latin1', 0, PREFIX), { from, hash });
    }
  return (bytes) => {
    const found = bytes.length < PREFIX ? undefined : made.get(Buffer.from(bytes).toString('latin1', 0, PREFIX));
    if (!found) return undefined;
    const { from, hash } = found;
    const digest = createHash(hash.replace('SHA-', 'sha')).update(from.bytes).digest();
    const isSo = Buffer.compare(digest.subarray(0, bytes.length), bytes) === 0;
    return isSo ? { from: [from], derivation: { do: 'hash', hash, length: bytes.length } } : undefined;
  };
}
