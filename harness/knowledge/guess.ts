/**
 * Secrets of so little entropy that whoever has something to test a guess on finds them by trying: PINs, words, numbers, times.
 * The trace shows the secret, so nothing is tried here; it is counted how many guesses it would take.
 */

export interface Guess {
  /** For people, e.g. `6 digits`. */
  space: string;
  /** How many values it holds. */
  size: number;
}

/**
 * Hash computations, as a power of two, that a provider is taken to be able to afford: 2^48 SHA-256 are some hours of one graphics
 * card of 2023, which does over 2^34 a second (hashcat's published benchmarks). A PBKDF2 counts with its iterations.
 */
export const BUDGET_BITS = 48;

/** The commonest passwords of published lists, e.g. Have I Been Pwned's. */
const WORDS: readonly string[] = (
  '123456 123456789 12345678 12345 1234567 1234567890 111111 123123 000000 654321 666666 987654321 password password1 ' +
  'passw0rd qwerty qwerty123 qwertyuiop 1q2w3e4r abc123 iloveyou admin welcome letmein monkey dragon sunshine princess ' +
  'football baseball superman batman trustno1 secret login master hello freedom whatever test test123 changeme default guest meeting'
).split(' ');

/** A day each way: a time that a call's key may have been made of. */
const AROUND_MS = 86_400_000;

/** Nobody types more (bytes). */
const LONGEST_TYPED = 256;

/** What anybody can try, smallest first. */
const ALPHABETS: readonly { pattern: RegExp; size: number; name: string }[] = [
  { pattern: /^[0-9]+$/, size: 10, name: 'digits' },
  { pattern: /^[0-9a-f]+$/, size: 16, name: 'hexadecimal digits' },
  { pattern: /^[a-z]+$/, size: 26, name: 'letters' },
  { pattern: /^[a-z0-9]+$/, size: 36, name: 'letters and digits' },
  { pattern: /^[A-Za-z0-9]+$/, size: 62, name: 'letters and digits' },
  { pattern: /^[\x20-\x7e]+$/, size: 95, name: 'characters' },
];

/**
 * The smallest of the spaces that a value lies in; undefined where each is larger than the budget.
 *
 * @param origin when the call was, in ms since 1970.
 */
export function guessable(bytes: Uint8Array, origin: number): Guess | undefined {
  const guesses = [...ofText(Buffer.from(bytes).toString('latin1'), origin), ...ofBytes(bytes)];
  const [least] = guesses.sort((a, b) => a.size - b.size);
  return least && Math.log2(least.size) <= BUDGET_BITS ? least : undefined;
}

/**
 * Whether a person may have made a value up and typed it: it is text that can be read, and no time of the call. Who did is not
 * recorded.
 *
 * @param origin when the call was, in ms since 1970.
 */
export function mayBeTyped(bytes: Uint8Array, origin: number): boolean {
  return isReadable(bytes) && !isTime(Buffer.from(bytes).toString('latin1'), origin);
}

/** Whether a value is text of a length that somebody may type. */
export function isReadable(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.length > LONGEST_TYPED) return false;
  try {
    return !/\p{Cc}/u.test(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return false;
  }
}

/** Whether a text is one that several people come up with: words, a year behind them, a few digits. */
export function isCommonplace(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('utf8');
  return WORDS.includes(text.toLowerCase()) || /^[\p{L}\p{P} ]+[0-9]{0,4}$|^[0-9]{1,9}$/u.test(text);
}

function* ofText(text: string, origin: number): Generator<Guess> {
  if (WORDS.includes(text.toLowerCase())) yield { space: 'the commonest passwords', size: WORDS.length };
  if (isTime(text, origin))
    yield { space: 'the times around the call', size: (2 * AROUND_MS) / (text.length === 10 ? 1000 : 1) };
  const alphabet = ALPHABETS.find(({ pattern }) => pattern.test(text));
  if (alphabet) yield { space: `${text.length} ${alphabet.name}`, size: alphabet.size ** text.length };
}

function isTime(text: string, origin: number): boolean {
  const number = /^[0-9]{10,13}$/.test(text) ? Number(text) : Number.NaN;
  return Math.abs((text.length === 10 ? number * 1000 : number) - origin) <= AROUND_MS;
}

function* ofBytes(bytes: Uint8Array): Generator<Guess> {
  if (bytes.length === 0) return;
  if (bytes.every((byte) => byte === bytes[0])) yield { space: 'one byte, repeated', size: 256 };
  const isLittle = bytes.subarray(4).every((byte) => byte === 0);
  const isBig = bytes.subarray(0, -4).every((byte) => byte === 0);
  if (bytes.length > 4 && (isLittle || isBig)) yield { space: 'numbers of 32 bits', size: 2 ** 33 };
  if (bytes.length <= 6) yield { space: `${8 * bytes.length} bits`, size: 256 ** bytes.length };
}
