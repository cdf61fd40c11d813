/**
 * Runs in the page, in a world of its own that the application can't see: reads the test card from whatever video element
 * or canvas shows it, and the test tone from whatever media stream an element plays. Bundled by esbuild.
 */
import { readCardFromGray } from '../../media/test-card.ts';
import { readTone } from '../../media/test-tone.ts';

export interface CardRead {
  element: string;
  sender: number;
  counter: number;
  /** The picture as PNG, base64; once a sender and element. */
  picture?: string;
}
export interface ToneRead {
  element: string;
  sender: number;
  words: number;
  samples: number;
  rate: number;
}
export interface FarEnd {
  cards: CardRead[];
  tones: ToneRead[];
}

/** Pictures are sampled at this size (pixels), and kept at the size that the card was made. */
const SAMPLE = { width: 320, height: 180 };
const PICTURE = { width: 640, height: 360 };
/** Seconds of sound that are searched at once; a code word has to lie wholly inside. */
const EAR_SECONDS = 4;
/** A page with more elements than this isn't a call. */
const MOST_ELEMENTS = 64;

type Shown = HTMLVideoElement | HTMLCanvasElement;

const sampler = new OffscreenCanvas(SAMPLE.width, SAMPLE.height).getContext('2d', { willReadFrequently: true })!;
const pictured = new Set<string>();
const ears = new Map<string, Ear>();

/** One look at the page. */
async function look(): Promise<FarEnd> {
  const cards: CardRead[] = [];
  const tones: ToneRead[] = [];
  const elements = mediaElements(document).slice(0, MOST_ELEMENTS);
  for (const [index, element] of elements.entries()) {
    const name = `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : `:${index}`}`.slice(0, 80);
    if (!(element instanceof HTMLAudioElement)) {
      const card = await readCard(element, name);
      if (card) cards.push(card);
    }
    if (element instanceof HTMLMediaElement && element.srcObject instanceof MediaStream)
      for (const track of element.srcObject.getAudioTracks()) {
        if (!ears.has(track.id) && ears.size < MOST_ELEMENTS) ears.set(track.id, new Ear(track, name));
      }
  }
  for (const ear of ears.values()) tones.push(...ear.heard());
  return { cards, tones };
}

function mediaElements(root: Document | ShadowRoot): (Shown | HTMLAudioElement)[] {
  const found = [...root.querySelectorAll<Shown | HTMLAudioElement>('video, canvas, audio')];
  for (const host of root.querySelectorAll('*')) if (host.shadowRoot) found.push(...mediaElements(host.shadowRoot));
  return found;
}

async function readCard(element: Shown, name: string): Promise<CardRead | undefined> {
  try {
    const width = element instanceof HTMLVideoElement ? element.videoWidth : element.width;
    if (!width) return undefined;
    sampler.drawImage(element, 0, 0, SAMPLE.width, SAMPLE.height);
    const { data } = sampler.getImageData(0, 0, SAMPLE.width, SAMPLE.height);
    const gray = new Uint8Array(SAMPLE.width * SAMPLE.height);
    // Green alone stands for brightness: the barcode is black and white.
    for (let i = 0; i < gray.length; i++) gray[i] = data[4 * i + 1]!;
    const card = readCardFromGray(gray, SAMPLE.width, SAMPLE.height);
    if (!card) return undefined;
    const read: CardRead = { element: name, ...card };
    const once = `${name} ${card.sender}`;
    if (!pictured.has(once)) {
      pictured.add(once);
      read.picture = await picture(element);
    }
    return read;
  } catch {
    // A canvas that holds another origin's pixels can't be read.
    return undefined;
  }
}

async function picture(element: Shown): Promise<string> {
  const canvas = new OffscreenCanvas(PICTURE.width, PICTURE.height);
  canvas.getContext('2d')!.drawImage(element, 0, 0, PICTURE.width, PICTURE.height);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Listens to one audio track. */
class Ear {
  readonly #name: string;
  #rate = 48_000;
  #samples: Float32Array[] = [];
  #length = 0;

  constructor(track: MediaStreamTrack, name: string) {
    this.#name = name;
    const Processor = (globalThis as unknown as { MediaStreamTrackProcessor: TrackProcessor })
      .MediaStreamTrackProcessor;
    // A clone, so that listening can't end or mute what the page plays.
    void this.#listen(new Processor({ track: track.clone() }).readable.getReader());
  }

  async #listen(reader: ReadableStreamDefaultReader<AudioPiece>): Promise<void> {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      this.#rate = value.sampleRate;
      value.close();
      if (this.#length < 2 * EAR_SECONDS * this.#rate) {
        this.#samples.push(samples);
        this.#length += samples.length;
      }
    }
  }

  /** The words heard since the last time, once there is enough sound to search. */
  heard(): ToneRead[] {
    if (this.#length < EAR_SECONDS * this.#rate) return [];
    const sound = new Float32Array(this.#length);
    let at = 0;
    for (const piece of this.#samples) {
      sound.set(piece, at);
      at += piece.length;
    }
    this.#samples = [];
    this.#length = 0;
    return readTone(sound, this.#rate).map(({ sender, words }) => ({
      element: this.#name,
      sender,
      words,
      samples: sound.length,
      rate: this.#rate,
    }));
  }
}

/** WebCodecs' AudioData and mediacapture-transform's MediaStreamTrackProcessor, as far as they are used here. */
interface AudioPiece {
  numberOfFrames: number;
  sampleRate: number;
  copyTo(to: Float32Array, options: { planeIndex: number; format: 'f32-planar' }): void;
  close(): void;
}
type TrackProcessor = new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<AudioPiece> };

Object.assign(globalThis, { look });
