/** Controls that several checks rest on: each says whether the recording could have refuted the claim. */
import type { Path } from '../knowledge/reach.ts';
import type { Vantage } from '../recording/format.ts';
import type { Control, Finding, Judgement } from './claim.ts';
import { type Evidence, type KeyEvidence, type StreamEvidence, shows } from './evidence.ts';

/** Frames at the edges of a call that one vantage point may see and the other not. */
const EDGE = 3;
/** Video frames (about 2 s) below which a stream is too short to be judged. */
const FEWEST_FRAMES = 30;
/**
 * Bytes that signalling comes to, for each participant, and for each second of a call besides; more could carry media by another
 * way. Speech at 16 kbit/s comes to 2 kB a second.
 */
const SIGNALLING_BYTES = 32 * 1024;
const SIGNALLING_RATE = 512;
/** Bytes beside each frame's sealed part that need no explanation, on average: speech takes four times as many. */
const BESIDE_FRAME = 4;
/** Randomness (bytes) below which a key can be guessed: 128 bits. */
const LEAST_RANDOMNESS = 16;

/** Every participant's picture and sound arrived at somebody else's page. */
export function mediaFlowed({ recording, flow }: Evidence): Control {
  const title = 'Pictures and sound arrived';
  if (recording.participants.length < 2) return { title, held: false, detail: 'nobody else was in the call' };
  const missing = recording.participants.flatMap(({ name }) => {
    const seen = flow.filter((one) => one.sender === name);
    const lacks = [];
    if (!seen.some((one) => one.cards >= 3)) lacks.push(`${name}'s test card was not read at the far end`);
    if (!seen.some((one) => one.words >= 2)) lacks.push(`${name}'s test tone was not heard at the far end`);
    return lacks;
  });
  const reads = flow.reduce((sum, one) => sum + one.cards, 0);
  const words = flow.reduce((sum, one) => sum + one.words, 0);
  return {
    title,
    held: missing.length === 0,
    detail:
      missing.join('; ') || `${reads} test cards were read and ${words} words of the test tone heard at the far ends`,
  };
}

/** The named vantage points recorded to the end, for every participant. */
export function vantagesAlive({ recording, health }: Evidence, needs: readonly Vantage[]): Control {
  const relevant = health.filter(({ vantage }) => needs.includes(vantage));
  const lost = relevant.filter(({ alive }) => !alive);
  const absent = recording.participants.flatMap(({ name }) =>
    needs
      .filter((vantage) => !relevant.some((one) => one.vantage === vantage && one.participant === name))
      .map((vantage) => `${vantage} of ${name}`),
  );
  const problems = [
    ...lost.map(({ vantage, participant, detail }) => `${vantage} of ${participant ?? 'the call'}: ${detail}`),
    ...absent.map((what) => `${what}: not recorded`),
    ...(recording.complete ? [] : ['the recording was broken off']),
  ];
  return {
    title: 'The vantage points recorded to the end',
    held: problems.length === 0,
    detail:
      problems.join('; ') ||
      `${needs.join(', ')} for ${new Set(relevant.map((one) => one.participant)).size} participants`,
  };
}

/** Streams that the provider's server carried, or may have: what goes straight to another participant is none of them. */
function relayed({ streams }: Evidence): StreamEvidence[] {
  return streams.filter(({ route }) => route !== 'direct');
}

/** What the page said it sent is what the provider's server got. */
export function vantagesAgree(evidence: Evidence): Control {
  const streams = relayed(evidence);
  const apart = streams.filter(
    ({ frames, left, compared, agreed, lost, medium }) =>
      compared < (medium === 'video' ? FEWEST_FRAMES : 2 * FEWEST_FRAMES) ||
      agreed < compared ||
      Math.max(frames, left) - compared > EDGE ||
      lost > EDGE,
  );
  const compared = streams.reduce((sum, stream) => sum + stream.compared, 0);
  const agreed = streams.reduce((sum, stream) => sum + stream.agreed, 0);
  return {
    title: 'Page and packets agree byte for byte',
    held: streams.length > 0 && apart.length === 0,
    detail:
      apart
        .map(
          (one) =>
            `${named(one)}: ${one.agreed} of ${one.compared} agree, of ${one.frames} that came and ${one.left} that left; ${one.lost} pieces lost`,
        )
        .join('; ') || `${agreed} of ${compared} frames`,
  };
}

/**
 * The decoder that shows nothing of what the provider carried does show the same frames as they were before sealing; what went
 * straight to another participant, as it was before DTLS-SRTP.
 */
export function decoderWorks({ recording, streams }: Evidence): Control {
  const blind = recording.participants.flatMap(({ name }) =>
    (['video', 'audio'] as const)
      .filter(
        (medium) => !streams.some((one) => one.participant === name && one.medium === medium && shows(plain(one))),
      )
      .map((medium) => `${name}'s ${medium}`),
  );
  return {
    title: 'The same decoder shows the frames from before they were sealed',
    held: streams.length > 0 && blind.length === 0,
    detail: blind.map((one) => `${one}: nothing read`).join('; ') || `of ${recording.participants.length} participants`,
  };
}

function plain({ route, asIs, beforeTransform }: StreamEvidence) {
  return route === 'direct' ? (beforeTransform ?? asIs) : beforeTransform;
}

/** What went straight to another participant was sealed for that one: DTLS ended there, told by its certificate. */
export function directSecured({ streams }: Evidence): Control {
  const direct = streams.filter(({ route }) => route === 'direct');
  const open = direct.filter(({ secured }) => !secured);
  return {
    title: 'Media that went straight to a participant was sealed for it by DTLS-SRTP',
    held: open.length === 0,
    detail:
      open.map((one) => `${named(one)}: the certificate at the far end was not seen`).join('; ') ||
      `${direct.length} streams`,
  };
}

/**
 * Each frame that reached the provider is sealed under a key whose bytes are known, so that its way can be followed: without
 * exception, of those that the page was seen sending.
 */
export function keysKnown(evidence: Evidence): Control {
  const streams = relayed(evidence);
  const open = streams.filter(
    ({ sealed, frames, open, unchanged }) => sealed < frames - EDGE || open > 0 || unchanged > 0,
  );
  return {
    title: 'Every frame is sealed under a key that was followed',
    held: streams.length > 0 && open.length === 0,
    detail:
      open.map((one) => `${named(one)}: ${one.sealed} of ${one.frames} frames, ${one.unchanged} in clear`).join('; ') ||
      `${streams.reduce((sum, { sealed }) => sum + sealed, 0)} frames`,
  };
}

/** Each key was followed back to enough randomness, drawn on a participant's device. */
export function keysMadeOnDevices(evidence: Evidence): Control {
  const { keys } = evidence;
  const problems = keys.flatMap(({ name, roots: { made, unknown }, waist }) => {
    if (unknown.length > 0 || made.length === 0) return [`${name}: where it was made was not seen`];
    const bytes = made.reduce((sum, root) => sum + root.bytes.length, 0);
    if (bytes < LEAST_RANDOMNESS) return [`${name}: made of ${bytes * 8} random bits, which can be guessed`];
    return waist !== undefined && waist < LEAST_RANDOMNESS
      ? [`${name}: made of a value of ${waist * 8} bits, which can be guessed, whatever that was made of`]
      : [];
  });
  return {
    title: 'Every key was traced back to randomness drawn on a participant’s device',
    held: evidence.keys.length > 0 && problems.length === 0,
    detail: problems.join('; ') || `${keys.length} keys`,
  };
}

/** Everyone who holds a key was seen making it, opening it, or computing it; and it was agreed with participants only. */
export function keysAccounted(evidence: Evidence): Control {
  const { keys, flow, strangers, streams } = evidence;
  const problems = keys.flatMap(({ name, unaccounted, guards, streams, holders, frames }) => [
    ...(frames > EDGE && !holders.some((who) => streams.some(({ participant }) => participant !== who))
      ? [`${name}: nobody but its sender was seen having it`]
      : []),
    ...unaccounted.map((who) => `${name}: how ${who} came to it was not seen`),
    ...(guards.unknown.length > 0 ? [`${name}: where a key that it was sealed under was made was not seen`] : []),
  ]);
  for (const { sender, receiver, cards } of flow)
    if (
      cards > 0 &&
      !streams.some(({ participant, route }) => participant === sender && route === 'direct') &&
      !keys.some(
        ({ streams, holders }) =>
          holders.includes(receiver) && streams.some(({ participant }) => participant === sender),
      )
    )
      problems.push(`${receiver} shows ${sender}'s picture and was not seen holding a key of it`);
  if (strangers > 0)
    problems.push(`something was sealed to or agreed with ${strangers} keys that no participant was seen making`);
  return {
    title: 'It was seen how each participant came to the keys',
    held: evidence.keys.length > 0 && problems.length === 0,
    detail: problems.join('; ') || `${keys.length} keys`,
  };
}

/** A path begins with what crossed, and needs no guessing nor cryptanalysis. */
export function isDelivered({ path }: KeyEvidence): boolean {
  return path?.every(({ source }) => source.from !== 'guess' && source.from !== 'ciphertext') ?? false;
}

/**
 * No key that seals the media can be computed from what crossed the provider.
 *
 * @param counts which keys with a path count.
 */
export function keysOutOfReach({ keys }: Evidence, counts: (key: KeyEvidence) => boolean = () => true): Control {
  const within = keys.filter((key) => key.path && counts(key));
  const suspects = keys.filter((key) => !key.path && key.suspect);
  return {
    title: 'No key is within the provider’s reach',
    held: keys.length > 0 && within.length === 0 && suspects.length === 0,
    detail:
      [
        ...within.map(({ name, path }) => `${name}: ${told(path!)}`),
        ...suspects.map(({ name, weak }) =>
          weak
            ? `${name}: a weak passphrase was used in this test, and it can't be told who chose it`
            : `${name}: it may be, though no way to it can be shown`,
        ),
      ].join('. ') || `${keys.length} keys`,
  };
}

/** The ciphers are none that give away what they seal, even to somebody who hasn't the key. */
export function cipherHolds({ keys }: Evidence): Control {
  const problems = keys.flatMap(({ name, cipher, noncesReused }) => [
    ...(cipher.algorithm === 'XOR' ? [`${name}: XOR with a key that repeats`] : []),
    ...(cipher.mode === 'ECB' ? [`${name}: ECB mode`] : []),
    ...(noncesReused > 0 ? [`${name}: ${noncesReused} nonces were used again`] : []),
  ]);
  return {
    title: 'The cipher gives nothing away by itself',
    held: keys.length > 0 && problems.length === 0,
    detail: problems.join('; ') || `${keys.length} keys`,
  };
}

/** All media went through the provider's server: what went straight to a participant is sealed by DTLS-SRTP, out of sight. */
export function allRelayed({ streams }: Evidence): Control {
  const direct = streams.filter(({ route }) => route === 'direct');
  return {
    title: 'All media went through the provider',
    held: direct.length === 0,
    detail:
      direct.map((one) => `${named(one)} went straight to a participant`).join('; ') || `${streams.length} streams`,
  };
}

/** All media went a way that was examined: through the provider or straight to a participant, as RTP, in a known codec. */
export function allExamined({ recording, streams, sentOtherwise }: Evidence): Control {
  const problems = streams.flatMap((stream) => [
    ...(stream.route === 'unknown' ? [`${named(stream)}: it is not known where the media went`] : []),
    ...(stream.beside > BESIDE_FRAME * stream.sealed
      ? [`${named(stream)}: ${stream.beside} bytes that nothing explains stand beside what is sealed`]
      : []),
    ...(stream.codec ? [] : [`${named(stream)}: unknown codec`]),
  ]);
  if (streams.length === 0) problems.push('no media stream was seen');
  const most = SIGNALLING_BYTES + SIGNALLING_RATE * recording.scenario.seconds;
  if (sentOtherwise > most)
    problems.push(`${sentOtherwise} bytes went from a participant to the provider beside the media streams`);
  return {
    title: 'No media went by another way',
    held: problems.length === 0,
    detail: problems.join('; ') || `${streams.length} streams, ${sentOtherwise} bytes of signalling`,
  };
}

/** What crossed the provider could be read by keywitness, so that a key in it would have been found. */
export function signallingRead({ undecoded, tried, crowded }: Evidence): Control {
  const problems = [
    ...(undecoded > 0 ? [`${undecoded} messages could not be decoded to the end`] : []),
    ...(crowded ? [`more than ${tried} secret-sized values crossed, and not all of them were tried`] : []),
  ];
  return {
    title: "The provider's view was searched",
    held: problems.length === 0,
    detail: problems.join('; ') || `${tried} secret-sized values were found in it`,
  };
}

/** Upheld if all controls held, inconclusive otherwise: absence of evidence upholds nothing. */
export function earned(controls: Control[], reason: string, findings: Finding[] = []): Judgement {
  const failed = controls.filter(({ held }) => !held);
  if (failed.length === 0) return { verdict: 'upheld', reason, findings, controls };
  const why = failed.map(({ title, detail }) => `${title}: no (${detail})`).join('. ');
  return {
    verdict: 'inconclusive',
    reason: `Nothing refutes it, but this recording cannot uphold it. ${why}.`,
    findings,
    controls,
  };
}

/** For people: whose stream of what. */
export function named({ participant, medium }: StreamEvidence): string {
  return `${participant}'s ${medium}`;
}

/** For people: a path in one sentence. */
export function told(path: Path): string {
  return path.map(({ text }) => text).join('; ');
}
