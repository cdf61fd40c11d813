import { z } from 'zod';
import type { Claim, Control, Finding } from './claim.ts';
import {
  allExamined,
  cipherHolds,
  decoderWorks,
  directSecured,
  earned,
  keysAccounted,
  keysKnown,
  keysMadeOnDevices,
  keysOutOfReach,
  mediaFlowed,
  named,
  signallingRead,
  told,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, isProven, shows } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;

export const claim: Claim<Record<string, never>> = {
  id: 'media-confidential',
  says: 'The provider cannot see or hear the call.',
  refutedBy:
    'what the provider carried decodes to the test card or the test tone, as it is or with keys that the provider has',
  blindTo:
    'what client code or a server does on another day; keys that leave by ways that were not recorded, or in a disguise of the application’s own, e.g. in pieces beside sealed frames',
  params: z.strictObject({}),
  needs,
  refutedWith: ['rtp'],
  check(evidence) {
    const isDirect = evidence.streams.length > 0 && evidence.streams.every(({ route }) => route === 'direct');
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      decoderWorks(evidence),
      directSecured(evidence),
      ...(isDirect ? [] : sealing(evidence)),
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
        reason:
          'The provider has the key: what its server carried decodes with a key that it can compute from what crossed it.',
        findings: opened,
        controls,
      };
    return earned(
      controls,
      isDirect
        ? 'The media went straight from device to device, sealed by DTLS-SRTP for the certificate of the participant at the far end.'
        : 'The media was sealed on the sender’s device under keys that the provider could not compute from anything that crossed it.',
      [...swapping(evidence), ...swappingCertificates(evidence)],
    );
  },
};

/** What protects media that the provider carries: keys that it does not have. */
function sealing(evidence: Evidence): Control[] {
  return [
    vantagesAgree(evidence),
    keysKnown(evidence),
    cipherHolds(evidence),
    keysMadeOnDevices(evidence),
    keysAccounted(evidence),
    keysOutOfReach(evidence),
    signallingRead(evidence),
  ];
}

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
    if (!isProven(key) || !stream) return [];
    return {
      title: `With ${key.name} the provider sees ${key.sight!.cards} test cards and hears ${key.sight!.words} words of the test tone; ${told(key.path!)}`,
      evidence: [...key.path!.flatMap((step) => step.evidence), ...key.sight!.evidence],
      proof: { stream, key },
    };
  });
}

/** The same of certificates: their fingerprints came by the provider's signalling (RFC 8827, 6.5: it has to be trusted for them). */
function swappingCertificates({ streams }: Evidence): Finding[] {
  const direct = streams.filter(({ route }) => route === 'direct');
  if (direct.length === 0) return [];
  return [
    {
      title:
        'The provider could not read along, but it could by swapping certificates: what went straight to a participant was sealed for a certificate whose fingerprint only the provider delivered, and it delivered the right one in this call',
      evidence: direct.flatMap(({ beforeTransform, asIs }) => (beforeTransform ?? asIs).evidence.slice(0, 4)),
    },
  ];
}

/** What a provider that acts could do, though this one did not: no refutation, but worth knowing. */
function swapping({ keys }: Evidence): Finding[] {
  const all = keys.flatMap((key) => key.swappable.map((one) => ({ ...one, key: key.name })));
  if (all.length === 0) return [];
  const names = [...new Set(all.map(({ key }) => key))];
  return [
    {
      title: `The provider could not read along, but it could by swapping keys: ${names.length} keys hang on public keys that only the provider delivered, and nothing that was recorded lets people tell whose they are`,
      evidence: all.flatMap(({ evidence }) => evidence.slice(0, 4)),
    },
  ];
}
