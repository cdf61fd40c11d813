/**
 * The test tone: what a participant's microphone hears. Code words of keyed tones tell whose microphone it is; wherever
 * one can be read, the sound was heard.
 *
 * A code word is 9 symbols of 30 ms. A symbol is one of 16 tones (4 bits, 0 the lowest). Three symbols of sync come first,
 * then 24 bits, most significant first: 4 bits sender (1 to 15), 4 bits word counter, 16 bits CRC of these 8.
 * CRC-16/XMODEM: polynomial x^16+x^12+x^5+1, initial value 0. Each word stands somewhere in a slot of 1.5 s, the rest of
 * which is silent.
 *
 * Conferencing takes steady tones for noise and removes them; short words with silence between them pass its noise
 * suppression, its automatic gain and the codecs of speech. Its echo suppression mutes a microphone while the loudspeaker
 * sounds, so words that meet another participant's are lost: they are short, and each sender places them in their
 * slots in an order of its own, so that most do not meet.
 *
 * Measured with Chromium 156 and getUserMedia's defaults, through a peer connection: 16 words in 24 s while nobody else is
 * heard, about half of that while another participant's tone plays, and none while its own does.
 */

/** Samples a second of {@link toneWav}. */
const RATE = 48000;
const SYMBOL_MS = 30;
const SYNC = [1, 14, 6] as const;
const DATA_SYMBOLS = 6;
const SYMBOLS = SYNC.length + DATA_SYMBOLS;
const WORD_MS = SYMBOLS * SYMBOL_MS;
/** One word in each. */
const SLOT_MS = 1500;
/** Silence that ends each slot. */
const SILENCE_MS = 150;
/** The word counter's range. */
const WORDS = 16;
/** Hz. Within the band of 8 kHz telephony. */
const TONES = Array.from({ length: 16 }, (_, symbol) => 600 + symbol * 150);
/** Peak, of full scale; each symbol swells and fades over `RAMP_MS`, so that it does not click. */
const AMPLITUDE = 0.4;
const RAMP_MS = 5;

/** The reader looks at the sound every so many ms ... */
const HOP_MS = 5;
/** ... through windows so long, which at the worst offset still lie within one symbol. */
const WINDOW_MS = 20;
/** The symbol's tone holds at least this part of the power in its window. Noise and music have it for a window or two at most. */
const LEAST_DOMINANCE = 0.5;
/** Symbols of one word lie within this ratio of their mean power. */
const LEVEL_RANGE = 30;
/** The silence after a word has at most this part of the power of its symbols. */
const SILENCE = 0.1;
/** Mean square of samples in -1 to 1: below it (-70 dB) there is no tone. */
const LEAST_POWER = 1e-7;

/**
 * The tone as a WAV file, 48 kHz, mono, 16 bits, for Chromium's `--use-file-for-fake-audio-capture`, which plays it in a
 * loop. It holds whole slots of 1.5 s, one code word each; after 24 s the counter has come round.
 * @param sender 1 to 15
 * @param seconds rounded up to whole slots
 * @throws RangeError for another sender
 */
export function toneWav(sender: number, seconds = (WORDS * SLOT_MS) / 1000): Uint8Array {
  const words = Math.ceil((seconds * 1000) / SLOT_MS);
  const samples = new Int16Array(words * inSamples(SLOT_MS));
  for (let word = 0; word < words; word++) {
    const counter = word % WORDS;
    const start = word * inSamples(SLOT_MS) + inSamples(placeInSlot(sender, counter));
    for (const [place, symbol] of codeWord(sender, counter).entries())
      writeTone(samples, start + place * inSamples(SYMBOL_MS), TONES[symbol]!);
  }
  return wav(samples);
}

/** Where in its slot a word begins, in ms: scattered by its CRC, so that two senders' words meet by chance only. */
function placeInSlot(sender: number, counter: number): number {
  const latest = SLOT_MS - WORD_MS - SILENCE_MS;
  return Math.floor((crc16([sender, counter]) * latest) / 0xffff);
}

/** One symbol: it swells, holds and fades. */
function writeTone(samples: Int16Array, start: number, tone: number): void {
  const length = inSamples(SYMBOL_MS);
  const ramp = inSamples(RAMP_MS);
  for (let at = 0; at < length; at++) {
    const edge = Math.min(1, (Math.min(at, length - at) + 0.5) / ramp);
    const swell = (1 - Math.cos(Math.PI * edge)) / 2;
    samples[start + at] = Math.round(32767 * AMPLITUDE * swell * Math.sin((2 * Math.PI * tone * at) / RATE));
  }
}

function inSamples(ms: number): number {
  return (ms * RATE) / 1000;
}

/** A WAV file of 16-bit mono samples at 48 kHz (RIFF, "Multimedia Programming Interface and Data Specifications 1.0"). */
function wav(samples: Int16Array): Uint8Array {
  const file = new Uint8Array(44 + samples.length * 2);
  const view = new DataView(file.buffer);
  const text = (at: number, value: string): void => file.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, file.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true); // bytes a sample
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  for (const [at, sample] of samples.entries()) view.setInt16(44 + at * 2, sample, true);
  return file;
}

/** How many whole code words of one sender were heard. */
export interface ToneReading {
  sender: number;
  words: number;
}

/**
 * Reads the code words in a piece of sound, one channel.
 *
 * A word is read only where all its 9 symbols stand out of their windows at about one level, begin with the sync, carry
 * a right CRC, and are followed by silence. Of random symbols, one in 2^28 would pass the sync and CRC alone.
 * @param pcm 16-bit, or floating point from -1 to 1
 * @param rate Hz; 8000 or more. Below, nothing is read: the tones do not fit.
 * @returns senders in ascending order
 */
export function readTone(pcm: Int16Array | Float32Array, rate: number): ToneReading[] {
  if (!(rate >= 8000 && rate <= 384000)) return [];
  const sound = { pcm, rate, scale: pcm instanceof Int16Array ? 1 / 32768 : 1 };
  const heard = new Map<number, number>();
  const last = ((pcm.length / rate) * 1000 - WORD_MS) / HOP_MS;
  for (let hop = 0; hop <= last; hop++) {
    const sender = wordAt(sound, hop * HOP_MS);
    if (sender === undefined) continue;
    heard.set(sender, (heard.get(sender) ?? 0) + 1);
    hop += WORD_MS / HOP_MS - 1;
  }
  return [...heard].map(([sender, words]) => ({ sender, words })).sort((a, b) => a.sender - b.sender);
}

interface Sound {
  pcm: Int16Array | Float32Array;
  /** Hz. */
  rate: number;
  /** Turns a sample into -1 to 1. */
  scale: number;
}

interface Window {
  samples: Int16Array | Float32Array;
  /** Sum of squares, as the samples are. */
  energy: number;
  /** Mean square, in -1 to 1. */
  power: number;
}

/** The sender of the code word that begins at a time (ms), if one does. */
function wordAt(sound: Sound, start: number): number | undefined {
  const powers: number[] = [];
  let bits = 0;
  for (let place = 0; place < SYMBOLS; place++) {
    const window = windowAt(sound, start + place * SYMBOL_MS);
    const symbol = window && symbolIn(window, sound.rate, SYNC[place]);
    if (symbol === undefined) return undefined;
    powers.push(window!.power);
    if (place >= SYNC.length) bits = (bits << 4) | symbol;
  }
  const mean = powers.reduce((sum, power) => sum + power, 0) / SYMBOLS;
  if (powers.some((power) => power < mean / LEVEL_RANGE || power > mean * LEVEL_RANGE)) return undefined;
  // The first symbol's length of silence is left to echoes and to the codec.
  for (let after = WORD_MS + SYMBOL_MS; after < WORD_MS + 2 * SYMBOL_MS; after += HOP_MS) {
    const window = windowAt(sound, start + after);
    if (!window || !(window.power <= mean * SILENCE)) return undefined;
  }
  const data = bits >> 16;
  const sender = data >> 4;
  return sender > 0 && crc16([data]) === (bits & 0xffff) ? sender : undefined;
}

/** The window that begins at a time (ms), if the sound holds it. */
function windowAt({ pcm, rate, scale }: Sound, start: number): Window | undefined {
  const first = Math.round((start * rate) / 1000);
  const length = Math.floor((WINDOW_MS * rate) / 1000);
  if (first + length > pcm.length) return undefined;
  const samples = pcm.subarray(first, first + length);
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  return { samples, energy, power: (energy * scale * scale) / length };
}

/** The tone that stands out of a window, if one does, and is the expected one where one is expected. */
function symbolIn({ samples, energy, power }: Window, rate: number, expected?: number): number | undefined {
  // Not `<`: samples that are no numbers must not pass.
  if (!(power >= LEAST_POWER)) return undefined;
  const candidates = expected === undefined ? TONES.keys() : [expected];
  for (const symbol of candidates) {
    const power = goertzel(samples, 2 * Math.cos((2 * Math.PI * TONES[symbol]!) / rate));
    // A pure tone has a share of 1.
    if ((2 * power) / (samples.length * energy) >= LEAST_DOMINANCE) return symbol;
  }
  return undefined;
}

/** Power of one tone: Goertzel's algorithm (Amer. Math. Monthly 65, 1958), `coefficient` = 2 cos of its angle a sample. */
function goertzel(samples: Int16Array | Float32Array, coefficient: number): number {
  let last = 0;
  let before = 0;
  for (const sample of samples) {
    const now = sample + coefficient * last - before;
    before = last;
    last = now;
  }
  return last * last + before * before - coefficient * last * before;
}

/** The symbols of a code word. */
function codeWord(sender: number, counter: number): number[] {
  if (!Number.isInteger(sender) || sender < 1 || sender > 15) throw new RangeError(`no tone for sender ${sender}`);
  const data = (sender << 4) | counter;
  const bits = (data << 16) | crc16([data]);
  return [
    ...SYNC,
    ...Array.from({ length: DATA_SYMBOLS }, (_, place) => (bits >> (4 * (DATA_SYMBOLS - 1 - place))) & 15),
  ];
}

/** CRC-16/XMODEM. */
export function crc16(bytes: Iterable<number>): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : crc << 1;
  }
  return crc;
}
