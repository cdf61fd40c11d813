/** How long the header may be that an application puts before a sealed frame in a message: guesses, to be tried one by one. */

/** A message, and how long (bytes) the frame in it was before it was sealed. */
export interface Message {
  data: Uint8Array;
  media: number;
}

/** Bytes in a row that have to look random for ciphertext, or a random nonce, to begin there. */
const RUN = 4;
/** The share of the different values that random bytes would have. */
const RANDOM_SHARE = 0.75;
/** What ciphers add to a frame: a nonce and a tag (NIST SP 800-38D, RFC 8439), one of both, Jitsi's trailer, nothing. */
const ADDED = [28, 16, 12, 30, 0];

/**
 * Lengths in bytes, the likeliest first, each once; `0` among them. At most 7.
 *
 * Told from where the messages begin to look random, and from how much longer they are than their frames.
 */
export function headerLengths(messages: readonly Message[]): number[] {
  if (messages.length === 0) return [0];
  const added = messages.reduce(
    (least, { data, media }) => Math.min(least, data.length - media),
    Number.POSITIVE_INFINITY,
  );
  const random = firstRandom(messages, added + RUN);
  const guesses = [...(random === undefined ? [] : [random]), ...ADDED.map((length) => added - length), 0];
  return [...new Set(guesses.filter((length) => length >= 0 && length <= Math.max(0, added)))];
}

/** The first byte, before `end`, from which on the messages look random. */
function firstRandom(messages: readonly Message[], end: number): number | undefined {
  const expected = 256 * (1 - (255 / 256) ** messages.length);
  let run = 0;
  for (let at = 0; at < end + RUN; at++) {
    const values = new Set(messages.map(({ data }) => data[at]));
    run = values.size >= RANDOM_SHARE * expected ? run + 1 : 0;
    if (run === RUN) return at - RUN + 1;
  }
  return undefined;
}
