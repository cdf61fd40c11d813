/** Whole calls through open-easyrtc: straight from browser to browser, and with its provider in the middle. */
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { find } from '../../../tools/services/easyrtc.mjs';
import { cardIn, reproduce, run, verdictsOf } from '../../testing/calls.ts';

const { ok, problem } = find();
test.skip(!ok, `open-easyrtc: ${problem}`);

const CALLS = { 'easyrtc/mesh': 'upheld', 'easyrtc/swapped': 'refuted' };

for (const [service, verdict] of Object.entries(CALLS))
  test(`${service}: that the provider cannot see the call is ${verdict}`, async ({}, info) => {
    const folder = info.outputPath('call.kw');
    const { code, result } = await run(service, folder);
    expect(verdictsOf(result), JSON.stringify(result, null, 1)).toEqual({ 'media-confidential': verdict });
    expect(code).toBe(verdict === 'refuted' ? 1 : 0);
    if (verdict !== 'refuted') return;
    const proof = join(folder, 'proofs', 'media-confidential');
    const again = reproduce(proof);
    expect(again.status, again.stderr).toBe(0);
    expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();
  });
