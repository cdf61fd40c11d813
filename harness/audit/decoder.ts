/** Decodes recorded media with ffmpeg, as a child process that sees nothing but its pipes. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type { DecodedVideo, Decoder } from '../media/decoder.ts';
import type { EncodedFrame } from '../media/frames.ts';
import { ivf } from '../media/ivf.ts';
import { oggOpus } from '../media/ogg.ts';
import { looksLikeVp8, parseVp8FrameHeader } from '../media/vp8.ts';

/** No answer takes ffmpeg longer than this, in ms: a bound on hostile media, far above what real media need. */
const TIMEOUT_MS = 120_000;
/** All pictures of one call, in bytes. Frames beyond it are left out before decoding, so that every machine leaves out the same. */
const LARGEST_VIDEO = 384 << 20;
/** Sound of one call in bytes: 3 hours. */
const LARGEST_AUDIO = 2 * 48000 * 3600 * 3;
/** Pictures with more pixels than 4K are not decoded. */
const LARGEST_PICTURE = 4096 * 2304;
/** Changes of size in one stream; each takes a process of its own. */
const MOST_RUNS = 64;
/** What is kept of ffmpeg's log, in bytes a picture. */
const LOG_PER_PICTURE = 4096;

export interface Ffmpeg {
  path: string;
  version: string;
  /** One line on what it can't do. */
  flaw?: string;
}

/**
 * Where ffmpeg is and which version: the environment's FFMPEG_BIN, the `ffmpeg-static` package, or the one on the PATH;
 * the first of these that decodes, or else the first that runs. Undefined without any.
 */
export function findFfmpeg(): Ffmpeg | undefined {
  let flawed: Ffmpeg | undefined;
  for (const path of [process.env.FFMPEG_BIN, packaged(), 'ffmpeg']) {
    if (!path) continue;
    const { stdout } = spawnSync(path, ['-version'], { encoding: 'utf8', timeout: TIMEOUT_MS });
    const version = /^ffmpeg version (\S+)/.exec(stdout ?? '')?.[1];
    if (!version) continue;
    const flaw = flawOf(path, version);
    if (!flaw) return { path, version };
    flawed ??= { path, version, flaw };
  }
  return flawed;
}

/** What keeps an ffmpeg from decoding as it is asked to, found with one small picture; undefined where nothing does. */
function flawOf(path: string, version: string): string | undefined {
  const picture = Buffer.alloc(i420Size(16, 16), 128);
  const input = ['-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', '16x16', '-i', 'pipe:0'];
  const { stdout, stderr } = spawnSync(path, [...COMMON, ...input, ...videoOutput(16, 16), 'pipe:1'], {
    input: picture,
    timeout: TIMEOUT_MS,
  });
  const decoders = spawnSync(path, ['-v', 'error', '-decoders'], { encoding: 'utf8', timeout: TIMEOUT_MS }).stdout;
  const lacking = ['vp8', 'opus'].filter((name) => !new RegExp(`^ [A-Z.]{6} ${name} `, 'm').test(decoders ?? ''));
  const said = stderr?.toString().trim().split('\n')[0]?.slice(0, 200);
  const flaw =
    stdout?.length !== picture.length
      ? said || 'it gives no picture'
      : lacking.length > 0 && `no ${lacking.join(', no ')}`;
  return flaw ? `${path} (ffmpeg ${version}) does not decode as it must, 5.1 or newer is needed: ${flaw}` : undefined;
}

/** The package is optional, and its file is fetched by its install script, which may not have run. */
function packaged(): string | undefined {
  try {
    const path: unknown = createRequire(import.meta.url)('ffmpeg-static');
    return typeof path === 'string' && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A decoder that runs the ffmpeg at `path`. VP8 decoding is exact to the bit (RFC 6386, 5), and one thread and bit-exact
 * flags leave nothing else to the machine. Opus decoding is not: its samples may differ in their last bits.
 */
export function ffmpegDecoder(path: string, timeoutMs = TIMEOUT_MS): Decoder {
  return {
    decodeVideo: (frames) => decodeVideo(path, frames, timeoutMs),
    async decodeAudio(frames) {
      const file = oggOpus(frames.map((frame) => frame.data));
      const { output } = await run(
        path,
        ['-f', 'ogg', '-c:a', 'opus'],
        file,
        AUDIO_OUTPUT,
        LARGEST_AUDIO,
        1 << 20,
        timeoutMs,
      );
      return samples(output);
    },
  };
}

const COMMON = [
  '-hide_banner',
  '-nostats',
  '-loglevel',
  'info',
  '-threads',
  '1',
  '-bitexact',
  '-err_detect',
  'explode',
];
const AUDIO_OUTPUT = ['-map', '0:a:0', '-ac', '1', '-ar', '48000', '-f', 's16le'];

async function decodeVideo(path: string, frames: readonly EncodedFrame[], timeoutMs: number): Promise<DecodedVideo> {
  const decoded: DecodedVideo = { pictures: [], truncated: false };
  let budget = LARGEST_VIDEO;
  const runs = runsOfOneSize(frames);
  if (runs.length > MOST_RUNS) decoded.truncated = true;
  for (const { width, height, frames } of runs.slice(0, MOST_RUNS)) {
    const size = i420Size(width, height);
    const most = width * height > LARGEST_PICTURE ? 0 : Math.floor(budget / size);
    if (frames.length > most) decoded.truncated = true;
    const taken = frames.slice(0, most);
    if (taken.length === 0) continue;
    const file = ivf(
      taken.map((frame) => frame.data),
      width,
      height,
    );
    const result = await run(
      path,
      ['-f', 'ivf', '-c:v', 'vp8'],
      file,
      videoOutput(width, height),
      taken.length * size,
      LOG_PER_PICTURE * taken.length,
      timeoutMs,
    );
    if (result.cut) decoded.truncated = true;
    const times = [...result.log.matchAll(/\] n: *\d+ pts: *(\d+) /g)].map((match) => Number(match[1]));
    for (let at = 0; (at + 1) * size <= result.output.length; at++) {
      const frame = taken[times[at] ?? -1];
      if (frame)
        decoded.pictures.push({ width, height, i420: result.output.subarray(at * size, (at + 1) * size), frame });
    }
    budget -= result.output.length;
  }
  return decoded;
}

function videoOutput(width: number, height: number): string[] {
  // The filter gives each picture's time, by which its frame is known, and holds the size to what was reckoned with.
  const filter = `showinfo=checksum=0,scale=${width}:${height}:flags=bilinear+bitexact`;
  return ['-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'yuv420p'];
}

interface Run {
  width: number;
  height: number;
  frames: EncodedFrame[];
}

/** Cut where a key frame changes the size. Frames before the first key frame are left out: no decoder can begin there. */
function runsOfOneSize(frames: readonly EncodedFrame[]): Run[] {
  const runs: Run[] = [];
  for (const frame of frames) {
    const header = looksLikeVp8(frame.data) ? parseVp8FrameHeader(frame.data) : undefined;
    const last = runs.at(-1);
    if (header?.key && !(last && last.width === header.width && last.height === header.height))
      runs.push({ width: header.width!, height: header.height!, frames: [frame] });
    else last?.frames.push(frame);
  }
  return runs;
}

function i420Size(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

interface Result {
  output: Buffer;
  log: string;
  /** It had to be stopped: it gave too much. */
  cut: boolean;
}

/** Runs ffmpeg on a file that it gets on stdin. Rejects if ffmpeg cannot be started, or does not end by itself. */
export function run(
  path: string,
  input: string[],
  file: Uint8Array,
  output: string[],
  largest: number,
  longestLog = 1 << 20,
  timeoutMs = TIMEOUT_MS,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const args = [...COMMON, '-protocol_whitelist', 'pipe', ...input, '-i', 'pipe:0', ...output, 'pipe:1'];
    const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const pieces = { output: [] as Buffer[], log: [] as Buffer[] };
    const lengths = { output: 0, log: 0 };
    let cut = false;
    const stop = (): void => {
      cut = true;
      child.kill('SIGKILL');
    };
    const keep = (which: 'output' | 'log', most: number) => (piece: Buffer) => {
      lengths[which] += piece.length;
      if (lengths[which] > most) stop();
      else pieces[which].push(piece);
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stop();
    }, timeoutMs);
    child.stdout.on('data', keep('output', largest));
    child.stderr.on('data', keep('log', longestLog + (1 << 16)));
    // ffmpeg may end before it has read all.
    child.stdin.on('error', () => {});
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`${path} cannot be run: ${error.message}`));
    });
    child.on('close', (_, signal) => {
      clearTimeout(timer);
      // What was not looked at to the end must not pass for what shows nothing.
      if (late) return reject(new Error(`${path} was stopped: it did not end within ${timeoutMs / 1000} s`));
      if (signal && !cut) return reject(new Error(`${path} was ended by ${signal}`));
      resolve({ output: Buffer.concat(pieces.output), log: Buffer.concat(pieces.log).toString('latin1'), cut });
    });
    child.stdin.end(file);
  });
}

function samples(bytes: Buffer): Int16Array {
  const aligned = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1));
  if (endianness() === 'BE') Buffer.from(aligned).swap16();
  return new Int16Array(aligned);
}
