import { z } from 'zod';
import type { Claim, Finding } from './claim.ts';
import {
  allExamined,
  decoderWorks,
  earned,
  keysAccounted,
  keysKnown,
  keysMadeOnDevices,
  keysOutOfReach,
  mediaFlowed,
  named,
  signallingRead,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, shows } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;

export const claim: Claim<Record<string, never>> = {
  id: 'media-confidential',
  says: 'The provider cannot see or hear the call.',
  refutedBy:
    'what the provider carried decodes to the test card or the test tone, as it is or with keys that the provider has',
  blindTo:
    'what client code or a server does on another day; a provider that actively swaps keys; keys that leave by ways that were not recorded',
  params: z.strictObject({}),
  needs,
  check(evidence) {
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      vantagesAgree(evidence),
      decoderWorks(evidence),
      keysKnown(evidence),
      keysMadeOnDevices(evidence),
      keysAccounted(evidence),
      keysOutOfReach(evidence),
      signallingRead(evidence),
    ];
    const asItIs = inTheClear(evidence);
    if (asItIs.length > 0)
      return {
        verdict: 'refuted',
        reason:
          'The provider could see and hear the call as it passed: what its server carried decodes without any key.',
        findings: asItIs,
        controls,
      };
    const opened = withProvidersKeys(evidence);
    if (opened.length > 0)
      return {
        verdict: 'refuted',
        reason: 'The provider has the key: what its server carried decodes with a key that the provider carried, too.',
        findings: opened,
        controls,
      };
    return earned(
      controls,
      'The media was sealed on the sender’s device under keys that the provider could not compute from anything that crossed it.',
    );
  },
};

function inTheClear({ streams }: Evidence): Finding[] {
  return streams
    .filter(({ route, asIs }) => route === 'provider' && shows(asIs))
    .map((stream) => ({
      title: `${named(stream)} decodes as the provider carried it: ${stream.asIs.cards} test cards and ${stream.asIs.words} words of the test tone were read`,
      evidence: stream.asIs.evidence,
      proof: { stream },
    }));
}

function withProvidersKeys({ keys }: Evidence): Finding[] {
  return keys.flatMap((key) => {
    const stream = carried(key);
    if (!key.reach || !key.taken || !shows(key.sight) || !stream) return [];
    const way = key.reach.map(({ text }) => text).join('; ');
    return {
      title: `With ${key.name} the provider sees ${key.sight!.cards} test cards and hears ${key.sight!.words} words of the test tone; ${way}`,
      evidence: [...key.reach.flatMap((step) => step.evidence), ...key.sight!.evidence],
      proof: { stream, key },
    };
  });
}
