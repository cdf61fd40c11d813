import { describe, expect, it } from 'vitest';
import { crc16, readTone, toneWav } from './test-tone.ts';

const RATE = 48000;

/** The samples of a tone's WAV file, 44 bytes of header taken off. */
function tone(sender: number, seconds?: number): Int16Array {
  return new Int16Array(toneWav(sender, seconds).slice(44).buffer);
}

/** Numbers from -1 to 1, the same in each run. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x7fffffff - 1;
  });
}

describe('the test tone', () => {
  it('is a WAV file of whole slots: 48 kHz, mono, 16 bits', () => {
    const file = Buffer.from(toneWav(1, 2));
    expect(file.subarray(0, 44).toString('hex')).toBe(
      `52494646${'2465040057415645666d7420100000000100010080bb000000770100020010006461746100650400'}`,
    );
    expect(file).toHaveLength(44 + 2 * 3 * RATE);
  });

  it('reads back all its words, for every sender', () => {
    for (let sender = 1; sender <= 15; sender++) expect(readTone(tone(sender), RATE)).toEqual([{ sender, words: 16 }]);
  });

  it('plays in a loop without losing a word', () => {
    const once = tone(7, 3);
    const twice = new Int16Array(once.length * 2);
    twice.set(once);
    twice.set(once, once.length);
    expect(readTone(twice, RATE)).toEqual([{ sender: 7, words: 4 }]);
  });

  it('reads from any sample on', () => {
    const whole = tone(9, 3);
    for (let start = 0; start < 240; start += 17)
      expect(readTone(whole.subarray(start), RATE)).toEqual([{ sender: 9, words: 2 }]);
  });

  it.each([8000, 16000, 24000, 44100, 96000])('reads at %d Hz', (rate) => {
    const at48 = tone(3);
    const other = Float32Array.from({ length: Math.floor((at48.length * rate) / RATE) }, (_, at) => {
      const from = (at * RATE) / rate;
      const low = at48[Math.floor(from)]!;
      return (low + (from % 1) * ((at48[Math.ceil(from)] ?? 0) - low)) / 32768;
    });
    expect(readTone(other, rate)).toEqual([{ sender: 3, words: 16 }]);
  });

  it('reads words that are quiet, or over a noise 10 dB below', () => {
    const samples = tone(6);
    const loud = noise(samples.length, 4);
    expect(
      readTone(
        Float32Array.from(samples, (sample) => sample / 32768 / 50),
        RATE,
      ),
    ).toEqual([{ sender: 6, words: 16 }]);
    const noisy = Float32Array.from(samples, (sample, at) => sample / 32768 + 0.15 * loud[at]!);
    expect(readTone(noisy, RATE)).toEqual([{ sender: 6, words: 16 }]);
  });

  it('tells senders apart who speak in turn', () => {
    const both = new Int16Array(2 * 3 * RATE);
    both.set(tone(12, 3));
    both.set(tone(2, 3), 3 * RATE);
    expect(readTone(both, RATE)).toEqual([
      { sender: 2, words: 2 },
      { sender: 12, words: 2 },
    ]);
  });

  it('knows no other senders', () => {
    for (const sender of [0, 16, 2.5]) expect(() => toneWav(sender)).toThrow(RangeError);
  });
});

describe('readTone reads nothing in', () => {
  it('silence, a constant, no samples, no numbers', () => {
    for (const value of [0, 1e-5, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(readTone(new Float32Array(RATE).fill(value), RATE)).toEqual([]);
    expect(readTone(new Int16Array(), RATE)).toEqual([]);
    expect(readTone(tone(1, 3), 4000)).toEqual([]);
    expect(readTone(tone(1, 3), Number.NaN)).toEqual([]);
  });

  it('noise', () => {
    for (let seed = 0; seed < 20; seed++) expect(readTone(noise(5 * RATE, seed), RATE)).toEqual([]);
  });

  it('random symbols of the same tones', () => {
    const samples = new Float32Array(60 * RATE);
    const random = noise(60 * 40, 8);
    for (let at = 0; at < samples.length; at++) {
      const symbol = Math.floor(((random[Math.floor(at / 1440)]! + 1) / 2) * 16);
      samples[at] = 0.3 * Math.sin((2 * Math.PI * (600 + 150 * symbol) * at) / RATE);
    }
    expect(readTone(samples, RATE)).toEqual([]);
  });

  it('a voice: a gliding pulse train with formants', () => {
    const samples = new Float32Array(20 * RATE);
    let phase = 0;
    for (let at = 0; at < samples.length; at++) {
      const seconds = at / RATE;
      phase += (120 + 40 * Math.sin(seconds * 3)) / RATE;
      for (let harmonic = 1; harmonic < 30; harmonic++) {
        const frequency = harmonic * 120;
        const formant = Math.exp(-(((frequency - 700 - 400 * Math.sin(seconds * 7)) / 300) ** 2));
        samples[at]! += 0.2 * formant * Math.sin(2 * Math.PI * phase * harmonic) * Math.max(0, Math.sin(seconds * 9));
      }
    }
    expect(readTone(samples, RATE)).toEqual([]);
  });

  it('a word with one symbol changed, or without its silence', () => {
    const samples = tone(4, 1.5);
    expect(readTone(samples, RATE)).toEqual([{ sender: 4, words: 1 }]);
    const first = samples.findIndex((sample) => Math.abs(sample) > 100);
    const symbol = 1440;
    for (let place = 0; place < 9; place++) {
      const changed = samples.slice();
      // Every second sample turned: the tone moves to 24 kHz less itself.
      for (let at = 0; at < symbol; at += 2) changed[first + place * symbol + at]! *= -1;
      expect(readTone(changed, RATE)).toEqual([]);
    }
    const filled = samples.slice();
    filled.set(samples.subarray(first, first + 2 * symbol), first + 9 * symbol);
    expect(readTone(filled, RATE)).toEqual([]);
  });
});

describe('crc16', () => {
  it('is CRC-16/XMODEM', () => {
    expect(crc16(Buffer.from('123456789'))).toBe(0x31c3);
  });
});
