/** What there is to say about a key, in plain words; never its bytes. */
import type { KeyEvidence, KeySource, StreamEvidence } from '../harness/claims/evidence.ts';

export function whereFound({ found }: KeyEvidence): string {
  return FOUND[found];
}

/** Whether the provider can compute it; unsure where a way is known that could not be gone again. */
export function reached({ path, repeatable }: KeyEvidence): 'yes' | 'unsure' | 'no' {
  if (!path) return 'no';
  return repeatable ? 'yes' : 'unsure';
}

const FOUND: Record<KeyEvidence['found'], string> = {
  page: 'In the page: it was seen sealing the frames in the browser.',
  provider:
    'In the provider’s view: it stood in what crossed the provider, or follows from that, and it opens the frames.',
  device: 'On a participant’s device: a value that only the device had opens the frames, by trial.',
  ciphertext: 'In the ciphertext: the frames themselves give it away.',
};

/** Origins that are told one by one. */
const MOST_ORIGINS = 6;

/** Who made it, as far as that was seen. */
export function whoMade({ roots: { made, unknown }, sources }: KeyEvidence): string[] {
  const makers = made.flatMap((secret) => (secret.made ? [MAKERS[secret.made.by](secret.made.participant)] : []));
  const lines = [...new Set(makers)];
  if (unknown.length > 0)
    lines.push(
      `${unknown.length === 1 ? 'A value' : `${unknown.length} values`} that it comes from ${unknown.length === 1 ? 'was' : 'were'} not seen being made on any participant’s device.`,
    );
  if (sources.length > 0 && made.length === 0)
    lines.push('No participant’s device was seen making it.', ...new Set(sources.map(cameFrom)));
  const more = lines.length - MOST_ORIGINS;
  if (more > 0) return [...lines.slice(0, MOST_ORIGINS), `And so on, ${more} more.`];
  return lines.length > 0 ? lines : ['It was not seen being made.'];
}

type Made = NonNullable<KeyEvidence['roots']['made'][number]['made']>;

const MAKERS: Record<Made['by'], (participant: string) => string> = {
  generateKey: (name) => `${name}’s browser generated it or a value it comes from (generateKey).`,
  getRandomValues: (name) => `${name}’s browser drew the randomness it comes from (getRandomValues).`,
  invitation: () => 'It comes from a secret that the participants shared past the provider, as in a link’s fragment.',
};

function cameFrom({ crossing, earlier, guessable }: KeySource): string {
  const host = crossing.host || 'the provider';
  const [from, to] = crossing.direction === 'receive' ? [host, crossing.participant] : [crossing.participant, host];
  const what = guessable ? 'A value that anybody could guess' : 'It, or a value it comes from,';
  const first = earlier ? '; a participant had it before' : '';
  return `${what} appears first in what ${from} sent to ${to}${first}.`;
}

/**
 * Keys that only the provider delivered, e.g. `alice took bob’s public key from the provider on trust: the provider could have swapped it.`
 *
 * @param ownerOf who was seen making a public key (SubjectPublicKeyInfo)
 */
export function onTrust({ swappable }: KeyEvidence, ownerOf: (publicKey: Uint8Array) => string | undefined): string[] {
  const taken = new Map<string, Set<string>>();
  for (const { participant, publicKey } of swappable) {
    const owner = ownerOf(publicKey) ?? STRANGER;
    taken.set(participant, (taken.get(participant) ?? new Set()).add(owner));
  }
  // Who took the same is named together.
  const takers = new Map<string, { names: string[]; owners: string[] }>();
  for (const [name, owners] of taken) {
    const same = JSON.stringify([...owners]);
    const known = takers.get(same);
    if (known) known.names.push(name);
    else takers.set(same, { names: [name], owners: [...owners] });
  }
  return [...takers.values()].map(({ names, owners }) => {
    const known = owners.filter((owner) => owner !== STRANGER);
    const keys = [
      known.length === 1 && `${known[0]}’s public key`,
      known.length > 1 && `the public keys of ${listed(known, MOST_NAMES)}`,
      known.length < owners.length && 'a public key that no participant was seen making',
    ].filter((text) => text !== false);
    const [key, swap] = known.length > 1 || keys.length > 1 ? [keys.join(' and '), 'them'] : [keys[0]!, 'it'];
    return `${listed(names, MOST_NAMES)} took ${key} from the provider on trust: the provider could have swapped ${swap}.`;
  });
}

/** No participant's name is empty. */
const STRANGER = '';
/** Names that are told of a longer list. */
export const MOST_NAMES = 7;

/** E.g. `alice’s audio and alice’s video`. */
export function sealedBy(streams: readonly Pick<StreamEvidence, 'participant' | 'medium'>[]): string {
  return listed(
    streams.map(({ participant, medium }) => `${participant}’s ${medium}`),
    MOST_NAMES,
  );
}

/** Each name once, with `and` before the last. */
export function enumerate(names: readonly string[]): string {
  return listed(names, names.length);
}

/** The same of a list that may be long, e.g. `alice, bob and 43 more`; a single one takes no more room than to say so. */
export function listed(names: Iterable<string>, most: number): string {
  const all = [...new Set(names)];
  if (all.length > most + 1) return `${all.slice(0, most).join(', ')} and ${all.length - most} more`;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
