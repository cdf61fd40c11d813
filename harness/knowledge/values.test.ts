import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEEPEST, decode, type Encoding, extract, MOST_VALUES, SECRET_BYTES, type Value, values } from './values.ts';

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const base64Of = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const secret = Uint8Array.from(Buffer.from('fb0a7fffbefa00112233445566778899aabbccddeeff7f3f3e3efbfbfffe2f5c', 'hex'));

/** The value that is `wanted`, once it was taken out of the message again by its steps. */
function found(message: string | Uint8Array, wanted: Uint8Array = secret): Value | undefined {
  const bytes = typeof message === 'string' ? utf8(message) : message;
  for (const value of values(bytes)) {
    if (!Buffer.from(wanted).equals(value.bytes)) continue;
    expect(Buffer.from(extract(bytes, value.steps)!).equals(wanted)).toBe(true);
    return value;
  }
  return undefined;
}
const ways = (message: string | Uint8Array, wanted = secret) => found(message, wanted)?.steps.map(({ as }) => as);

/** Every byte as %XX but those that need no escape (RFC 3986, 2.3). */
function percentOf(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => String.fromCharCode(byte))
    .map((letter) => (/[\w.~-]/.test(letter) ? letter : `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`))
    .join('');
}

const ENCODERS: [string, Encoding, (bytes: Uint8Array) => string][] = [
  ['hex', 'hex', hexOf],
  ['hex in upper case', 'hex', (bytes) => hexOf(bytes).toUpperCase()],
  ['base64', 'base64', base64Of],
  ['base64 without padding', 'base64', (bytes) => base64Of(bytes).replaceAll('=', '')],
  ['base64url', 'base64', (bytes) => Buffer.from(bytes).toString('base64url')],
  ['base64 with slashes escaped', 'base64', (bytes) => base64Of(bytes).replaceAll('/', '\\/')],
  ['a list of numbers', 'json-numbers', (bytes) => JSON.stringify([...bytes])],
  ['a list of numbers over several lines', 'json-numbers', (bytes) => JSON.stringify([...bytes], null, 2)],
  ['percent-encoding throughout', 'percent', (bytes) => hexOf(bytes).replaceAll(/../g, '%$&')],
  ['percent-encoding where needed', 'percent', percentOf],
];

describe('values', () => {
  it('takes a message that is a secret', () => {
    expect(found(secret)).toMatchObject({ steps: [], label: undefined });
  });

  it.each(ENCODERS)('finds %s', (_, as, encode) => {
    expect(ways(`{"id": 7, "key": ${encode(secret)}, "more": true}`)).toEqual([as]);
  });

  it('finds base64 of each size, 22 characters for 16 bytes and 43 for 32 without padding', () => {
    for (const size of SECRET_BYTES) {
      const own = randomBytes(size);
      expect(ways(`"${base64Of(own).replaceAll('=', '')}"`, own)).toEqual(['base64']);
      expect(ways(`"${base64Of(own)}"`, own)).toEqual(['base64']);
    }
    expect(base64Of(new Uint8Array(16)).replaceAll('=', '')).toHaveLength(22);
    expect(base64Of(new Uint8Array(32)).replaceAll('=', '')).toHaveLength(43);
  });

  it.each(['key_', 'v1-', 'a_long-prefix_of_several-words-'])('finds base64 that is joined to %s', (prefix) => {
    expect(base64Of(secret)).toMatch(/\//);
    expect(ways(`token=${prefix}${base64Of(secret)}`)).toEqual(['base64']);
    expect(ways(`token=${base64Of(secret).replaceAll('=', '')}_${prefix}`)).toEqual(['base64']);
  });

  it.each<[string, string, Encoding[]]>([
    [
      'base64 in JSON in base64',
      base64Of(utf8(JSON.stringify({ a: { key: base64Of(secret) } }))),
      ['base64', 'base64'],
    ],
    [
      'hex in percent-encoded JSON',
      `state=${encodeURIComponent(JSON.stringify({ k: hexOf(secret) }))}`,
      ['percent', 'hex'],
    ],
    ['base64 in a form', `k=${encodeURIComponent(base64Of(secret))}&x=1`, ['percent', 'base64']],
    [
      'a list of numbers in base64url',
      Buffer.from(`[${[...secret]}]`).toString('base64url'),
      ['base64', 'json-numbers'],
    ],
    ['hex in a list of numbers', `[${[...utf8(hexOf(secret))]}]`, ['json-numbers', 'hex']],
    ['base64 in hex in base64', base64Of(utf8(hexOf(utf8(base64Of(secret))))), ['base64', 'hex', 'base64']],
  ])('finds %s', (_, message, steps) => {
    expect(ways(message)).toEqual(steps);
  });

  it('follows encodings as deep as it says, and no deeper', () => {
    let message: Uint8Array = secret;
    for (let depth = 1; depth <= DEEPEST; depth++) message = utf8(`<${base64Of(message)}>`);
    expect(found(message)?.steps).toHaveLength(DEEPEST);
    expect(found(utf8(`<${base64Of(message)}>`))).toBeUndefined();
  });

  it.each([
    ['{"mediaKey":"%"}', 'mediaKey'],
    ['{"a": 1, "media.key" : "%"}', 'media.key'],
    ["{key: '%'}", 'key'],
    ['key=%', 'key'],
    ['a=1&roomKey=%&b=2', 'roomKey'],
    ['x-e2ee-key: %\n', 'x-e2ee-key'],
    ['%', undefined],
    ['["%"]', undefined],
    [`{"${'k'.repeat(200)}":"%"}`, undefined],
  ])('gives the name before the value: %s', (message, label) => {
    expect(found(message.replace('%', hexOf(secret)))?.label).toBe(label);
  });

  it('gives the outer name where the value itself has none', () => {
    expect(found(`{"sealed":"${base64Of(utf8(JSON.stringify([hexOf(secret)])))}"}`)?.label).toBe('sealed');
  });

  it('tries every place of a short binary message', () => {
    const message = Buffer.concat([Buffer.from('08011220', 'hex'), secret, Buffer.from('1801', 'hex')]);
    expect(found(message)?.steps).toEqual([{ as: 'raw', offset: 4, length: 32 }]);
  });

  it('gives sizes of secrets only, or those that are asked for', () => {
    const message = utf8(`${hexOf(secret)} ${'ab'.repeat(20)} ${'cd'.repeat(33)}`);
    for (const { bytes } of values(message)) expect(SECRET_BYTES).toContain(bytes.length);
    expect([...values(message, [20])].map(({ bytes }) => hexOf(bytes))).toEqual(['ab'.repeat(20)]);
  });

  it('finds any secret in any encoding in any text, and the steps take it out again', () => {
    const size = fc.constantFrom(...SECRET_BYTES);
    const secrets = size.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    // What surrounds a value in JSON, addresses and forms ends with what no encoding uses.
    const around = fc.oneof(
      fc.json().map((json) => [`{"a":${json},"key":"`, `","b":${json}}`]),
      fc.webUrl({ withQueryParameters: true }).map((url) => [`${url}&key=`, '&more=1']),
      fc.string().map((text) => [`${text} `, `\n${text}`]),
    );
    fc.assert(
      fc.property(secrets, fc.constantFrom(...ENCODERS), around, (own, [, , encode], [before, after]) => {
        // Where nothing needs an escape, percent-encoding leaves no trace.
        fc.pre(encode !== percentOf || encode(own).includes('%'));
        expect(found(`${before}${encode(own)}${after}`, own)).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, stays within its bound, and each value comes out of the message again', () => {
    const pieces = fc.constantFrom(
      '%',
      '%4',
      '%41',
      '[',
      ']',
      '1,',
      ' ',
      'A',
      'ff',
      '=',
      '\\/',
      '\\',
      '-',
      '_',
      '300,',
      '"',
    );
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc.string({ unit: 'binary', maxLength: 500 }).map(utf8),
      fc
        .array(fc.tuple(pieces, fc.nat(60)))
        .map((all) => utf8(all.map(([piece, times]) => piece.repeat(times)).join(''))),
    );
    fc.assert(
      fc.property(garbage, (message) => {
        let count = 0;
        for (const { bytes, steps } of values(message)) {
          count++;
          expect(Buffer.from(extract(message, steps)!).equals(bytes)).toBe(true);
        }
        expect(count).toBeLessThanOrEqual(MOST_VALUES);
      }),
      { numRuns: 300 },
    );
  });

  it('gives no more values than it says', () => {
    const many = utf8(
      Array.from({ length: MOST_VALUES + 10 }, (_, index) => index.toString(16).padStart(32, '0')).join(),
    );
    expect([...values(many)]).toHaveLength(MOST_VALUES);
  });

  // Regular expressions with an alternative in a repeated group run out of stack on these.
  it.each([
    ['', 'A'],
    ['', '%41'],
    ['[', '1,'],
  ])('takes 8 MB of %j%j', (before, piece) => {
    expect([...values(utf8(before + piece.repeat((8 << 20) / piece.length)))]).toHaveLength(0);
  });

  // Each breaks off what an earlier character began. In quadratic time, a terabyte's worth, the test would not end.
  it.each(['[', '[1,', '[ ', ' ', '%4', '%', '1', '-', 'A-', '\\/', '\\', 'A='])('takes 1 MB of %j', (piece) => {
    for (const before of ['', '[1,'])
      expect([...values(utf8(before + piece.repeat((1 << 20) / piece.length)))]).toHaveLength(0);
  });
});

describe('extract', () => {
  it('gives nothing for steps that do not fit', () => {
    const message = utf8(`key=${hexOf(secret)}`);
    expect(extract(message, [{ as: 'hex', offset: 4, length: 65 }])).toBeUndefined();
    expect(extract(message, [{ as: 'hex', offset: 3, length: 64 }])).toBeUndefined();
    expect(extract(message, [{ as: 'hex', offset: 4, length: 64 }])).toEqual(Buffer.from(secret));
  });

  it('never throws', () => {
    const encoding = fc.constantFrom<Encoding>('raw', 'hex', 'base64', 'json-numbers', 'percent');
    const step = fc.record({ as: encoding, offset: fc.nat(20), length: fc.nat(40) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(step, { maxLength: 4 }), (message, steps) => {
        extract(message, steps);
      }),
    );
  });
});

describe('decode', () => {
  it.each<[Encoding, string]>([
    ['hex', 'abc'],
    ['hex', 'zz'],
    ['base64', 'ab*d'],
    ['base64', 'ab===='],
    ['json-numbers', '[1,256]'],
    ['json-numbers', '[1,2'],
    ['json-numbers', '1,2'],
    ['json-numbers', '[1,2] '],
    ['json-numbers', '[1,,2]'],
    ['percent', 'abc'],
    ['percent', '%4'],
    ['percent', '%zz'],
  ])('refuses what is no %s: %s', (as, text) => {
    expect(decode(utf8(text), as)).toBeUndefined();
  });
});
