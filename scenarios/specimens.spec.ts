/** Every specimen comes out as its truth says, claim by claim: each liar with a proof, each honest twin upheld. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { Specimen } from './specimens/base/specimen.ts';
import { cardIn, reproduce, run, verdictsOf } from './testing/calls.ts';

/** The ones that `verdicts.spec.ts` looks at more closely. */
const ELSEWHERE = ['sealed', 'server-key', 'transport-only', 'zoom-2020'];

/** What a stranger reads of the way to the key: the words that the proof's script must say. */
const WAYS: Record<string, RegExp[]> = {
  escrow: [/sent it in the clear .*backup\.escrow\.test/],
  'server-passphrase': [/"config.passphrase"/, /PBKDF2 with SHA-256 100000 times/],
  'weak-key': [/one of 6 digits, which can all be tried/, /PBKDF2 with SHA-256 100000 times/],
  'public-derivation': [/hashing with SHA-256/, /HKDF with SHA-256/],
  'split-key': [/keys\.split-key\.test/, /XOR of both/],
  'wasm-server-key': [/meet\.wasm-server-key\.test sent/],
  xor: [/give it away by themselves/],
  unverified: [/whoever stood between had it/],
};

const specimens = readdirSync(new URL('./specimens/', import.meta.url))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !ELSEWHERE.includes(name));

for (const name of specimens)
  test(`specimen/${name} comes out as its truth says`, async ({}, info) => {
    const { specimen } = (await import(`./specimens/${name}.ts`)) as { specimen: Specimen };
    const folder = info.outputPath(`${name}.kw`);
    const { code, result } = await run(`specimen/${name}`, folder);
    const truth = Object.entries(specimen.truth);
    expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual(
      Object.fromEntries(truth.map(([claim, one]) => [claim, one === 'lie' ? 'refuted' : 'upheld'])),
    );
    const lies = truth.filter(([, one]) => one === 'lie').map(([claim]) => claim);
    expect(code).toBe(lies.length > 0 ? 1 : 0);
    for (const claim of lies) {
      const proof = join(folder, 'proofs', claim);
      const again = reproduce(proof);
      expect(again.status, `${claim}: ${again.stderr}`).toBe(0);
      expect(cardIn(join(proof, 'picture.png'))?.sender, claim).toBeDefined();
      if (claim === 'media-confidential')
        for (const words of WAYS[name] ?? [/./]) expect(again.stdout.replaceAll(/[0-9a-f]{16,}/g, '…')).toMatch(words);
    }
    // A provider that could act is named, whether or not it did; people who compare codes would notice.
    const findings = result.verdicts.flatMap((verdict) => (verdict.verdict === 'upheld' ? verdict.findings : []));
    expect(findings.some(({ title }) => title.includes('by swapping keys'))).toBe(name === 'trusting');
  });
