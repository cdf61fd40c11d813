/** Whole calls through Element Call, Synapse and LiveKit: each adapter comes out as it is known to be; the liar with a proof that runs. */
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { find as findElementCall } from '../../../tools/services/element-call.mjs';
import { find as findLiveKit } from '../../../tools/services/livekit.mjs';
import { find as findSynapse } from '../../../tools/services/synapse.mjs';
import { cardIn, reproduce, run, verdictsOf } from '../../testing/calls.ts';

const missing = [findElementCall(), findSynapse(), findLiveKit()].find(({ ok }) => !ok);
test.skip(missing !== undefined, `${missing?.name}: ${missing?.problem}`);

test('element-call/e2ee: keys that Olm carries are not seen to arrive, and nothing is upheld or refuted', async ({}, info) => {
  const { code, result } = await run('element-call/e2ee', info.outputPath('e2ee.kw'));
  expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual({
    'ciphertext-sound': 'inconclusive',
    'key-delivery': 'inconclusive',
    'key-origin': 'inconclusive',
    'media-confidential': 'inconclusive',
  });
  expect(code).toBe(3);
  const { controls } = result.verdicts.find(({ claim }) => claim === 'media-confidential')!;
  const failed = controls.filter(({ held }) => !held).map(({ title }) => title);
  expect(failed).toContain('It was seen how each participant came to the keys');
  // For so short a call Matrix sends much, keys of devices by the fifty: it could hide media, as far as its length tells.
  expect(failed).toContain('No media went by another way');
});

test('element-call/plain: the server could see a call in a room that is not encrypted', async ({}, info) => {
  const folder = info.outputPath('plain.kw');
  const { code, result } = await run('element-call/plain', folder);
  expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual({ 'media-confidential': 'refuted' });
  expect(code).toBe(1);
  const proof = join(folder, 'proofs', 'media-confidential');
  const again = reproduce(proof);
  expect(again.status, again.stderr).toBe(0);
  expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();
});
