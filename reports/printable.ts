/** Makes foreign text fit to be shown: it can neither steer a terminal, nor turn lines around, nor fill a page. */

/** Characters of one text that a report shows. */
const LONGEST_TEXT = 1200;
/**
 * What steers instead of being read: control characters, marks that turn the direction of text (Unicode UAX #9), other
 * invisible format characters, lone surrogates, and what no XML may hold (XML 1.0, 2.2).
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\ufffe\uffff]/gu;

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

/** Secrets shorter than this (bytes) could be parts of words, and are taken out where they stand alone; see {@link SHORTEST_WORD}. */
const SHORTEST_SECRET = 8;
/** Shorter ones would be found in any text. */
const SHORTEST_WORD = 4;
/** Of a secret in hex or base64, so many characters are taken out where a text was cut, too. */
const SHORTEST_PART = 16;
/** Characters by which it is looked up which secrets may begin. */
const PREFIX = 3;
/** No text is longer, so no more bytes of a secret are looked for. */
const LONGEST_SECRET = 2 * LONGEST_TEXT;

interface Form {
  text: string;
  isEncoded: boolean;
  /** Only as a word of its own. */
  isWord: boolean;
}

/**
 * Takes secrets out of texts, should an address or a name hold one.
 *
 * @param known what stays, even if a secret is the same: participants' names, say
 * @returns a function that replaces them, in hex, base64 (RFC 4648, 4 and 5; at each alignment), percent-encoded and as they
 *   are; of a text that is too long to be shown, it gives no more than {@link printable} looks at
 */
export function withholder(secrets: Iterable<Uint8Array>, known: Iterable<string> = []): (text: string) => string {
  const forms = new Map<string, Form[]>();
  const seen = new Set(known);
  for (const bytes of secrets)
    for (const form of formsOf(Buffer.from(bytes.subarray(0, LONGEST_SECRET)))) {
      if (form.text.length < PREFIX || seen.has(form.text)) continue;
      seen.add(form.text);
      const prefix = form.text.slice(0, PREFIX);
      const alike = forms.get(prefix);
      if (alike) alike.push(form);
      else forms.set(prefix, [form]);
    }
  return (text) => {
    let said = '';
    for (let at = 0; at < text.length && said.length <= 2 * LONGEST_TEXT; ) {
      const length = lengthAt(text, at, forms.get(text.slice(at, at + PREFIX)) ?? []);
      said += length > 0 ? '[key withheld]' : text[at];
      at += Math.max(1, length);
    }
    return said;
  };
}

function formsOf(bytes: Buffer): Form[] {
  if (bytes.length < SHORTEST_WORD) return [];
  const isWord = bytes.length < SHORTEST_SECRET;
  const plain = bytes.toString('utf8');
  const encoded = [bytes.toString('hex'), bytes.toString('hex').toUpperCase()];
  for (const alignment of isWord ? [0] : [0, 1, 2]) {
    // At both ends are characters that hang on what stands beside it.
    const shifted = Buffer.concat([Buffer.alloc(alignment), bytes]);
    const whole = Math.floor((shifted.length * 8) / 6);
    for (const alphabet of ['base64', 'base64url'] as const) {
      const text = shifted.toString(alphabet).replace(/=+$/, '');
      encoded.push(alignment === 0 ? text : text.slice(alignment + 1, whole));
    }
  }
  return [
    ...[plain, percent(plain)].map((text) => ({ text, isEncoded: false, isWord })),
    ...encoded.map((text) => ({ text, isEncoded: true, isWord })),
  ];
}

function percent(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Cs}/gu, ''));
}

/** Characters from `at` on that are a secret; 0 if none begins there. */
function lengthAt(text: string, at: number, forms: readonly Form[]): number {
  let longest = 0;
  for (const { text: form, isEncoded, isWord } of forms) {
    let length = 0;
    while (length < form.length && text[at + length] === form[length]) length++;
    const isWhole = length === form.length && !(isWord && (isLetter(text[at - 1]) || isLetter(text[at + length])));
    if (isWhole || (isEncoded && length >= SHORTEST_PART)) longest = Math.max(longest, length);
  }
  return longest;
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}
