import { z } from 'zod';
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
import { carried, type Evidence, shows } from './evidence.ts';

const needs = ['call', 'proxy', 'page', 'rtp'] as const;
const params = z.strictObject({
  /** Codec bytes at the start of a frame that the vendor says stay in clear. VP8's key frame header is the longest: 10. */
  clearBytes: z.number().int().nonnegative().default(10),
});
type Params = z.infer<typeof params>;

/**
 * Repeated 16-byte blocks that prove a pattern. Among n random blocks n²/2¹²⁹ pairs are equal by chance: 10⁻²⁵ for the
 * 5 MB of a long call. More than one is asked for so that a block of padding sent twice by a retransmission can't accuse.
 */
const REPEATS = 3;
/** Blocks below which nothing can be said. */
const FEWEST_BLOCKS = 1000;

export const claim: Claim<Params> = {
  id: 'ciphertext-sound',
  says: 'The sealed media shows no patterns.',
  refutedBy:
    'blocks of ciphertext that repeat, a key and nonce used twice, or media in clear beyond the codec header that stays readable',
  blindTo: 'sizes and times of packets, which every encrypted call shows; weaknesses of a cipher that leave no pattern',
  params,
  needs,
  refutedWith: ['rtp'],
  check(evidence, { clearBytes }) {
    const controls = [
      mediaFlowed(evidence),
      vantagesAlive(evidence, needs),
      allExamined(evidence),
      allRelayed(evidence),
      vantagesAgree(evidence),
      keysKnown(evidence),
      enoughBlocks(evidence),
      noncesSeen(evidence),
    ];
    const findings = [...repeats(evidence), ...nonces(evidence), ...clear(evidence, clearBytes)];
    if (findings.length > 0)
      return { verdict: 'refuted', reason: 'The media that the provider carried shows patterns.', findings, controls };
    return earned(
      controls,
      'No block of ciphertext repeats, no nonce was used twice, and nothing beyond the codec header is in clear.',
    );
  },
};

function repeats({ streams, keys }: Evidence): Finding[] {
  return streams
    .filter(
      (stream) =>
        stream.route === 'provider' &&
        !shows(stream.asIs) &&
        // What no key is known to seal may be no media at all, where the application made its own messages.
        (stream.carrier === 'rtp' || stream.sealed > 0) &&
        stream.blocks.repeated >= REPEATS,
    )
    .map((stream) => {
      const key = keys.find((one) => one.streams.includes(stream));
      return {
        title: `${stream.blocks.repeated} of ${stream.blocks.total} 16-byte blocks of ${named(stream)} repeat an earlier one; in sound ciphertext none does`,
        evidence: stream.blocks.evidence,
        proof: { stream, key, repeats: true },
      };
    });
}

function nonces({ keys }: Evidence): Finding[] {
  return keys.flatMap((key) => {
    const stream = carried(key);
    if (key.noncesReused === 0 || !stream) return [];
    return {
      title: `${key.name} was used with ${key.cipher.mode === 'CTR' ? 'counter blocks' : 'a nonce'} that it had been used with before, ${key.noncesReused} times`,
      evidence: key.nonceReuse.flat(),
      proof: { stream, key, reuse: true },
    };
  });
}

function clear({ streams, keys }: Evidence, clearBytes: number): Finding[] {
  return streams.flatMap((stream) => {
    if (stream.route === 'provider' && shows(stream.asIs))
      return {
        title: `${named(stream)} is in clear as a whole`,
        evidence: stream.asIs.evidence,
        proof: { stream },
      };
    if (stream.route !== 'provider' || stream.clearPrefix === undefined || stream.clearPrefix <= clearBytes) return [];
    return {
      title: `${named(stream)} leaves ${stream.clearPrefix} bytes of a frame in clear`,
      evidence: stream.asIs.evidence,
      proof: { stream, key: keys.find((key) => key.streams.includes(stream)), clear: stream.clearPrefix },
    };
  });
}

function enoughBlocks({ streams }: Evidence): Control {
  const total = streams.reduce((sum, { blocks }) => sum + blocks.total, 0);
  return {
    title: 'There was enough ciphertext to judge',
    held: total >= FEWEST_BLOCKS,
    detail: `${total} blocks of 16 bytes`,
  };
}

function noncesSeen({ keys }: Evidence): Control {
  const blind = keys.filter(({ nonces, frames }) => nonces < frames);
  return {
    title: 'Every nonce was seen',
    held: keys.length > 0 && blind.length === 0,
    detail:
      blind.map(({ name }) => `${name}: not all`).join('; ') ||
      `${keys.reduce((sum, key) => sum + key.nonces, 0)} nonces`,
  };
}
