/** Lines of a name, a colon and a value: the fields of HTTP (RFC 9110, 5) and of what takes after it. */
import { ALPHANUMERIC, code, type Encoding, members, named } from './encoding.ts';

/** RFC 9110, 5.6.2, without what names don't have in practice. */
const NAME = members(`${ALPHANUMERIC}-_`);
const [COLON, CR, LF, BLANK, TAB] = [':', '\r', '\n', ' ', '\t'].map(code);

export const encoding: Encoding = {
  id: 'headers',
  needs: ':',

  *runs(bytes) {
    for (let line = 0; line < bytes.length; ) {
      const feed = bytes.indexOf(LF!, line);
      const next = feed < 0 ? bytes.length : feed;
      let colon = line;
      while (NAME[bytes[colon]!]) colon++;
      if (bytes[colon] === COLON && colon > line) {
        let [start, end] = [colon + 1, next];
        while (bytes[start] === BLANK || bytes[start] === TAB) start++;
        if (bytes[end - 1] === CR) end--;
        const label = named(bytes.subarray(line, colon));
        if (end > start) yield { as: 'raw', start, end, label, text: true, closed: true };
      }
      line = next + 1;
    }
  },
};
