import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { EncodedFrame } from '../media/frames.ts';
import { cardY4m, readCardFromGray } from '../media/test-card.ts';
import { readTone, toneWav } from '../media/test-tone.ts';
import { ffmpegDecoder, findFfmpeg } from './decoder.ts';

const ffmpeg = findFfmpeg()!;
const decoder = ffmpegDecoder(ffmpeg.path);

function encode(input: Uint8Array, ...args: string[]): Buffer {
  const { stdout, stderr, status } = spawnSync(ffmpeg.path, ['-v', 'error', '-i', 'pipe:0', ...args, 'pipe:1'], {
    input,
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(stderr.toString());
  return stdout;
}

/** Cards from a real VP8 encoder, its IVF file taken apart. */
function video(sender: number, size: string, bitrate: string, count = 30): EncodedFrame[] {
  const settings = [
    '-c:v',
    'libvpx',
    '-deadline',
    'realtime',
    '-cpu-used',
    '8',
    '-b:v',
    bitrate,
    '-error-resilient',
    '1',
  ];
  const file = encode(Buffer.concat([...cardY4m(sender, count)]), '-s', size, ...settings, '-f', 'ivf');
  const frames: EncodedFrame[] = [];
  for (let at = 32; at < file.length; ) {
    const length = file.readUInt32LE(at);
    const data = new Uint8Array(file.subarray(at + 12, at + 12 + length));
    const index = frames.length;
    frames.push({ ssrc: 1, timestamp: index * 6000, medium: 'video', key: !(data[0]! & 1), data, evidence: [index] });
    at += 12 + length;
  }
  return frames;
}

/** The tone from a real Opus encoder, its Ogg file taken apart: the lacing values say where packets end (RFC 3533, 6). */
function sound(sender: number, ...settings: string[]): EncodedFrame[] {
  const file = encode(toneWav(sender), '-c:a', 'libopus', '-frame_duration', '20', ...settings, '-f', 'ogg');
  const packets: Buffer[] = [];
  let pieces: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const lacings = file.subarray(at + 27, at + 27 + file[at + 26]!);
    at += 27 + lacings.length;
    for (const lacing of lacings) {
      pieces.push(file.subarray(at, at + lacing));
      at += lacing;
      if (lacing === 255) continue;
      packets.push(Buffer.concat(pieces));
      pieces = [];
    }
  }
  return packets.slice(2).map((data, index) => ({
    ssrc: 2,
    timestamp: index * 960,
    medium: 'audio',
    key: true,
    data: new Uint8Array(data),
    evidence: [index],
  }));
}

/** What one-byte XOR makes of a frame; `clear` bytes stay as they are. */
function xored(frame: EncodedFrame, clear: number): EncodedFrame {
  return { ...frame, data: frame.data.map((byte, at) => (at < clear ? byte : byte ^ 0x5a)) };
}

function cards(pictures: { i420: Uint8Array; width: number; height: number }[]) {
  return pictures.map(({ i420, width, height }) => readCardFromGray(i420, width, height));
}

describe('findFfmpeg', () => {
  it('says where it is and which', () => {
    expect(ffmpeg.version).toMatch(/\d/);
  });
});

describe('decodeVideo', () => {
  it('gives each picture with its frame', async () => {
    const frames = video(5, '640x360', '500k');
    const { pictures, truncated } = await decoder.decodeVideo(frames);
    expect(truncated).toBe(false);
    expect(pictures.map(({ frame }) => frame)).toEqual(frames);
    expect(cards(pictures)).toEqual(frames.map((_, counter) => ({ sender: 5, counter })));
  });

  it('gives the card from small, poor layers', async () => {
    const { pictures } = await decoder.decodeVideo(video(6, '160x90', '40k'));
    expect(cards(pictures).filter((card) => card?.sender === 6).length).toBeGreaterThan(20);
  });

  it('keeps the sizes of a stream that changes its own, and begins at the first key frame', async () => {
    const large = video(7, '640x360', '500k', 10);
    const small = video(7, '320x180', '200k', 10);
    const { pictures } = await decoder.decodeVideo([...large.slice(5), ...small, ...large]);
    expect(pictures.map(({ width }) => width)).toEqual([...new Array(10).fill(320), ...new Array(10).fill(640)]);
    expect(pictures.map(({ frame }) => frame)).toEqual([...small, ...large]);
    expect(cards(pictures).every((card) => card?.sender === 7)).toBe(true);
  });

  it('shows no card in frames that are encrypted, whether or not their headers are', async () => {
    const frames = video(5, '640x360', '500k');
    for (const clear of [0, 3, 10]) {
      const { pictures } = await decoder.decodeVideo(frames.map((frame) => xored(frame, clear)));
      expect(cards(pictures).filter(Boolean)).toEqual([]);
    }
  });

  it('passes over broken frames in between', async () => {
    const frames = video(5, '640x360', '500k', 20);
    const broken = frames.map((frame, index) => (index === 9 ? { ...frame, data: frame.data.subarray(0, 2) } : frame));
    const { pictures } = await decoder.decodeVideo(broken);
    expect(pictures.length).toBeGreaterThanOrEqual(19);
    expect(cards(pictures.slice(0, 9))).toEqual(frames.slice(0, 9).map((_, counter) => ({ sender: 5, counter })));
  });

  it('gives nothing for nothing, and for what claims to be a giant', async () => {
    expect(await decoder.decodeVideo([])).toEqual({ pictures: [], truncated: false });
    const [key] = video(5, '640x360', '500k', 1);
    const giant = { ...key!, data: key!.data.slice() };
    giant.data.set([0xff, 0x3f, 0xff, 0x3f], 6);
    expect(await decoder.decodeVideo([giant])).toEqual({ pictures: [], truncated: true });
  });

  it('comes out the same twice', async () => {
    const frames = video(8, '320x180', '100k');
    const [first, second] = [await decoder.decodeVideo(frames), await decoder.decodeVideo(frames)];
    const bytes = ({ pictures }: typeof first) => Buffer.concat(pictures.map(({ i420 }) => i420));
    expect(first.pictures).toHaveLength(frames.length);
    expect(bytes(first).equals(bytes(second))).toBe(true);
  });
});

describe('decodeAudio', () => {
  it.each([
    ['32 kbit/s', ['-b:a', '32k', '-application', 'voip']],
    ['24 kbit/s', ['-b:a', '24k', '-application', 'voip']],
    ['16 kbit/s, audio', ['-b:a', '16k', '-application', 'audio']],
  ])('gives the tone that went through Opus at %s', async (_, settings) => {
    const pcm = await decoder.decodeAudio(sound(5, ...settings));
    expect(pcm.length / 48000).toBeCloseTo(24, 0);
    expect(readTone(pcm, 48000)).toEqual([{ sender: 5, words: 16 }]);
  });

  it('gives no tone from packets that are encrypted, whether or not their first byte is', async () => {
    const frames = sound(5, '-b:a', '32k');
    for (const clear of [0, 1])
      expect(readTone(await decoder.decodeAudio(frames.map((frame) => xored(frame, clear))), 48000)).toEqual([]);
  });

  it('gives nothing for nothing', async () => {
    expect(await decoder.decodeAudio([])).toHaveLength(0);
  });
});

describe('ffmpegDecoder', () => {
  it('says so when it cannot be run', async () => {
    await expect(ffmpegDecoder('/no/such/ffmpeg').decodeAudio([])).rejects.toThrow('/no/such/ffmpeg cannot be run');
  });
});

describe('an ffmpeg that does not do as it must', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ffmpeg-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(() => vi.unstubAllEnvs());

  function wrapper(name: string, ...lines: string[]): string {
    const path = join(folder, name);
    writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
    return path;
  }

  it('is found with its flaw in one line, if there is no other; a sound one has none', () => {
    // As 4.4 answers: the option came with 5.1.
    const old = wrapper(
      'ffmpeg',
      'for arg in "$@"; do if [ "$arg" = -fps_mode ]; then echo "Unrecognized option \'fps_mode\'." >&2; exit 1; fi; done',
      `exec ${spawnSync('sh', ['-c', `command -v ${ffmpeg.path}`], { encoding: 'utf8' }).stdout.trim()} "$@"`,
    );
    expect(ffmpeg.flaw).toBeUndefined();
    vi.stubEnv('FFMPEG_BIN', old);
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const found = findFfmpeg()!;
    expect(found.path).toBe(old);
    expect(found.flaw).toMatch(/^\S+ \(ffmpeg \S+\) does not decode as it must, 5\.1 or newer .*fps_mode'\.$/);
  });

  it('is not taken for media that show nothing, where it hangs or is ended', async () => {
    const frames = video(5, '160x90', '40k', 2);
    const hangs = ffmpegDecoder(wrapper('hangs', 'exec sleep 20'), 300);
    await expect(hangs.decodeVideo(frames)).rejects.toThrow('did not end within 0.3 s');
    await expect(hangs.decodeAudio([])).rejects.toThrow('did not end within 0.3 s');
    const dies = ffmpegDecoder(wrapper('dies', 'kill -9 $$'));
    await expect(dies.decodeVideo(frames)).rejects.toThrow('was ended by SIGKILL');
  });
});
