/** Whole calls, from browsers to verdict and report: every liar is caught, with a proof, and the honest are left alone. */
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { AuditResult } from '../harness/audit/audit.ts';
import { cardIn, reproduce, run, verdictsOf } from './testing/calls.ts';
import { keywitness } from './testing/keywitness.ts';

const CLAIMS = ['cipher', 'ciphertext-sound', 'key-delivery', 'key-origin', 'media-confidential'];

test('zoom-2020: each of the five claims is refuted, with a proof that ends in the picture', async ({}, info) => {
  const folder = info.outputPath('zoom.kw');
  const { code, result } = await run('specimen/zoom-2020', folder);
  expect(verdictsOf(result)).toEqual(Object.fromEntries(CLAIMS.map((claim) => [claim, 'refuted'])));
  expect(code).toBe(1);
  for (const claim of CLAIMS) {
    const proof = join(folder, 'proofs', claim);
    const again = reproduce(proof);
    expect(again.status, `${claim}: ${again.stderr}`).toBe(0);
    expect(cardIn(join(proof, 'picture.png'))?.sender, claim).toBeDefined();
  }
  // The key came from the provider's side alone: the join reply of the host that is declared to be in Beijing.
  const origin = result.verdicts.find(({ claim }) => claim === 'key-origin');
  expect(origin?.findings[0]?.title).toContain('kms-beijing.zoom-2020.test');
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('refuted');
  expect(statSync(join(folder, 'recording.json')).mode & 0o777).toBe(0o600);

  await test.step('a proof fails loudly if any byte was changed', () => {
    for (const file of ['packets.bin', 'message-1.bin', 'proof.json']) {
      const copy = info.outputPath(`altered-${file}`);
      cpSync(join(folder, 'proofs', 'media-confidential'), copy, { recursive: true });
      const bytes = readFileSync(join(copy, file));
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(join(copy, file), bytes);
      rmSync(join(copy, 'picture.png'));
      const again = reproduce(copy);
      expect(again.status).toBe(1);
      expect(again.stderr).toContain('FAILED');
      expect(existsSync(join(copy, 'picture.png'))).toBe(false);
    }
  });

  await test.step('two audits of the same recording give the same verdicts, byte for byte', async () => {
    const copy = info.outputPath('copy.kw');
    cpSync(folder, copy, { recursive: true });
    rmSync(join(copy, 'verdicts.json'));
    // No browser is needed: none is found.
    const { code } = await keywitness(['audit', copy], { KEYWITNESS_CHROMIUM: '/nonexistent' });
    expect(code).toBe(1);
    expect(readFileSync(join(copy, 'verdicts.json'))).toEqual(readFileSync(join(folder, 'verdicts.json')));
  });
});

test('sealed: nothing is refuted, and each claim is upheld with its controls', async ({}, info) => {
  const folder = info.outputPath('sealed.kw');
  const { code, result } = await run('specimen/sealed', folder);
  expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual(
    Object.fromEntries(CLAIMS.map((claim) => [claim, 'upheld'])),
  );
  expect(code).toBe(0);
  for (const { controls } of result.verdicts) {
    expect(controls.length).toBeGreaterThan(3);
    expect(controls.filter(({ held }) => !held)).toEqual([]);
  }
  expect(existsSync(join(folder, 'proofs'))).toBe(false);

  await test.step('were another cipher stated, that would be refuted, with a proof from the key that the browser used', async () => {
    const copy = info.outputPath('misstated.kw');
    cpSync(folder, copy, { recursive: true });
    const recording = JSON.parse(readFileSync(join(copy, 'recording.json'), 'utf8'));
    recording.vendor.statements = [
      {
        quote: 'AES-128',
        source: 'this test',
        date: '2026-01-01',
        claims: [{ claim: 'cipher', params: { keyBits: 128 } }],
      },
    ];
    writeFileSync(join(copy, 'recording.json'), JSON.stringify(recording));
    const { code, stdout } = await keywitness(['audit', copy, '--json']);
    expect(code).toBe(1);
    const [verdict] = (JSON.parse(stdout) as AuditResult).verdicts;
    expect(verdict!.verdict).toBe('refuted');
    expect(verdict!.findings.filter(({ proof }) => proof === 'proofs/cipher')).toHaveLength(1);
    const again = reproduce(join(copy, 'proofs', 'cipher'));
    expect(again.status, again.stderr).toBe(0);
    expect(cardIn(join(copy, 'proofs', 'cipher', 'picture.png'))?.sender).toBeDefined();
  });
});

test('server-key: sound ciphertext under a key that the server handed out in the clear', async ({}, info) => {
  const folder = info.outputPath('server-key.kw');
  const { code, result } = await run('specimen/server-key', folder);
  const lies = ['media-confidential', 'key-origin', 'key-delivery'];
  expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual(
    Object.fromEntries(CLAIMS.map((claim) => [claim, lies.includes(claim) ? 'refuted' : 'upheld'])),
  );
  expect(code).toBe(1);
  for (const claim of lies) {
    const proof = join(folder, 'proofs', claim);
    const again = reproduce(proof);
    expect(again.status, again.stderr).toBe(0);
    expect(again.stdout).toContain('"config.e2eeKey"');
    expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();
  }
});

test('sealed with a third who comes later and leaves earlier: nothing is refuted', async ({}, info) => {
  // Six streams are sealed and opened at once.
  test.slow();
  const { result } = await run(
    'specimen/sealed',
    info.outputPath('three.kw'),
    '--scenario',
    'three-party',
    '--seconds',
    '9',
  );
  expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual(
    Object.fromEntries(CLAIMS.map((claim) => [claim, 'upheld'])),
  );
});

for (const service of ['specimen/transport-only', 'janus/videoroom'])
  test(`${service}: the provider's view decodes to the test card`, async ({}, info) => {
    const folder = info.outputPath('call.kw');
    const { code, result } = await run(service, folder, '--claim', 'media-confidential');
    expect(verdictsOf(result)).toEqual({ 'media-confidential': 'refuted' });
    expect(code).toBe(1);
    const proof = join(folder, 'proofs', 'media-confidential');
    const again = reproduce(proof);
    expect(again.status, again.stderr).toBe(0);
    expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();
  });

for (const scenario of ['camera-off', 'far-end-blocked'])
  test(`sealed, ${scenario}: media that never arrived upholds nothing`, async ({}, info) => {
    const { code, result } = await run('specimen/sealed', info.outputPath('call.kw'), '--scenario', scenario);
    expect(verdictsOf(result)).toEqual(Object.fromEntries(CLAIMS.map((claim) => [claim, 'inconclusive'])));
    expect(code).toBe(3);
  });
