/** Names with values, as in forms and queries (WHATWG URL, application/x-www-form-urlencoded), fragments and cookies (RFC 6265, 4.2.1). */
import { ALPHANUMERIC, code, type Encoding, members, named, type Run } from './encoding.ts';
import { unescaped } from './percent.ts';

const NAME = members(`${ALPHANUMERIC}_.$@%[]-`);
/** What may stand before a name, and behind a semicolon a blank; in code nearly anything does. */
const BEFORE = members('&?#"');
/** RFC 3986, 3.4, but for what separates pairs. */
const VALUE = members(`${ALPHANUMERIC}-._~%+!$'()*,:@/?=`);
const [EQUALS, PERCENT, PLUS, SEMICOLON, BLANK] = ['=', '%', '+', ';', ' '].map(code);
const LONGEST_NAME = 64;

export const encoding: Encoding = {
  id: 'form',
  needs: '=',

  *runs(bytes) {
    for (let equals = bytes.indexOf(EQUALS!); equals >= 0; equals = bytes.indexOf(EQUALS!, equals)) {
      let name = equals;
      while (name > 0 && equals - name < LONGEST_NAME && NAME[bytes[name - 1]!] === 1) name--;
      const start = equals + 1;
      let end = start;
      const isFirst = name === 0 || BEFORE[bytes[name - 1]!] === 1;
      const isName = name < equals && (isFirst || (bytes[name - 1] === BLANK && bytes[name - 2] === SEMICOLON));
      if (isName) while (VALUE[bytes[end]!] === 1) end++;
      if (end > start) yield* value(bytes, start, end, named(bytes.subarray(name, equals)));
      equals = end;
    }
  },

  decode: (run) => unescaped(run, true),
};

function* value(bytes: Uint8Array, start: number, end: number, label: string): Generator<Run> {
  const run = bytes.subarray(start, end);
  const isEscaped = run.includes(PERCENT!);
  const hasPlus = run.includes(PLUS!);
  // A plus is a blank in a form; elsewhere, as in base64, it is itself.
  if (!isEscaped) yield { as: 'raw', start, end, label, text: true, closed: true };
  if (isEscaped) yield { as: 'percent', start, end, label, text: true };
  if (hasPlus) yield { as: 'form', start, end, label, text: true };
}
