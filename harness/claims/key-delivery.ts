import { z } from 'zod';
import type { Claim, Finding } from './claim.ts';
import {
  allExamined,
  allRelayed,
  earned,
  isDelivered,
  keysAccounted,
  keysKnown,
  keysMadeOnDevices,
  keysOutOfReach,
  mediaFlowed,
  signallingRead,
  told,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, isProven } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;

export const claim: Claim<Record<string, never>> = {
  id: 'key-delivery',
  says: 'Keys cross the provider only sealed, so that it cannot open them.',
  refutedBy: 'a key of the media, or a value that yields it, crosses the provider in the clear',
  blindTo: 'keys hidden in a message by an encoding that keywitness does not know',
  params: z.strictObject({}),
  needs,
  refutedWith: ['proxy', 'rtp'],
  check(evidence) {
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      allRelayed(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      keysMadeOnDevices(evidence),
      keysAccounted(evidence),
      keysOutOfReach(evidence, isDelivered),
      signallingRead(evidence),
    ];
    const findings = inTheClear(evidence);
    if (findings.length > 0)
      return {
        verdict: 'refuted',
        reason: 'A key of the media crossed the provider in the clear.',
        findings,
        controls,
      };
    return earned(
      controls,
      'No key of the media, and nothing that yields one, was found in the clear in what crossed the provider.',
    );
  },
};

function inTheClear({ keys }: Evidence): Finding[] {
  return keys.flatMap((key) => {
    const stream = carried(key);
    if (!isProven(key) || !stream || !isDelivered(key)) return [];
    return {
      title: `${key.name}: ${told(key.path!)}`,
      evidence: key.path!.flatMap((step) => step.evidence),
      proof: { stream, key },
    };
  });
}
