import { z } from 'zod';
import { isReadable } from '../knowledge/guess.ts';
import type { Claim, Finding } from './claim.ts';
import {
  allExamined,
  allRelayed,
  earned,
  keysKnown,
  keysMadeOnDevices,
  mediaFlowed,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, isProven } from './evidence.ts';

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
      allRelayed(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      keysMadeOnDevices(evidence),
    ];
    const findings = fromProvider(evidence);
    if (findings.length > 0)
      return {
        verdict: 'refuted',
        reason:
          'A key of the media was not made on a device: all that it is made of came from the provider, or is known to anybody.',
        findings,
        controls,
      };
    return earned(controls, 'Every key of the media was traced back to randomness drawn on a participant’s device.');
  },
};

function fromProvider({ keys, undecoded }: Evidence): Finding[] {
  // What could not be read may have carried the key before.
  if (undecoded > 0) return [];
  return keys.flatMap((key) => {
    const { roots, sources } = key;
    const stream = carried(key);
    if (!isProven(key) || !stream || roots.made.length > 0 || sources.length === 0) return [];
    // A text that can be guessed somebody chose, and it can't be told who.
    if (key.path!.some(({ source, gives }) => source.from === 'guess' && isReadable(gives))) return [];
    // Whoever sent it first had it first. What a participant sent before may have been made there by hidden code.
    const isElsewhere = sources.every(
      ({ crossing, earlier, guessable }) => guessable || (crossing.direction === 'receive' && !earlier),
    );
    if (!isElsewhere) return [];
    const places = sources.map(({ crossing, guessable }) =>
      guessable
        ? `a value that anybody can know, in ${crossing.what}`
        : `${crossing.what}, sent by ${crossing.host} to ${crossing.participant}`,
    );
    return {
      title: `All that ${key.name} is made of appears first in ${[...new Set(places)].join('; and in ')}; no participant had made or sent it before`,
      evidence: [...sources.flatMap(({ crossing }) => crossing.evidence), ...key.evidence],
      proof: { stream, key },
    };
  });
}
