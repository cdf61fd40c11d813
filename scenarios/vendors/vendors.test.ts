import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readVendor } from './vendors.ts';

const folder = mkdtempSync(join(tmpdir(), 'vendors-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'acme.yaml');
function read(text: string) {
  writeFileSync(path, text);
  return readVendor(path);
}

const ACME = `vendor: Acme
statements:
  - quote: Calls are end-to-end encrypted.
    source: https://acme.example/security
    date: 2026-01-31
    claims:
      - claim: media-confidential
      - claim: cipher
        params: { algorithm: AES-GCM, keyBits: 256 }
`;

test('a profile is what the file says, dates as they are written', () => {
  expect(read(ACME)).toEqual({
    vendor: 'Acme',
    statements: [
      {
        quote: 'Calls are end-to-end encrypted.',
        source: 'https://acme.example/security',
        date: '2026-01-31',
        claims: [
          { claim: 'media-confidential', params: {} },
          { claim: 'cipher', params: { algorithm: 'AES-GCM', keyBits: 256 } },
        ],
      },
    ],
  });
});

const here = fileURLToPath(new URL('.', import.meta.url));
test.each(readdirSync(here).filter((file) => file.endsWith('.yaml')))('%s is a profile', (file) => {
  expect(readVendor(join(here, file)).statements.length).toBeGreaterThan(0);
});

describe('an error names file, line and field', () => {
  test.each([
    ['a field of the wrong form', ACME.replace('2026-01-31', 'January'), ':5: statements.0.date: expected a date'],
    ['a field too many', ACME.replace('vendor: Acme', 'vendor: Acme\nphone: 1'), ':1: Unrecognized key: "phone"'],
    [
      'a field that is missing',
      ACME.replace('    source: https://acme.example/security\n', ''),
      ':3: statements.0.source',
    ],
    ['what is no YAML', `${ACME}]`, ':10: '],
    ['a key that stands twice', `${ACME}vendor: B\n`, ':10: Map keys must be unique'],
    ['an empty file', '', ': Invalid input'],
  ])('%s', (_, text, message) => {
    expect(() => read(text)).toThrow(`${path}${message}`);
  });

  test('a file that is not there', () => {
    expect(() => readVendor(join(folder, 'none.yaml'))).toThrow(
      `${join(folder, 'none.yaml')}: cannot be read (ENOENT)`,
    );
  });

  test('whatever the file holds, in one line', () => {
    const mangled = fc
      .tuple(fc.nat(ACME.length), fc.nat(20), fc.string({ unit: 'binary' }))
      .map(([at, length, text]) => ACME.slice(0, at) + text + ACME.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(mangled, fc.string()), (text) => {
        try {
          read(text);
        } catch (error) {
          const { message } = error as Error;
          expect(message.startsWith(path)).toBe(true);
          expect(message).not.toContain('\n');
        }
      }),
    );
  });
});
