/** The parts of a JSON Web Token (RFC 7519), signed (RFC 7515, 7.1) or encrypted (RFC 7516, 7.1), each in base64url. */
import { ALPHANUMERIC, bufferOf, code, type Encoding, members } from './encoding.ts';

const BASE64URL = members(`${ALPHANUMERIC}-_`);
const DOT = code('.');
/** Base64url of `{"`. */
const BEGINNING = 'eyJ';
const NAMES: Record<number, readonly string[]> = {
  3: ['header', 'payload', 'signature'],
  5: ['header', 'encrypted key', 'iv', 'ciphertext', 'tag'],
};

export const encoding: Encoding = {
  id: 'jwt',
  needs: '.',

  *runs(bytes) {
    const buffer = bufferOf(bytes);
    for (let at = buffer.indexOf(BEGINNING); at >= 0; at = buffer.indexOf(BEGINNING, at)) {
      const parts: { start: number; end: number }[] = [];
      do {
        const start = parts.length === 0 ? at : at + 1;
        at = start;
        while (BASE64URL[bytes[at]!]) at++;
        parts.push({ start, end: at });
      } while (bytes[at] === DOT && parts.length < 5);
      for (const [index, label] of (NAMES[parts.length] ?? []).entries()) {
        const part = parts[index]!;
        if (part.end > part.start) yield { as: 'base64', ...part, label };
      }
    }
  },
};
