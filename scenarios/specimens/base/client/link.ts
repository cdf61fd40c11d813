/** The link that brought us here. Its fragment is what no server gets to see. */

export function inFragment(name: string): string | null {
  return new URLSearchParams(location.hash.slice(1)).get(name);
}

/** What the participants share. Throws where the link lacks it. */
export function secretOfLink(): string {
  const secret = inFragment('secret');
  if (!secret) throw new Error('this link lacks the secret of the meeting: ask for the whole link');
  return secret;
}
