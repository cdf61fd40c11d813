/** What there is to say about a key, in plain words; never its bytes. */
import type { Cipher } from '../harness/ciphers/scheme.ts';
import type { KeyEvidence } from '../harness/claims/evidence.ts';

/** E.g. `AES-128 in ECB mode, without authentication`. */
export function describeCipher({ algorithm, mode, keyBits, tagBits }: Cipher): string {
  const name =
    mode === 'Poly1305' ? `${algorithm}-Poly1305 with a ${keyBits}-bit key` : `${algorithm}-${keyBits} in ${mode} mode`;
  return `${name}, ${tagBits > 0 ? `${tagBits}-bit tag` : 'without authentication'}`;
}

export function whereFound({ found }: KeyEvidence): string {
  return found === 'page'
    ? 'In the page: it was seen sealing the frames in the browser.'
    : 'In the provider’s view: it stood in what crossed the provider, and it opens the frames.';
}

/** Who made it, as far as that was seen. */
export function whoMade({ roots: { made, unknown }, taken }: KeyEvidence): string[] {
  const makers = new Set(
    made.flatMap((secret) =>
      secret.made
        ? [
            `${secret.made.participant}’s browser ${secret.made.by === 'generateKey' ? 'generated it or a value it comes from (generateKey)' : 'drew the randomness it comes from (getRandomValues)'}.`,
          ]
        : [],
    ),
  );
  const lines = [...makers];
  if (unknown.length > 0)
    lines.push(
      `${unknown.length === 1 ? 'A value' : `${unknown.length} values`} that it comes from ${unknown.length === 1 ? 'was' : 'were'} not seen being made on any participant’s device.`,
    );
  if (taken && made.length === 0)
    lines.push(
      taken.crossing.direction === 'receive'
        ? `No participant’s device was seen making it; it appears first in what ${taken.crossing.host} sent to ${taken.crossing.participant}.`
        : `No participant’s device was seen making it; it appears first in what ${taken.crossing.participant} sent to ${taken.crossing.host}.`,
    );
  return lines.length > 0 ? lines : ['It was not seen being made.'];
}

/** Each name once, with `and` before the last. */
export function enumerate(names: readonly string[]): string {
  const all = [...new Set(names)];
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
