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
const params = z
  .strictObject({
    /** A cipher's usual name, with or without mode and key length: `AES`, `AES-256`, `AES-GCM`, `AES_256_GCM`, `A256GCM`. */
    algorithm: z.string().optional(),
    keyBits: z.number().int().positive().optional(),
    tagBits: z.number().int().nonnegative().optional(),
  })
  .superRefine((given, context) => {
    for (const [path, message] of flawsOf(given)) context.addIssue({ code: 'custom', path: [path], message });
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
    const meant = meaning(stated);
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      allRelayed(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      cipherSeen(evidence),
      tagsSeen(evidence, meant),
    ];
    const findings = [...otherCiphers(evidence, meant), ...noCipher(evidence)];
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

function otherCiphers({ keys }: Evidence, stated: Stated): Finding[] {
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

function agrees({ cipher, found }: KeyEvidence, { family, mode, hmac, keyBits, tagBits }: Stated): boolean {
  const isUnseen = tagUnseen({ cipher, found });
  if (family && family !== cipher.algorithm) return false;
  if (mode && mode !== cipher.mode && !(isUnseen && builtOn(mode) === cipher.mode)) return false;
  if (hmac && cipher.tagBits === 0 && !isUnseen) return false;
  // The key of SIV is two, one for the cipher (RFC 5297, 2.2).
  const isHalf = mode === 'SIV' && keyBits === 2 * cipher.keyBits;
  if (keyBits !== undefined && keyBits !== cipher.keyBits && !isHalf) return false;
  return tagBits === undefined || tagBits === cipher.tagBits || isUnseen;
}

/** A tag that the application puts beside WebCrypto's CTR or CBC is not followed. */
function tagUnseen({ cipher, found }: Pick<KeyEvidence, 'cipher' | 'found'>): boolean {
  return found === 'page' && (cipher.mode === 'CTR' || cipher.mode === 'CBC');
}

/** The mode that seals where one is CTR with a tag of its own (RFC 3610, RFC 5297, EAX). */
function builtOn(mode: string): string {
  return ['CCM', 'SIV', 'EAX'].includes(mode) ? 'CTR' : mode;
}

function cipherSeen({ keys }: Evidence): Control {
  return { title: 'A cipher was seen at work', held: keys.length > 0, detail: `with ${keys.length} keys` };
}

function tagsSeen({ keys }: Evidence, { mode, hmac, tagBits }: Stated): Control {
  const isStated = tagBits !== undefined || hmac || (mode !== undefined && builtOn(mode) !== mode);
  const unseen = keys.filter((key) => isStated && tagUnseen(key));
  return {
    title: 'The tag was seen, if one is stated',
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

/** What a statement comes to, however it is spelt. */
interface Stated {
  family?: string;
  mode?: string;
  hmac?: boolean;
  keyBits?: number;
  tagBits?: number;
}

const FAMILIES: Record<string, string> = {
  aes: 'AES',
  a: 'AES',
  chacha20: 'ChaCha20',
  xchacha20: 'XChaCha20',
  salsa20: 'Salsa20',
  xsalsa20: 'XSalsa20',
  xor: 'XOR',
};
const MODES: Record<string, string> = {
  gcm: 'GCM',
  cbc: 'CBC',
  ctr: 'CTR',
  cm: 'CTR',
  ecb: 'ECB',
  ccm: 'CCM',
  siv: 'SIV',
  sivcmac: 'SIV',
  eax: 'EAX',
  poly1305: 'Poly1305',
};
/** What names are made of: `A256GCM` (RFC 7518), `AES/GCM/NoPadding`, `AES_128_CTR_HMAC_SHA256_80` (RFC 9605). */
const WORD =
  /aead|aes|a(?=128|192|256)|x?chacha20|x?salsa20|xor|poly1305|gcm|cbc|ctr|ccm|cm|ecb|siv(?:cmac)?|eax|hmac|sha(?:1|256|384|512)|nopadding|pkcs[57]padding|ietf|bits?|128|160|192|256|384|512|32|64|80/y;
const KNOWN =
  'AES, AES-256, AES-256-GCM (CBC, CTR, ECB, CCM, SIV, EAX), AES-CTR-HMAC, ChaCha20-Poly1305, XSalsa20-Poly1305 or XOR';

/** Blanks, `-`, `_`, `/` and case are of no meaning in a cipher's name. Undefined where it is none that is known. */
function parseName(name: string): Stated | undefined {
  const words = wordsOf(name.toLowerCase().replaceAll(/[-_/\s]/g, ''));
  if (!words) return undefined;
  const hash = words.findIndex((word) => word.startsWith('sha'));
  const numbers = (some: string[]) => some.filter((word) => /^\d/.test(word)).map(Number);
  // A number behind the hash is the tag's.
  const keys = numbers(hash < 0 ? words : words.slice(0, hash));
  const tags = hash < 0 ? [] : numbers(words.slice(hash + 1));
  const families = words.flatMap((word) => FAMILIES[word] ?? []);
  const modes = words.flatMap((word) => MODES[word] ?? []);
  if (families.length !== 1 || modes.length > 1 || keys.length > 1 || tags.length > 1) return undefined;
  const [[family], [mode], [keyBits], [tagBits]] = [families, modes, keys, tags];
  const takes =
    family === 'AES' ? mode !== 'Poly1305' : mode === undefined || (mode === 'Poly1305' && family !== 'XOR');
  return takes ? { family, mode, hmac: words.includes('hmac'), keyBits, tagBits } : undefined;
}

/** Undefined where a part of the name is no word. */
function wordsOf(name: string): string[] | undefined {
  const words: string[] = [];
  const word = new RegExp(WORD);
  for (let at = 0; at < name.length; at = word.lastIndex) {
    word.lastIndex = at;
    const found = word.exec(name);
    if (!found) return undefined;
    words.push(found[0]);
  }
  return words;
}

function meaning({ algorithm, keyBits, tagBits }: Params): Stated {
  const named = algorithm === undefined ? {} : parseName(algorithm);
  return { ...named, keyBits: keyBits ?? named?.keyBits, tagBits: tagBits ?? named?.tagBits };
}

/** What is wrong with a statement, with the name of the parameter. */
function flawsOf({ algorithm, keyBits, tagBits }: Params): [keyof Params, string][] {
  const name = JSON.stringify(algorithm)?.slice(0, 60);
  const parsed = algorithm === undefined ? {} : parseName(algorithm);
  if (!parsed) return [['algorithm', `expected ${KNOWN}, found ${name}`]];
  const flaws: [keyof Params, string][] = [];
  for (const [field, given] of [
    ['keyBits', keyBits],
    ['tagBits', tagBits],
  ] as const)
    if (given !== undefined && parsed[field] !== undefined && given !== parsed[field])
      flaws.push([field, `expected ${parsed[field]}, as ${name} says, found ${given}`]);
  const stated = { ...parsed, keyBits: keyBits ?? parsed.keyBits, tagBits: tagBits ?? parsed.tagBits };
  const sizes = keySizes(stated);
  if (stated.keyBits !== undefined && !sizes?.includes(stated.keyBits) && (sizes || stated.keyBits % 8 > 0))
    flaws.push([
      algorithm !== undefined && keyBits === undefined ? 'algorithm' : 'keyBits',
      `expected a key's length in bits, ${sizes ? `one of ${sizes.join(', ')}` : 'whole bytes'}, found ${stated.keyBits}`,
    ]);
  const tags = tagSizes(stated);
  if (stated.tagBits !== undefined && !tags.includes(stated.tagBits))
    flaws.push([
      tagBits === undefined ? 'algorithm' : 'tagBits',
      `expected a tag's length in bits, one of ${tags.join(', ')}, found ${stated.tagBits}`,
    ]);
  return flaws;
}

/** Undefined: any. */
function keySizes({ family, mode }: Stated): number[] | undefined {
  if (family === 'XOR') return undefined;
  if (mode === 'SIV') return [128, 192, 256, 384, 512];
  return family === undefined || family === 'AES' ? [128, 192, 256] : [256];
}

function tagSizes({ mode, hmac }: Stated): number[] {
  if (mode === 'Poly1305' || mode === 'SIV') return [128];
  // Those of WebCrypto, and of NIST SP 800-38C.
  if (mode === 'GCM') return [32, 64, 96, 104, 112, 120, 128];
  if (mode === 'CCM') return [32, 48, 64, 80, 96, 112, 128];
  const beside = [32, 40, 48, 56, 64, 72, 80, 96, 104, 112, 120, 128, 160, 192, 224, 256, 384, 512];
  return hmac || mode === 'EAX' ? beside : [0, ...beside];
}
