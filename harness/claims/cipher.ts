import { z } from 'zod';
import { describeCipher } from '../ciphers/scheme.ts';
import type { Claim, Control, Finding } from './claim.ts';
import {
  allExamined,
  allRelayed,
  earned,
  keysKnown,
  mediaFlowed,
  named,
  vantagesAgree,
  vantagesAlive,
} from './controls.ts';
import { carried, type Evidence, type KeyEvidence, shows } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;
const params = z.strictObject({
  /** `AES`, or with its mode `AES-GCM`. */
  algorithm: z.string().optional(),
  keyBits: z.number().int().positive().optional(),
  tagBits: z.number().int().nonnegative().optional(),
});
type Params = z.infer<typeof params>;

export const claim: Claim<Params> = {
  id: 'cipher',
  says: 'The media is sealed with the cipher, mode, key length and tag length as stated.',
  refutedBy: 'the media is sealed with others, or with none',
  blindTo: 'the quality of an implementation, e.g. side channels; what protects each hop beside it',
  params,
  needs,
  refutedWith: ['rtp'],
  check(evidence, stated) {
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      allRelayed(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      cipherSeen(evidence),
      tagsSeen(evidence, stated),
    ];
    const findings = [...otherCiphers(evidence, stated), ...noCipher(evidence)];
    if (findings.length > 0)
      return {
        verdict: 'refuted',
        reason: `Stated: ${statedCipher(stated)}. Observed: ${observed(evidence)}.`,
        findings,
        controls,
      };
    return earned(controls, `Every frame was sealed with ${observed(evidence)}, as stated.`);
  },
};

function otherCiphers({ keys }: Evidence, stated: Params): Finding[] {
  return keys.flatMap((key) => {
    const stream = carried(key);
    // A key found by trial counts once it has shown the picture; one seen in the browser did the sealing.
    if (agrees(key, stated) || !stream || (key.found === 'provider' && !shows(key.sight))) return [];
    return {
      title: `${key.frames} frames of ${key.streams.map(named).join(' and ')} are sealed with ${describeCipher(key.cipher)}`,
      evidence: key.evidence,
      proof: { stream, key },
    };
  });
}

function noCipher({ streams }: Evidence): Finding[] {
  return streams
    .filter(({ route, asIs }) => route === 'provider' && shows(asIs))
    .map((stream) => ({
      title: `${named(stream)} is not sealed at all between the participants`,
      evidence: stream.asIs.evidence,
      proof: { stream },
    }));
}

function agrees({ cipher, found }: KeyEvidence, stated: Params): boolean {
  const name = `${cipher.algorithm}-${cipher.mode}`.toLowerCase();
  const algorithm = stated.algorithm?.toLowerCase();
  if (algorithm && algorithm !== name && algorithm !== cipher.algorithm.toLowerCase()) return false;
  if (stated.keyBits !== undefined && stated.keyBits !== cipher.keyBits) return false;
  return stated.tagBits === undefined || stated.tagBits === cipher.tagBits || tagUnseen({ cipher, found });
}

/** A tag that the application puts beside WebCrypto's CTR or CBC is not followed. */
function tagUnseen({ cipher, found }: Pick<KeyEvidence, 'cipher' | 'found'>): boolean {
  return found === 'page' && (cipher.mode === 'CTR' || cipher.mode === 'CBC');
}

function cipherSeen({ keys }: Evidence): Control {
  return { title: 'A cipher was seen at work', held: keys.length > 0, detail: `with ${keys.length} keys` };
}

function tagsSeen({ keys }: Evidence, { tagBits }: Params): Control {
  const unseen = keys.filter((key) => tagBits !== undefined && tagUnseen(key));
  return {
    title: 'The length of the tag was seen, if one is stated',
    held: unseen.length === 0,
    detail: unseen.map(({ name }) => `${name}: not seen`).join('; ') || 'nothing is in doubt',
  };
}

function observed({ keys, streams }: Evidence): string {
  const ciphers = new Set(keys.map(({ cipher }) => describeCipher(cipher)));
  if (streams.some(({ asIs }) => shows(asIs))) ciphers.add('no encryption between the participants');
  return [...ciphers].sort().join(' and ');
}

function statedCipher({ algorithm, keyBits, tagBits }: Params): string {
  const parts = [algorithm, keyBits && `${keyBits}-bit key`, tagBits && `${tagBits}-bit tag`].filter(Boolean);
  return parts.join(', ') || 'encryption';
}
