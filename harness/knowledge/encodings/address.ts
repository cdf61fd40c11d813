/** Segments of the paths of absolute addresses (RFC 3986, 3.3): rooms and invitations have their names there. */
import { ALPHANUMERIC, bufferOf, code, type Encoding, members } from './encoding.ts';

const SEGMENT = members(`${ALPHANUMERIC}-._~%!$&'()*+,;=:@`);
const [PERCENT, SLASH] = ['%', '/'].map(code);

export const encoding: Encoding = {
  id: 'address',
  needs: ':',

  *runs(bytes) {
    const buffer = bufferOf(bytes);
    for (let at = buffer.indexOf('://'); at >= 0; at = buffer.indexOf('://', at)) {
      at += 3;
      // The first is the host.
      for (let isHost = true; at < bytes.length; isHost = false) {
        const start = at;
        while (SEGMENT[bytes[at]!]) at++;
        if (at > start && !isHost) {
          const isEscaped = bytes.subarray(start, at).includes(PERCENT!);
          const common = { start, end: at, label: 'path', text: true };
          yield isEscaped ? { as: 'percent', ...common } : { as: 'raw', closed: true, ...common };
        }
        if (bytes[at] !== SLASH) break;
        at++;
      }
    }
  },
};
