import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditResult, Verdict } from '../harness/audit/audit.ts';
import { verdictTable } from './table.ts';

const statement = { quote: 'Secure.', source: 'a page', date: '2020-04-01' };

function result(...verdicts: (Pick<Verdict, 'claim' | 'verdict' | 'reason'> & Partial<Verdict>)[]): AuditResult {
  return {
    recording: 'r1',
    service: 'specimen/test',
    scenario: 'two-party',
    verdicts: verdicts.map((one) => ({ params: {}, statement, findings: [], controls: [], ...one })),
  };
}

const four = result(
  {
    claim: 'cipher',
    params: { algorithm: 'AES', keyBits: 256 },
    verdict: 'refuted',
    reason: 'Stated: AES, 256-bit key. Observed: AES-128 in ECB mode, without authentication.',
  },
  { claim: 'media-confidential', verdict: 'upheld', reason: 'The media was sealed.' },
  { claim: 'key-origin', verdict: 'inconclusive', reason: 'Nothing refutes it, but this recording cannot uphold it.' },
  { claim: 'key-delivery', verdict: 'untested', reason: 'It needs what was not recorded: proxy.' },
);

test('tells claim, verdict and reason, and sums up', () => {
  expect(verdictTable(four, { color: false, width: 80 })).toMatchInlineSnapshot(`
    "specimen/test

    claim                 verdict         reason
    ────────────────────────────────────────────────────────────────────────────────
    cipher                ✗ refuted       Stated: AES, 256-bit key. Observed:
      algorithm AES, key                  AES-128 in ECB mode, without
      bits 256                            authentication.
    media-confidential    ✓ upheld        The media was sealed.
    key-origin            ? inconclusive  Nothing refutes it, but this recording
                                          cannot uphold it.
    key-delivery          – untested      It needs what was not recorded: proxy.
    ────────────────────────────────────────────────────────────────────────────────
    1 of 4 claims refuted, 1 upheld, 2 could not be judged."
  `);
});

test('wraps within the width that it is given, from 56 to 100 columns', () => {
  for (const [width, most] of [
    [20, 56],
    [56, 56],
    [72, 72],
    [300, 100],
  ] as const)
    for (const line of verdictTable(four, { color: false, width }).split('\n'))
      expect(line.length).toBeLessThanOrEqual(most);
});

test('colours verdicts only where asked, and changes nothing else by it', () => {
  const plain = verdictTable(four, { color: false, width: 80 });
  const coloured = verdictTable(four, { color: true, width: 80 });
  expect(plain).not.toContain('\x1b');
  expect(coloured).toContain('\x1b[1;31m✗ refuted');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is looked for
  expect(coloured.replaceAll(/\x1b\[[\d;]*m/g, '')).toBe(plain);
});

test('shortens long reasons', () => {
  const table = verdictTable(result({ claim: 'cipher', verdict: 'refuted', reason: 'word '.repeat(1000) }), {
    color: false,
    width: 100,
  });
  expect(table).toContain('…');
  expect(table.split('\n').length).toBeLessThan(12);
});

test.each([
  [['refuted', 'refuted'], '2 of 2 claims refuted.'],
  [['refuted', 'upheld', 'untested'], '1 of 3 claims refuted, 1 upheld, 1 could not be judged.'],
  [['upheld', 'inconclusive'], 'None of 2 claims refuted: 1 upheld, 1 could not be judged.'],
  [['upheld', 'upheld'], 'All 2 claims are upheld.'],
  [['upheld'], 'The claim is upheld.'],
  [['refuted'], 'The claim is refuted.'],
  [['untested', 'inconclusive'], 'None of 2 claims could be judged.'],
  [[], 'No claim was tested.'],
] as const)('sums up %j', (verdicts, sentence) => {
  const table = verdictTable(result(...verdicts.map((verdict) => ({ claim: 'cipher', verdict, reason: '' }))), {
    color: false,
  });
  expect(table.split('\n').at(-1)).toBe(sentence);
});

test('lets no text steer the terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (reason, name) => {
      const hostile = result({
        claim: name,
        verdict: 'refuted',
        reason: `\x1b]0;x\x07${reason}`,
        params: { [name]: reason },
      });
      const table = verdictTable({ ...hostile, service: reason }, { color: false, width: 80 });
      expect(table.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
    }),
  );
});
