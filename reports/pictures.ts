/** The three pictures of a participant: what the camera sent, what the provider's server could see, what arrived. */

import type { Gathered } from '../harness/audit/evidence.ts';
import { describeCipher } from '../harness/ciphers/scheme.ts';
import type { KeyEvidence, Sight, StreamEvidence } from '../harness/claims/evidence.ts';
import type { Bodies } from '../harness/knowledge/crossings.ts';
import type { Picture } from '../harness/media/decoder.ts';
import { bytesAsPicture } from '../harness/media/noise.ts';
import { i420ToRgb, png } from '../harness/media/png.ts';
import { CARD, readCardFromGray, renderCard } from '../harness/media/test-card.ts';
import type { Recording } from '../harness/recording/format.ts';
import { enumerate, reached } from './keys.ts';

/** A picture and what it is; `image` is undefined where there is none, and the caption says why. */
export interface Shown {
  title: string;
  /** PNG. */
  image: Uint8Array | undefined;
  /** For those who cannot see it. */
  alt: string;
  caption: string;
}

/** Pixels of a picture of bytes. */
const NOISE = { width: 320, height: 180 };
/** A picture from a page that is larger than this (bytes) is none of keywitness's. */
const LARGEST_PICTURE = 4 << 20;
const PNG_SIGNATURE = '89504e470d0a1a0a';

type Participant = Recording['participants'][number];

/** What is to be seen of a participant; `complete` where there is a picture of each kind. */
export function picturesOf(
  { name, card }: Participant,
  gathered: Gathered,
  bodies: Bodies,
): { participant: string; pictures: Shown[]; complete: boolean } {
  const pictures = [sent(name, card, gathered), provider(name, card, gathered), arrived(name, gathered, bodies)];
  return { participant: name, pictures, complete: pictures.every(({ image }) => image) };
}

function sent(name: string, card: number, { arrived }: Gathered): Shown {
  const title = `What ${name}’s camera sent`;
  const counter = arrived.get(name)?.counter;
  if (counter === undefined) {
    const caption = `The test card of ${name}’s camera, picture 0 of its loop. No picture of it was seen to arrive.`;
    return { title, image: cardPng(card, 0), alt: `Test card number ${card}`, caption };
  }
  const caption = `The test card with picture number ${counter}, drawn again by keywitness: the one that was read where it arrived.`;
  return { title, image: cardPng(card, counter), alt: `Test card number ${card} in flat colours`, caption };
}

function cardPng(card: number, counter: number): Uint8Array {
  return picturePng({ ...CARD, i420: renderCard(card, counter) });
}

function picturePng(picture: Picture): Uint8Array {
  return png(i420ToRgb(picture), picture.width, picture.height);
}

function provider(name: string, card: number, gathered: Gathered): Shown {
  const streams = gathered.evidence.streams.filter(
    ({ participant, medium }) => participant === name && medium === 'video',
  );
  const through = streams.filter(({ route }) => route === 'provider');
  const looked = through.length > 0 ? through : streams;
  const passed = through.length > 0;
  const title = passed || streams.length === 0 ? 'What the provider’s server could see' : 'What went out on the line';
  const way = passed
    ? `${name}’s video as the provider’s server got it`
    : looked.some(({ route }) => route === 'direct')
      ? `${name}’s video, which went straight to another participant and not through the provider’s server`
      : `${name}’s video, of which keywitness could not tell whether it went through the provider’s server`;

  const open = looked.find(({ asIs }) => picture(gathered, asIs, card));
  if (open)
    return {
      title,
      image: picturePng(picture(gathered, open.asIs, card)!),
      alt: `${name}’s test card, plain to see`,
      caption: `${way}, decoded as it is. No key was needed.`,
    };
  for (const key of gathered.evidence.keys) {
    const seen = key.streams.some((stream) => looked.includes(stream)) && withKey(gathered, key, card);
    if (!seen) continue;
    return {
      title,
      image: picturePng(seen),
      alt: `${name}’s test card, plain to see`,
      caption: `${way}, opened with ${key.name} (${describeCipher(key.cipher)}). ${holder(key)}`,
    };
  }
  return sealed(title, way, looked, gathered);
}

/** Says whose the key is by which a picture was opened. */
function holder(key: KeyEvidence): string {
  if (key.found === 'ciphertext') return 'The frames themselves give the key away.';
  if (key.found === 'provider') return 'The key was taken from what crossed the provider.';
  if (reached(key) === 'yes') return 'The key can be computed from what crossed the provider.';
  return key.found === 'page'
    ? 'The key was taken from the browser.'
    : 'The key was taken from a participant’s device.';
}

/** The frames' own bytes. */
function sealed(title: string, way: string, streams: StreamEvidence[], { streams: sent, evidence }: Gathered): Shown {
  for (const stream of streams) {
    const bytes = new Uint8Array(NOISE.width * NOISE.height);
    let length = 0;
    for (const { data } of sent.get(stream)?.frames() ?? []) {
      bytes.set(data.subarray(0, bytes.length - length), length);
      length = Math.min(bytes.length, length + data.length);
      if (length === bytes.length) break;
    }
    if (length === 0) continue;
    const keys = evidence.keys.filter((key) => key.streams.includes(stream));
    const within = keys.find((key) => reached(key) === 'yes') ?? keys.find(({ path }) => path);
    const known = within
      ? ` But ${within.name}, which seals them, ${reached(within) === 'yes' ? 'is' : 'seems to be'} within the provider’s reach: see the keys below.`
      : keys.length > 0
        ? ` They are sealed under ${enumerate(keys.map((key) => key.name))}; no way was found from what crossed the provider to ${keys.length === 1 ? 'that key' : 'those keys'}.`
        : '';
    return {
      title,
      image: png(bytesAsPicture(bytes.subarray(0, length), NOISE.width, NOISE.height), NOISE.width, NOISE.height),
      alt: 'The sealed bytes, drawn as grey dots',
      caption: `${way}: nothing decodes. These are the sealed bytes themselves, each drawn as a grey dot${length < bytes.length ? ', repeated to fill the picture' : ''}.${known}`,
    };
  }
  const caption =
    streams.length === 0
      ? 'No video of this participant was recorded on its way.'
      : `${way}: no whole frame was recorded.`;
  return { title, image: undefined, alt: '', caption };
}

function arrived(name: string, { arrived }: Gathered, bodies: Bodies): Shown {
  const seen = arrived.get(name);
  const title = `What arrived at ${seen?.receiver ?? 'the other side'}`;
  const image = seen && seen.picture.length <= LARGEST_PICTURE ? bodies.body(seen.picture) : undefined;
  if (!seen || !image || Buffer.from(image.subarray(0, 8)).toString('hex') !== PNG_SIGNATURE)
    return {
      title,
      image: undefined,
      alt: '',
      caption: `No picture of ${name}’s test card was recorded at the far end.`,
    };
  return {
    title,
    image,
    alt: `${name}’s test card as ${seen.receiver} saw it`,
    caption: `The picture that the page showed ${seen.receiver}; keywitness read picture number ${seen.counter} of ${name}’s test card in it.`,
  };
}

/** The picture of a sight, if it is of this card. */
function picture({ pictures }: Gathered, sight: Sight, card: number): Picture | undefined {
  const found = pictures.get(sight);
  return found && readCardFromGray(found.i420, found.width, found.height)?.sender === card ? found : undefined;
}

/**
 * A picture of this card that a key opened. One key may open several participants' streams; its own sight keeps the
 * picture of one, and the others are those whose events it joined.
 */
function withKey(gathered: Gathered, { sight }: KeyEvidence, card: number): Picture | undefined {
  if (!sight) return undefined;
  const keyless = new Set(gathered.evidence.streams.flatMap(({ asIs, beforeTransform }) => [asIs, beforeTransform]));
  const events = new Set(sight.evidence);
  for (const other of gathered.pictures.keys()) {
    const joined = other === sight || (!keyless.has(other) && other.evidence.every((event) => events.has(event)));
    const found = joined && other.evidence.length > 0 ? picture(gathered, other, card) : undefined;
    if (found) return found;
  }
  return undefined;
}
