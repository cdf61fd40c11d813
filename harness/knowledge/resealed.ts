/**
 * Keys that were sealed anew on their way. One participant seals a value for a public key that no participant made; another opens the
 * same value from another sealing, agreed with another such key. If no participant sent that other sealing, then whoever made it
 * had opened the first: somebody who swapped the public keys, or a further device of a participant's. The keys were swapped where
 * the participants' own left them and reached nobody, and each was given a different one in their place.
 */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type { Lineage, Operation, Secret } from './lineage.ts';

export interface Resealing {
  /** The sealing that left a participant, and the one that another opened. */
  left: Operation & { sealed: Uint8Array };
  reached: Operation & { sealed: Uint8Array };
  /** What tells one of the public keys that they were agreed with from any other, as it stands in what crosses. */
  publicKeys: Uint8Array[];
  /** The public keys that the two agreed with these, of their own: first those of who sealed, then those of who opened. */
  own: [Uint8Array[], Uint8Array[]];
  /** Each was given another stranger's key: one that both were given may be a further device of either. */
  isSplit: boolean;
  /** All that has to be looked for in what crossed. */
  foreign: Uint8Array[];
}

const MOST_RESEALINGS = 64;
/** Bytes at the end of a SubjectPublicKeyInfo that are the key's own: X25519's whole (RFC 8410), y of a curve's point (RFC 5480). */
const OWN_BYTES = 32;

/** What the trace shows of `secret` being sealed anew; it is yet to be looked at what crossed. */
export function resealings(lineage: Lineage, secret: Secret): Resealing[] {
  const sealings = secret.operations.filter(isSealing);
  const found: Resealing[] = [];
  const made = new Set(sealings.filter(({ opened }) => !opened).map(({ sealed }) => digest(sealed)));
  for (const reached of sealings.filter(({ opened }) => opened)) {
    if (made.has(digest(reached.sealed))) continue;
    for (const left of sealings) {
      // One is proof enough, and a page may seal a value without end.
      if (found.length >= MOST_RESEALINGS) return found;
      if (left.opened || left.participant === reached.participant || left.secrets[0] === reached.secrets[0]) continue;
      const strangers = [left, reached].map((way) => strangersOf(lineage, way));
      if (strangers.some((keys) => keys.length === 0)) continue;
      const publicKeys = strangers.flat();
      const own = [left, reached].map((way) => ownKeys(lineage, way)) as [Uint8Array[], Uint8Array[]];
      const [ofLeft, ofReached] = strangers.map((keys) => new Set(keys.map(digest)));
      const isSplit = [...ofLeft!].every((key) => !ofReached!.has(key));
      const foreign = [left.sealed, reached.sealed, ...publicKeys, ...own.flat()];
      found.push({ left, reached, publicKeys, own, isSplit, foreign });
    }
  }
  return found;
}

function isSealing(operation: Operation): operation is Operation & { sealed: Uint8Array } {
  return operation.sealed !== undefined && operation.derivation?.do === 'open' && operation.secrets.length === 1;
}

/** Public keys of strangers that a participant agreed the sealing key with. */
function strangersOf(lineage: Lineage, { participant, secrets }: Operation): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const publicKey of agreedWith(lineage, secrets[0]!, participant))
    if (!lineage.isMadeHere(digest(publicKey))) keys.push(publicKey.subarray(-OWN_BYTES));
  return keys;
}

/** The public keys that belong to the private ones which a participant agreed the sealing key with. */
function ownKeys(lineage: Lineage, { participant, secrets }: Operation): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const { bytes } of agreements(lineage, secrets[0]!, participant).flatMap((way) => way.secrets))
    try {
      const key = createPublicKey(createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' }));
      keys.push(new Uint8Array(key.export({ format: 'der', type: 'spki' })).subarray(-OWN_BYTES));
    } catch {
      // In another form than PKCS #8: nothing is known of its public key.
    }
  return keys;
}

/** SubjectPublicKeyInfo of all that a participant agreed something with to get `secret`. */
export function agreedWith(lineage: Lineage, secret: Secret, participant: string): Uint8Array[] {
  return agreements(lineage, secret, participant).flatMap(({ derivation }) =>
    derivation?.do === 'agree' ? [Buffer.from(derivation.public, 'hex')] : [],
  );
}

function agreements(lineage: Lineage, secret: Secret, participant: string): Operation[] {
  const found: Operation[] = [];
  const above = new Set([secret]);
  for (const value of above)
    for (const way of lineage.ways(value)) {
      if (way.participant !== participant) continue;
      if (way.derivation?.do === 'agree') found.push(way);
      for (const input of way.secrets) above.add(input);
    }
  return found;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
