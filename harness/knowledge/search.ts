/**
 * Where a known secret stands in a message, in any of the encodings that services use: raw, hex, base64 in both alphabets
 * and at each alignment, a list of decimal numbers, percent-encoded.
 */

export interface Pattern {
  encoding: string;
  bytes: Uint8Array;
}

/** Secrets shorter than this (bytes) aren't searched for: a chance hit would accuse. 2^-96 a place is practically none. */
export const SHORTEST_SECRET = 12;

/** What to look for so as to find `secret` in each encoding. The caller keeps secrets at {@link SHORTEST_SECRET} or longer. */
export function patterns(secret: Uint8Array): Pattern[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const found: [string, string | Uint8Array][] = [
    ['raw', secret],
    ['hex', hex],
    ['hex (upper case)', hex.toUpperCase()],
    ['decimal numbers', [...secret].join(',')],
    ['decimal numbers', [...secret].join(', ')],
    ['percent-encoded', hex.replaceAll(/../g, '%$&')],
    ['percent-encoded', hex.toUpperCase().replaceAll(/../g, '%$&')],
  ];
  const unreserved = [...secret].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
  });
  const mixed = unreserved.join('');
  found.push(['percent-encoded', mixed]);
  found.push(['percent-encoded', mixed.replaceAll(/%../g, (code) => code.toUpperCase())]);
  for (const alignment of [0, 1, 2]) {
    // Characters that depend on neighbouring bytes are left out at both ends.
    const shifted = Buffer.concat([Buffer.alloc(alignment), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const start = alignment === 0 ? 0 : alignment + 1;
    const whole = Math.floor(((alignment + bytes.length) * 8) / 6);
    const middle = shifted.slice(start, whole);
    found.push(['base64', middle]);
    const url = middle.replaceAll('+', '-').replaceAll('/', '_');
    if (url !== middle) found.push(['base64url', url]);
    // As forms and addresses carry it, and as encoders of JSON that escape the slash write it.
    const percent = encodeURIComponent(middle);
    if (percent !== middle) {
      found.push(['base64, percent-encoded', percent]);
      found.push(['base64, percent-encoded', percent.replaceAll(/%../g, (code) => code.toLowerCase())]);
    }
    if (middle.includes('/')) found.push(['base64', middle.replaceAll('/', '\\/')]);
  }
  return found
    .filter(([, text]) => text.length > 0)
    .map(([encoding, text]) => ({ encoding, bytes: typeof text === 'string' ? Buffer.from(text) : text }));
}

/** The first place of `secret` in `message`. */
export function find(message: Uint8Array, secret: Uint8Array): { encoding: string; offset: number } | undefined {
  if (secret.length < SHORTEST_SECRET) return undefined;
  const haystack = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  for (const { encoding, bytes } of patterns(secret)) {
    const offset = haystack.indexOf(bytes);
    if (offset >= 0) return { encoding, offset };
  }
  return undefined;
}
