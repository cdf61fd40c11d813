import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './jwt.ts';

const held = (text: string) =>
  [...encoding.runs(Buffer.from(text), new Budget())].map(({ as, label, start, end }) => [
    as,
    label,
    text.slice(start, end),
  ]);

describe('a JSON Web Token', () => {
  it('that is signed has three parts (RFC 7515, A.1; RFC 7519, 3.1)', () => {
    const token =
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9' +
      '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ' +
      '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
    const [header, payload, signature] = token.split('.');
    expect(held(`authorization: Bearer ${token}\n`)).toEqual([
      ['base64', 'header', header],
      ['base64', 'payload', payload],
      ['base64', 'signature', signature],
    ]);
  });

  it('that is encrypted has five (RFC 7516, A.3.7)', () => {
    const token =
      'eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0' +
      '.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ' +
      '.AxY8DCtDaGlsbGljb3RoZQ' +
      '.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY' +
      '.U0m_YmjN04DJvceFICbCVQ';
    expect(held(token).map(([, label]) => label)).toEqual(['header', 'encrypted key', 'iv', 'ciphertext', 'tag']);
  });

  it('has no other number of parts, but may lack one', () => {
    expect(held('eyJhIjoxfQ.eyJhIjoxfQ')).toEqual([]);
    expect(held('eyJhIjoxfQ.eyJhIjoxfQ.')).toHaveLength(2);
  });
});
