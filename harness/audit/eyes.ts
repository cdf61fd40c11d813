/** What a decoder makes of frames: whether the sender's own test card or tone is in them. */
import type { Sight } from '../claims/evidence.ts';
import type { SentStream } from '../knowledge/media-view.ts';
import type { Decoder, Picture } from '../media/decoder.ts';
import type { EncodedFrame } from '../media/frames.ts';
import { readCardFromGray } from '../media/test-card.ts';
import { readTone } from '../media/test-tone.ts';
import { Slots } from './slots.ts';

/** Looks at frames through the decoder, for the sender's own card and tone. */
export class Eyes {
  readonly pictures = new Map<Sight, Picture>();
  readonly #decoder: Decoder;
  readonly #cards: ReadonlyMap<string, number>;
  readonly #slots = new Slots(2);

  constructor(decoder: Decoder, cards: ReadonlyMap<string, number>) {
    this.#decoder = decoder;
    this.#cards = cards;
  }

  /** Two at a time: what comes out of a decoder is large. */
  look(stream: Pick<SentStream, 'participant' | 'medium'>, windows: readonly EncodedFrame[][]): Promise<Sight> {
    return this.#slots.run(() => this.#look(stream, windows));
  }

  async #look(
    { participant, medium }: Pick<SentStream, 'participant' | 'medium'>,
    windows: readonly EncodedFrame[][],
  ): Promise<Sight> {
    const card = this.#cards.get(participant);
    const sight = nothing();
    const counters = new Set<number>();
    for (const frames of windows) {
      sight.frames += frames.length;
      sight.evidence.push(...frames.slice(0, 10).flatMap((frame) => frame.evidence));
      if (medium === 'audio') {
        const heard = readTone(await this.#decoder.decodeAudio(frames), 48_000);
        sight.words += heard.filter(({ sender }) => sender === card).reduce((sum, { words }) => sum + words, 0);
        continue;
      }
      for (const picture of (await this.#decoder.decodeVideo(frames)).pictures) {
        sight.pictures++;
        const { i420, width, height } = picture;
        const read = readCardFromGray(i420.subarray(0, width * height), width, height);
        if (read?.sender !== card || read === undefined) continue;
        counters.add(read.counter);
        // A copy, for the decoder's output is all pictures in one.
        if (!this.pictures.has(sight)) this.pictures.set(sight, { width, height, i420: Uint8Array.from(i420) });
      }
    }
    sight.cards = counters.size;
    return sight;
  }
}

export function nothing(): Sight {
  return { frames: 0, pictures: 0, cards: 0, words: 0, evidence: [] };
}

/** Joins what a key shows of several streams. */
export function better(a: Sight | undefined, b: Sight, pictures: Map<Sight, Picture>): Sight {
  if (!a) return b;
  const joined: Sight = {
    frames: a.frames + b.frames,
    pictures: a.pictures + b.pictures,
    cards: a.cards + b.cards,
    words: a.words + b.words,
    evidence: [...a.evidence, ...b.evidence],
  };
  const picture = pictures.get(a) ?? pictures.get(b);
  if (picture) pictures.set(joined, picture);
  return joined;
}
