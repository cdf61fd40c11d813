/** Makes foreign text fit to be shown: it can neither steer a terminal, nor turn lines around, nor fill a page. */

/** Characters of one text that a report shows. */
const LONGEST_TEXT = 1200;
/**
 * What steers instead of being read: control characters, marks that turn the direction of text (Unicode UAX #9), other
 * invisible format characters, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line of text that can be read: white space is joined, what cannot be read becomes U+FFFD, the end is cut. */
export function printable(text: string, longest = LONGEST_TEXT): string {
  // Cut twice, so that a huge text costs little and the result still keeps its bound.
  const line = text
    .slice(0, 2 * longest)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(UNPRINTABLE, '\ufffd')
    .trim();
  const characters = [...line];
  return characters.length > longest || text.length > 2 * longest
    ? `${characters.slice(0, longest - 1).join('')}…`
    : line;
}

/** Shorter secrets (bytes) are no keys, and would be found in any text. */
const SHORTEST_SECRET = 8;

/**
 * Takes secrets out of texts, should an address or a name hold one.
 * @returns a function that replaces them, in hex, base64 (RFC 4648, 4 and 5) and as they are
 */
export function withholder(secrets: readonly Uint8Array[]): (text: string) => string {
  const forms = new Set(
    secrets
      .filter(({ length }) => length >= SHORTEST_SECRET)
      .map((bytes) => Buffer.from(bytes))
      .flatMap((bytes) => [
        bytes.toString('hex'),
        bytes.toString('hex').toUpperCase(),
        bytes.toString('base64').replace(/=+$/, ''),
        bytes.toString('base64url'),
        bytes.toString('utf8'),
      ]),
  );
  return (text) => [...forms].reduce((rest, form) => rest.replaceAll(form, '[key withheld]'), text);
}
