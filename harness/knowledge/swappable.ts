/**
 * What an active provider could do: keys that hang on a peer's public key which only the provider delivered, and which nothing
 * that was recorded authenticates. It could have put a public key of its own in its place.
 */
import type { Lineage, Secret } from './lineage.ts';
import { agreedWith } from './resealed.ts';

/** A public key that a participant took on trust. */
export interface Swappable {
  participant: string;
  /** SubjectPublicKeyInfo. */
  publicKey: Uint8Array;
  /** Events that sealed or opened something with what was agreed. */
  evidence: number[];
}

/** Bytes at the end of a SubjectPublicKeyInfo by which it is told in a digest's input. */
const OWN_BYTES = 32;

/** The public keys that `secret` hangs on and that its user has no means to tell from others; each once for each participant. */
export function swappable(lineage: Lineage, secret: Secret): Swappable[] {
  const found = new Map<string, Swappable>();
  const above = new Set([secret]);
  for (const value of above)
    for (const way of lineage.ways(value)) {
      for (const input of way.secrets) above.add(input);
      if (!way.sealed) continue;
      // What was agreed with a secret from outside the provider's reach mixed in can't be swapped unnoticed.
      if (way.secrets.some((key) => lineage.roots(key).made.some(({ made }) => made?.by === 'invitation'))) continue;
      for (const publicKey of way.secrets.flatMap((key) => agreedWith(lineage, key, way.participant))) {
        if (isShown(lineage, publicKey, way.participant, above)) continue;
        const name = `${way.participant} ${Buffer.from(publicKey).toString('hex')}`;
        const known = found.get(name);
        if (known) known.evidence.push(way.seq);
        else found.set(name, { participant: way.participant, publicKey, evidence: [way.seq] });
      }
    }
  return [...found.values()];
}

/** Whether a participant's code made a digest of a public key that is no key itself: a code for people to compare. */
function isShown(lineage: Lineage, publicKey: Uint8Array, participant: string, keys: ReadonlySet<Secret>): boolean {
  const own = Buffer.from(publicKey.subarray(-OWN_BYTES));
  return lineage
    .digestsBy(participant)
    .some(({ digest, input }) => !keys.has(digest) && Buffer.from(input.bytes).includes(own));
}
