import { z } from 'zod';
import type { Claim, Finding } from './claim.ts';
import {
  allExamined,
  earned,
  keysKnown,
  keysMadeOnDevices,
  mediaFlowed,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, shows } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;

export const claim: Claim<Record<string, never>> = {
  id: 'key-origin',
  says: 'The keys of the media are made on participants’ devices.',
  refutedBy:
    'a key that seals the media, or all that it is computed from, first appears as something the provider sent',
  blindTo: 'randomness that a device draws but the provider predicts; keys made by hidden code',
  params: z.strictObject({}),
  needs,
  check(evidence) {
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      keysMadeOnDevices(evidence),
    ];
    const findings = fromProvider(evidence);
    if (findings.length > 0)
      return {
        verdict: 'refuted',
        reason: 'A key of the media was made by the provider: it appears first in what the provider sent.',
        findings,
        controls,
      };
    return earned(controls, 'Every key of the media was traced back to randomness drawn on a participant’s device.');
  },
};

function fromProvider({ keys, undecoded, unsearched }: Evidence): Finding[] {
  // What could not be read may have carried the key before.
  if (undecoded > 0 || unsearched > 0) return [];
  return keys.flatMap((key) => {
    const { taken, roots } = key;
    const stream = carried(key);
    if (!taken || !shows(key.sight) || !stream || roots.made.length > 0) return [];
    // Whoever sent it first had it first. What a participant sent before may have been made there by hidden code.
    if (taken.crossing.direction !== 'receive' || key.earlier) return [];
    const { crossing } = taken;
    return {
      title: `${key.name} appears first in ${crossing.what}, sent by ${crossing.host} to ${crossing.participant}; no participant had made or sent it before`,
      evidence: [...crossing.evidence, ...key.evidence],
      proof: { stream, key },
    };
  });
}
