import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './json.ts';

const decoded = (text: string) => {
  const bytes = encoding.decode!(Buffer.from(text), new Budget());
  return bytes && Buffer.from(bytes).toString();
};
/** Strings and numbers, with their paths. */
function held(message: string): [string | undefined, string | undefined][] {
  const bytes = Buffer.from(message);
  return [...encoding.runs(bytes, new Budget())]
    .filter(({ text }) => text)
    .map(({ as, label, start, end }) => {
      const raw = bytes.toString('utf8', start, end);
      return [label, as === 'raw' ? raw : decoded(raw)];
    });
}

/** All strings of a value that aren't empty, by their paths. */
function* stringsOf(value: unknown, path: string[] = []): Generator<[string | undefined, string]> {
  if (typeof value === 'string' && value !== '') yield [path.join('.') || undefined, value];
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) yield* stringsOf(member, [...path, name]);
}

describe('JSON', () => {
  it('gives its strings with their paths', () => {
    expect(held('{"keys":[{"id":1},{"secret":"swordfish"}],"e":"","a":{"b":"c"}}')).toEqual([
      ['keys.1.secret', 'swordfish'],
      ['a.b', 'c'],
    ]);
  });

  it('is read as the example of RFC 8259, 13', () => {
    const message = `{ "Image": { "Width": 800, "Height": 600, "Title": "View from 15th Floor",
      "Thumbnail": { "Url": "http://www.example.com/image/481989943", "Height": 125, "Width": 100 },
      "Animated" : false, "IDs": [116, 943, 234, 38793] } }`;
    expect(held(message)).toEqual([
      ['Image.Title', 'View from 15th Floor'],
      ['Image.Thumbnail.Url', 'http://www.example.com/image/481989943'],
      ['Image.IDs.3', '38793'],
    ]);
  });

  it('has escapes (RFC 8259, 7)', () => {
    expect(decoded('\\u0041\\/\\"\\\\\\b\\f\\n\\r\\t')).toBe('A/"\\\b\f\n\r\t');
    expect(decoded('\\uD834\\uDD1E')).toBe('\u{1d11e}');
    expect(decoded('\\uD834x\\uDD1E')).toBe('\ufffdx\ufffd');
    for (const text of ['\\x', '\\u12', '\\', 'a"b']) expect(decoded(text)).toBeUndefined();
  });

  it('gives what JSON.stringify wrote', () => {
    const names = fc.stringMatching(/^[a-z]{1,6}$/);
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.integer({ max: 999 }),
        fc.constant(null),
        tie('array'),
        tie('object'),
      ),
      array: fc.array(tie('tree'), { maxLength: 4 }),
      object: fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
    }));
    const space = fc.constantFrom(undefined, 2, '\t');
    const texts = tree.filter((value) => typeof value === 'object' || typeof value === 'string');
    fc.assert(
      fc.property(texts, space, (value, indent) => {
        const strings = held(JSON.stringify(value, null, indent)).filter(([, text]) => !/^\d{4,}$/.test(text!));
        expect(strings).toEqual([...stringsOf(value)].filter(([, text]) => !/^\d{4,}$/.test(text)));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['behind a prefix, as of Socket.IO', '42["join",{"pin":"4711"}]', '1.pin'],
    ['in an event stream', 'event: x\ndata: {"pin":"4711"}\n\n', 'pin'],
    ['in code', 'x(function(){f({"pin":"4711"})})', 'pin'],
    ['cut off', '{"pin":"4711","more":"tru', 'pin'],
    ['behind what is none', '{a:{"pin":"4711"}}', 'pin'],
    ['with a number', '{"pin":4711}', 'pin'],
    ['with a name that has escapes', '{"p\\u0069n":"4711"}', 'pin'],
    ['with a name that must not be shown as it is', '{"p\\n<b>":"4711"}', 'p__b_'],
    ['line by line', '{"a":1}\n{"pin":"4711"}', 'pin'],
  ])('is found %s', (_, message, label) => {
    expect(held(message)).toContainEqual([label, '4711']);
  });

  it('is read through nesting that nobody writes', () => {
    const message = `${'[{"a":'.repeat(50_000)}"swordfish"${'}]'.repeat(50_000)}`;
    expect(held(message).map(([, text]) => text)).toEqual(['swordfish']);
  });
});
