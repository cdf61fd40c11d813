/** Whole calls through Janus, each with a proof that ends in the picture or the sound. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { RecordingReader } from '../../../harness/recording/reader.ts';
import { find } from '../../../tools/services/janus.mjs';
import { cardIn, reproduce, run, verdictsOf } from '../../testing/calls.ts';

const { ok, problem } = find();
test.skip(!ok, `Janus: ${problem}`);

/** By service: what a stranger reads in the proof's script. */
const CALLS = {
  'janus/e2etest': /give it away by themselves.*XOR with a repeating key/s,
  'janus/require-e2ee': /decodes without any key/,
};

for (const [service, words] of Object.entries(CALLS))
  test(`${service}: the provider can see the call`, async ({}, info) => {
    const folder = info.outputPath('call.kw');
    const { code, result } = await run(service, folder);
    expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual({ 'media-confidential': 'refuted' });
    expect(code).toBe(1);
    const proof = join(folder, 'proofs', 'media-confidential');
    const again = reproduce(proof);
    expect(again.status, again.stderr).toBe(0);
    expect(again.stdout).toMatch(words);
    // Where the sound alone gives a key away, the proof is of the sound.
    const picture = join(proof, 'picture.png');
    if (existsSync(picture)) expect(cardIn(picture)?.sender).toBeDefined();
    else expect(again.stdout).toMatch(/could hear: .*sound\.wav/);

    if (service !== 'janus/e2etest') return;
    expect(result.scenario).toBe('echo');
    await test.step('the key that the frames gave away is the one that was typed', () => {
      using reader = new RecordingReader(folder);
      const [typed] = [...reader.events()].flatMap((event) =>
        event.type === 'call.shared' ? [reader.body(event.value)] : [],
      );
      expect(again.stdout).toContain(Buffer.from(typed!).toString('hex'));
    });
  });
