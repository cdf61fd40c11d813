import { randomBytes } from 'node:crypto';
import { constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type As,
  Budget,
  DEEPEST,
  decode,
  extract,
  MOST_TEXTS,
  MOST_VALUES,
  SECRET_BYTES,
  type Step,
  texts,
  type Value,
  values,
  views,
} from './values.ts';

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

const ENCODERS: [string, As, (bytes: Uint8Array) => string][] = [
  ['hex', 'hex', hexOf],
  ['hex in upper case', 'hex', (bytes) => hexOf(bytes).toUpperCase()],
  ['base64', 'base64', base64Of],
  ['base64 without padding', 'base64', (bytes) => base64Of(bytes).replaceAll('=', '')],
  ['base64url', 'base64', (bytes) => Buffer.from(bytes).toString('base64url')],
  ['base64 with slashes escaped', 'base64', (bytes) => base64Of(bytes).replaceAll('/', '\\/')],
  ['hex with colons', 'hex', (bytes) => hexOf(bytes).replaceAll(/..(?=.)/g, '$&:')],
  ['a list of numbers', 'json-numbers', (bytes) => JSON.stringify([...bytes])],
  ['a Uint8Array', 'json-numbers', (bytes) => JSON.stringify(bytes)],
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

  it.each<[string, string, As[]]>([
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
    ['["%"]', '0'],
    ['{"keys":[{"secret":"%"}]}', 'keys.0.secret'],
    ['{"url":"https://h/?k=%"}', 'url.k'],
    [`{"${'k'.repeat(200)}":"%"}`, 'k'.repeat(40)],
    ['{"a<b>\\u202e":"%"}', 'a_b__'],
  ])('gives the name before the value: %s', (message, label) => {
    expect(found(message.replace('%', hexOf(secret)))?.label).toBe(label);
  });

  it('gives the names of all layers', () => {
    const inner = base64Of(utf8(JSON.stringify({ keys: [{ secret: hexOf(secret) }] })));
    expect(found(`{"sealed":"${inner}"}`)?.label).toBe('sealed.keys.0.secret');
    expect(found(`{"sealed":"${base64Of(utf8(hexOf(secret)))}"}`)?.label).toBe('sealed');
  });

  it('gives values with a name first, then those without, then those that begin anywhere', () => {
    // Of which base64 has none of the letters that join words.
    const named = Buffer.alloc(32, 9);
    const nameless = secret;
    const message = `${base64Of(new Uint8Array(40).fill(7))} ${hexOf(nameless)} {"key":"${base64Of(named)}"}`;
    const all = [...values(utf8(message))];
    expect(all.slice(0, 2).map(({ bytes }) => hexOf(bytes))).toEqual([hexOf(named), hexOf(nameless)]);
    expect(all.slice(2).every(({ unlikely }) => unlikely)).toBe(true);
    expect(all.length).toBeGreaterThan(10);
  });

  it('tries every place of a short binary message', () => {
    const message = Buffer.concat([Buffer.from('08011220', 'hex'), secret, Buffer.from('1801', 'hex')]);
    expect(found(message)?.steps).toEqual([{ as: 'raw', offset: 4, length: 32 }]);
  });

  it('gives sizes of secrets only, or those that are asked for', () => {
    const message = utf8(`${hexOf(secret)} ${'ab'.repeat(20)} ${'cd'.repeat(33)}`);
    for (const { bytes } of values(message)) expect(SECRET_BYTES).toContain(bytes.length);
    const likely = [...values(message, [20])].filter(({ unlikely }) => !unlikely);
    expect(likely.map(({ bytes }) => hexOf(bytes))).toEqual(['ab'.repeat(20)]);
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

  // Regular expressions with an alternative in a repeated group run out of stack on these. What is decoded from them is the same
  // again, and need not be looked into here.
  it.each([
    ['', 'A'],
    ['', '%41'],
    ['[', '1,'],
    ['"', '\\u0041'],
  ])('takes 8 MB of %j%j', (before, piece) => {
    const message = utf8(before + piece.repeat((8 << 20) / piece.length));
    expect([...values(message, SECRET_BYTES, new Budget(0))]).toHaveLength(0);
  });

  // Each breaks off what an earlier character began. In quadratic time, a terabyte's worth, the test would not end.
  it.each(['[', '[1,', '[ ', ' ', '%4', '%', '1', '-', 'A-', '\\/', '\\', 'A='])('takes 1 MB of %j', (piece) => {
    const message = utf8(`[1,${piece.repeat((1 << 20) / piece.length)}`);
    expect([...values(message, SECRET_BYTES, new Budget(0))]).toHaveLength(0);
  });
});

/** A value in layers: what was put around it, and the names and steps that lead to it. */
interface Layered {
  bytes: Uint8Array;
  path: string[];
}
type Layer = (inner: Layered) => Layered;
const named =
  (name: string, wrap: (bytes: Uint8Array) => Uint8Array): Layer =>
  ({ bytes, path }) => ({ bytes: wrap(bytes), path: [name, ...path] });
const plain =
  (wrap: (bytes: Uint8Array) => Uint8Array): Layer =>
  ({ bytes, path }) => ({ bytes: wrap(bytes), path });
const size = (length: number, width: number) => {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(length, 0, width);
  return bytes;
};
/** Each with an encoder of its own, or Node's. */
const LAYERS: Record<string, Layer> = {
  hex: plain((bytes) => utf8(hexOf(bytes))),
  base64: plain((bytes) => utf8(base64Of(bytes))),
  'a JSON member in base64': named('sealed', (bytes) => utf8(JSON.stringify({ id: 7, sealed: base64Of(bytes) }))),
  'a list of numbers': named('list', (bytes) => utf8(JSON.stringify({ list: [...bytes] }))),
  'a form': named('state', (bytes) => utf8(`a=1&state=${percentOf(bytes)}&b=2`)),
  gzip: plain((bytes) => gzipSync(bytes)),
  zlib: plain((bytes) => deflateSync(bytes)),
  MessagePack: named('m', (bytes) =>
    Buffer.concat([Buffer.from('82a1610aa16dc6', 'hex'), size(bytes.length, 4), bytes]),
  ),
  CBOR: named('c', (bytes) => Buffer.concat([Buffer.from('a261610a61635a', 'hex'), size(bytes.length, 4), bytes])),
  protobuf: named('9', (bytes) => {
    // Lengths of up to 2^28 in four bytes, which are no fewer where they could be.
    const length = Buffer.from(
      [0, 7, 14, 21].map((shift) => ((bytes.length >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0)),
    );
    return Buffer.concat([Buffer.from('0896014a', 'hex'), length, bytes]);
  }),
  'a part of a form': named('part', (bytes) => {
    const boundary = `--x${bytes.length}`;
    const head = `${boundary}\r\nContent-Disposition: form-data; name="part"\r\n\r\n`;
    return Buffer.concat([utf8(head), bytes, utf8(`\r\n${boundary}--\r\n`)]);
  }),
};
const BINARY = ['MessagePack', 'CBOR', 'protobuf'];
/** Their parts stand there as they are and take no step. */
const CONTAINERS = [...BINARY, 'a part of a form'];

describe('views', () => {
  it('are the message, then what is in it, layer by layer', () => {
    const inner = utf8(JSON.stringify({ key: hexOf(secret) }));
    const message = utf8(`{"sealed":"${base64Of(inner)}"}`);
    const all = [...views(message)].filter(({ guess }) => !guess);
    expect(all.map(({ steps }) => steps.map(({ as }) => as).join())).toEqual([
      '',
      'raw',
      'base64',
      'base64,raw',
      'base64,hex',
    ]);
    expect(all[0]!.bytes).toBe(message);
    expect(all[2]).toMatchObject({
      label: 'sealed',
      steps: [{ as: 'base64', offset: 11, length: base64Of(inner).length }],
    });
    expect(all[4]).toMatchObject({ label: 'sealed.key', bytes: Buffer.from(secret) });
  });

  it('show a secret in any nesting of encodings, and the steps take it out again', () => {
    const nestings = fc.array(fc.constantFrom(...Object.keys(LAYERS)), { minLength: 1, maxLength: 5 });
    const secrets = fc
      .constantFrom(...SECRET_BYTES)
      .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    fc.assert(
      fc.property(nestings, secrets, (names, own) => {
        fc.pre(names.filter((name) => !CONTAINERS.includes(name)).length <= DEEPEST);
        const sizes: number[] = [];
        const layered = names.reduceRight<Layered>(
          (inner, name) => {
            sizes.push(inner.bytes.length);
            return LAYERS[name]!(inner);
          },
          { bytes: own, path: [] },
        );
        // What zeros are compressed to is not looked for.
        fc.pre(Math.min(...sizes) >= 16);
        const shown = [...views(layered.bytes)].filter(({ bytes }) => Buffer.from(own).equals(bytes));
        expect(shown).not.toHaveLength(0);
        // Bytes may make sense in another way, too, by chance, and then have that name.
        if (!names.some((name) => BINARY.includes(name)))
          expect(shown.map(({ label }) => label ?? '')).toContain(layered.path.join('.'));
        for (const { steps } of shown) expect(Buffer.from(own).equals(extract(layered.bytes, steps)!)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('have names through all layers', () => {
    const names = [
      'CBOR',
      'a part of a form',
      'MessagePack',
      'a JSON member in base64',
      'protobuf',
      'a list of numbers',
      'a form',
    ];
    const { bytes } = names.reduceRight<Layered>((inner, name) => LAYERS[name]!(inner), { bytes: secret, path: [] });
    expect(found(bytes)?.label).toBe('c.part.m.sealed.9.list.state');
  });

  it('show what is in UTF-16, in escapes of JSON and in a token', () => {
    const json = JSON.stringify({ key: base64Of(secret) });
    expect(ways(Buffer.from(json, 'utf16le'))).toEqual(['utf-16', 'base64']);
    expect(found(JSON.stringify({ body: json }))?.label).toBe('body.key');
    expect(
      ways(`{"key":"${[...base64Of(secret)].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}"}`),
    ).toEqual(['json-string', 'base64']);
    const token = ['{"alg":"HS256"}', json].map((part) => Buffer.from(part).toString('base64url')).join('.');
    expect(found(`authorization: Bearer ${token}.${Buffer.from(randomBytes(32)).toString('base64url')}\n`)?.label).toBe(
      'authorization.payload.key',
    );
  });

  it('show what a WebSocket compressed, where the caller says so', () => {
    const text = JSON.stringify({ key: hexOf(secret) });
    const message = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const shown = [...views(message, new Budget(), 'deflate')].find(({ bytes }) => Buffer.from(secret).equals(bytes))!;
    expect(shown).toMatchObject({ label: 'key' });
    expect(extract(message, shown.steps)).toEqual(Buffer.from(secret));
  });

  it('come out of the message again, each by its steps, whatever the message, and never throw', () => {
    const pieces = fc.constantFrom(...Object.values(LAYERS).map((layer) => layer({ bytes: secret, path: [] }).bytes));
    const garbage = fc.array(
      fc.oneof(pieces, fc.uint8Array({ maxLength: 50 }), fc.string({ unit: 'binary' }).map(utf8)),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(garbage, (parts) => {
        const message = Buffer.concat(parts);
        const budget = new Budget();
        for (const { bytes, steps } of views(message, budget))
          expect(Buffer.compare(extract(message, steps)!, bytes)).toBe(0);
        expect(budget.exhausted).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('are no more than the budget has, which is marked where that was too little', () => {
    const message = utf8(JSON.stringify(Array.from({ length: 100 }, (_, index) => `text ${index}`)));
    const enough = new Budget(1000, 200);
    expect([...views(message, enough)]).toHaveLength(101);
    expect(enough).toMatchObject({ views: 100, exhausted: false });
    const few = new Budget(1000, 50);
    expect([...views(message, few)]).toHaveLength(51);
    expect(few).toMatchObject({ views: 0, exhausted: true });
  });

  it('leave out a layer for which there are too few bytes, mark the budget, and show what else there is', () => {
    const bomb = base64Of(gzipSync(Buffer.alloc(8 << 20)));
    const budget = new Budget(1 << 20);
    const shown = [...views(utf8(`{"a":"${bomb}","key":"${hexOf(secret)}"}`), budget)];
    expect(shown.some(({ bytes }) => Buffer.from(secret).equals(bytes))).toBe(true);
    expect(shown.reduce((most, { bytes }) => Math.max(most, bytes.length), 0)).toBeLessThan(1 << 20);
    expect(budget.exhausted).toBe(true);
  });

  it('stay within the budget with bombs in bombs and many at once', () => {
    const bomb = gzipSync(gzipSync(Buffer.alloc(16 << 20)));
    const budget = new Budget(4 << 20);
    const message = JSON.stringify(Array.from({ length: 50 }, () => base64Of(bomb)));
    expect([...views(utf8(message), budget)].reduce((all, { bytes }) => all + bytes.length, 0)).toBeLessThan(8 << 20);
    expect(budget.exhausted).toBe(true);
  });

  it('take 10 MB of JSON in one line', () => {
    const room = { topic: 'to be '.repeat(200), members: [{ says: 'or not '.repeat(200) }] };
    const message = utf8(JSON.stringify({ rooms: Array.from({ length: 4000 }, () => room), key: hexOf(secret) }));
    expect(message.length).toBeGreaterThan(10e6);
    expect([...views(message)].find(({ bytes }) => Buffer.from(secret).equals(bytes))?.label).toBe('key');
  });
});

describe('texts', () => {
  const held = (message: string | Uint8Array, budget?: Budget) => {
    const bytes = typeof message === 'string' ? utf8(message) : message;
    return [...texts(bytes, budget)].map((text) => {
      expect(Buffer.compare(extract(bytes, text.steps)!, text.bytes)).toBe(0);
      return [text.label, Buffer.from(text.bytes).toString()];
    });
  };

  it.each<[string, string | Uint8Array, string]>([
    ['JSON', '{"room":{"pin":"swordfish"}}', 'room.pin'],
    ['JSON in escapes', JSON.stringify({ body: '{"pin":"swordfish"}' }), 'body.pin'],
    ['a form', 'pin=swordfish&x=1', 'pin'],
    ['an address', 'url: https://h.example/r/swordfish\n', 'url.path'],
    ['a header', 'x-pin: swordfish\n', 'x-pin'],
    ['MessagePack', Buffer.from('81a370696ea973776f726466697368', 'hex'), 'pin'],
    ['CBOR', Buffer.from('a16370696e6973776f726466697368', 'hex'), 'pin'],
    ['protobuf', Buffer.from('0896011a0973776f726466697368', 'hex'), '3'],
    ['a part of a form', '--x\r\nContent-Disposition: form-data; name="pin"\r\n\r\nswordfish\r\n--x--', 'pin'],
    ['base64, too short to be taken for it elsewhere', '{"pin":"c3dvcmRmaXNo"}', 'pin'],
    ['hex', '{"pin":"73776f726466697368"}', 'pin'],
    ['base64 of JSON', `{"p":"${base64Of(utf8('{"pin":"swordfish"}'))}"}`, 'p.pin'],
    ['a message that is it', 'swordfish', undefined as unknown as string],
  ])('are found in %s', (_, message, label) => {
    expect(held(message)).toContainEqual([label, 'swordfish']);
  });

  it('are of 1 to 128 characters, whatever these take in UTF-8', () => {
    const [short, long] = ['\u{1f433}'.repeat(128), '\u{1f433}'.repeat(129)];
    const found = held(JSON.stringify(['x', short, long])).map(([, text]) => text);
    expect(found).toEqual(expect.arrayContaining(['x', short]));
    expect(found).not.toContain(long);
  });

  it('are each given once, those that are called a passphrase or the like first', () => {
    const message = JSON.stringify({ a: 'one', b: 'two', roomName: 'three', passphrase: 'four', c: 'four', d: 'one' });
    expect(held(message).map(([, text]) => text)).toEqual(['four', 'three', 'one', 'two']);
  });

  it('are no more than they say, and the budget says where there were', () => {
    const budget = new Budget();
    const message = JSON.stringify(Array.from({ length: MOST_TEXTS + 1 }, (_, index) => `text ${index}`));
    expect([...texts(utf8(message), budget)]).toHaveLength(MOST_TEXTS);
    expect(budget).toMatchObject({ crowded: true, exhausted: false });
  });
});

const AS: As[] = [
  ...(['raw', 'hex', 'base64', 'json-string', 'json-numbers', 'percent', 'form', 'utf-16'] as const),
  ...(['gzip', 'zlib', 'deflate', 'messagepack', 'cbor'] as const),
];

describe('extract', () => {
  it('gives nothing for steps that do not fit', () => {
    const message = utf8(`key=${hexOf(secret)}`);
    expect(extract(message, [{ as: 'hex', offset: 4, length: 65 }])).toBeUndefined();
    expect(extract(message, [{ as: 'hex', offset: 3, length: 64 }])).toBeUndefined();
    expect(extract(message, [{ as: 'hex', offset: 4, length: 64 }])).toEqual(Buffer.from(secret));
  });

  it('never throws', () => {
    const encoding = fc.constantFrom<As>(...AS);
    const number = fc.oneof(fc.nat(40), fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY));
    const step: fc.Arbitrary<Step> = fc.record({ as: encoding, offset: number, length: number });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(step, { maxLength: 4 }), (message, steps) => {
        extract(message, steps);
      }),
    );
  });
});

describe('decode', () => {
  it.each<[As, string]>([
    ['hex', 'abc'],
    ['hex', 'zz'],
    ['base64', 'ab*d'],
    ['base64', 'ab===='],
    ['json-numbers', '[1,256]'],
    ['json-numbers', '[1,2'],
    ['json-numbers', '1,2,'],
    ['json-numbers', '[1,2] '],
    ['json-numbers', '[1,,2]'],
    ['percent', 'abc'],
    ['percent', '%4'],
    ['percent', '%zz'],
  ])('refuses what is no %s: %s', (as, text) => {
    expect(decode(utf8(text), as)).toBeUndefined();
  });
});

describe('what lies deeper than is looked', () => {
  const nested = (times: number) => {
    let text = Buffer.from(Uint8Array.from({ length: 32 }, (_, index) => 7 * index + 3)).toString('base64');
    for (let time = 1; time < times; time++) text = Buffer.from(text).toString('base64');
    return Buffer.from(JSON.stringify({ blob: text }));
  };

  it.each([
    [DEEPEST, false],
    [DEEPEST + 2, true],
  ])('is said to be left out: base64 %i times, %s', (times, exhausted) => {
    const budget = new Budget();
    const found = [...views(nested(times), budget)];
    expect(budget.exhausted).toBe(exhausted);
    expect(found.some(({ bytes }) => bytes.length === 32 && bytes[0] === 3)).toBe(!exhausted);
  });
});
