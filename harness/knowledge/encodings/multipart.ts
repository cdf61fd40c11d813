/** The parts of a multipart body (RFC 2046, 5.1; forms: RFC 7578). */
import { bufferOf, type Encoding, latin1, named } from './encoding.ts';

/** RFC 2046, 5.1.1: a boundary has up to 70 characters; browsers, too, take these. */
const OPENING = /(?:^|\r\n)--([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])\r\n/;
/** The first boundary stands at the start; before it there may be a preamble, which nobody writes. */
const LONGEST_PREAMBLE = 1024;
const LONGEST_HEAD = 4096;
const MOST_PARTS = 1000;

export const encoding: Encoding = {
  id: 'multipart',
  needs: '\r',

  *runs(bytes, budget) {
    const opening = OPENING.exec(latin1(bytes.subarray(0, LONGEST_PREAMBLE)));
    if (!opening) return;
    const buffer = bufferOf(bytes);
    const delimiter = `\r\n--${opening[1]}`;
    let count = 0;
    for (let at = opening.index + opening[0].length; at < bytes.length; ) {
      if (count++ >= MOST_PARTS) {
        budget.exhausted = true;
        return;
      }
      // A part without fields begins with an empty line, and the line end before it is the boundary's.
      const from = at - 2;
      const head = buffer.subarray(from, from + LONGEST_HEAD).indexOf('\r\n\r\n');
      const end = buffer.indexOf(delimiter, from);
      const until = end < 0 ? bytes.length : end;
      const start = from + head + 4;
      if (head >= 0 && start <= until) {
        const name = /content-disposition:[^\r\n]*?;\s*name="?([^"\r\n;]*)/i.exec(
          latin1(bytes.subarray(at, start)),
        )?.[1];
        const label = name === undefined ? undefined : named(Buffer.from(name, 'latin1'));
        if (until > start) yield { as: 'raw', start, end: until, label, text: true };
      }
      if (end < 0 || latin1(bytes.subarray(end + delimiter.length, end + delimiter.length + 2)) !== '\r\n') return;
      at = end + delimiter.length + 2;
    }
  },
};
