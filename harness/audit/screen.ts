/**
 * Reads what the vantage point `screen` recorded: whose test cards a participant saw, and when. Decoding goes through ffmpeg,
 * exact to the bit; the same file gives the same sights.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CARD, type CardReading, crc8, readCardFromGray } from '../media/test-card.ts';
import { RecordingError, type RecordingReader } from '../recording/reader.ts';
import { run } from './decoder.ts';

/** A card on a participant's screen. */
export interface Sight extends CardReading {
  participant: string;
  /** ms since the clock origin. */
  t: number;
}

export interface Sights {
  sights: Sight[];
  /** There was more than is read. */
  truncated: boolean;
}

/** Pictures are read at this size (pixels), at most every so many seconds. */
const WIDTH = 640;
const HEIGHT = 360;
const EVERY = 0.2;
/** Bytes of one file, and of all its pictures: about 6 minutes. */
const LARGEST_FILE = 512 << 20;
const LARGEST_OUTPUT = 384 << 20;
const LOG_PER_PICTURE = 4096;
/** Cards are looked for anew in each so-many-th picture; in the others, where one was last. */
const LOOK_EVERY = 5;
/** Rows are looked at in steps of so many pixels; the lowest barcode is three times as high. */
const STEP = 5;
/** Below this (of 255) a pixel is dark. */
const DARK = 128;
/** The first and last dark cell of a barcode stand within so many cells of its ends, but for one in 250 cards. */
const EDGE = 8;
const CELLS = CARD.cells.length;
/** Of the card, in its pixels: the barcode's left edge, its top, and a cell's width. */
const BARCODE = { left: 32, top: 148, cell: 24 };

/**
 * All cards that can be read on the participants' screens, file by file, in order.
 * @throws RecordingError where a file isn't the one that was recorded
 */
export async function readScreens(reader: RecordingReader, ffmpeg: string): Promise<Sights> {
  const began = new Map<string, { participant: string; t: number }>();
  const all: Sights = { sights: [], truncated: false };
  for (const event of reader.events()) {
    if (event.type === 'screen.began')
      began.set(event.file, { participant: event.participant ?? '', t: event.t - event.ago });
    const start = event.type === 'screen.kept' ? began.get(event.file) : undefined;
    if (event.type !== 'screen.kept' || !start) continue;
    const file = readKept(reader.folder, event);
    if (!file) {
      all.truncated = true;
      continue;
    }
    const { pictures, truncated } = await decode(ffmpeg, file);
    all.truncated ||= truncated;
    const eye = new Eye();
    for (const { seconds, gray } of pictures)
      for (const card of eye.look(gray))
        all.sights.push({ participant: start.participant, t: Math.round(start.t + seconds * 1000), ...card });
  }
  return all;
}

/** Undefined for one that is too large to read. */
function readKept(folder: string, { file, sha256 }: { file: string; sha256: string }): Buffer | undefined {
  // The name comes from the recording, which may be anyone's.
  if (!/^screen\/[^/]+\.webm$/.test(file))
    throw new RecordingError(`${folder} is damaged: ${file} is no screen's file`);
  try {
    if (statSync(join(folder, file)).size > LARGEST_FILE) return undefined;
    const bytes = readFileSync(join(folder, file));
    if (createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  } catch (error) {
    throw new RecordingError(`${folder} is damaged: ${file} can't be read: ${(error as Error).message}`);
  }
  throw new RecordingError(`${folder} is damaged: ${file} is not the file that was recorded (its SHA-256 differs)`);
}

async function decode(ffmpeg: string, file: Uint8Array) {
  const filter = [
    `select='isnan(prev_selected_t)+gte(t-prev_selected_t,${EVERY})'`,
    `scale=${WIDTH}:${HEIGHT}:force_original_aspect_ratio=decrease:flags=bilinear+bitexact`,
    `pad=${WIDTH}:${HEIGHT}:0:0`,
    'showinfo=checksum=0',
  ].join(',');
  const output = ['-map', '0:v:0', '-vf', filter, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'gray'];
  const size = WIDTH * HEIGHT;
  const mostLog = LOG_PER_PICTURE * (LARGEST_OUTPUT / size);
  const result = await run(ffmpeg, ['-f', 'matroska', '-c:v', 'vp8'], file, output, LARGEST_OUTPUT, mostLog);
  const times = [...result.log.matchAll(/\] n: *\d+ .*?pts_time: *([\d.]+)/g)].map((match) => Number(match[1]));
  const pictures = times
    .map((seconds, at) => ({ seconds, gray: result.output.subarray(at * size, (at + 1) * size) }))
    .filter(({ gray }) => gray.length === size);
  return { pictures, truncated: result.cut };
}

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Finds cards in pictures of a page, one after the other. */
export class Eye {
  #places: Place[] = [];
  #count = 0;

  /** @param gray `WIDTH * HEIGHT` values */
  look(gray: Uint8Array): CardReading[] {
    if (this.#count++ % LOOK_EVERY === 0) this.#places = findCards(gray);
    return this.#places.flatMap((place) => readAt(gray, place) ?? []);
  }
}

function readAt(gray: Uint8Array, { x, y, width, height }: Place): CardReading | undefined {
  if (x < 0 || y < 0 || x + width > WIDTH || y + height > HEIGHT) return undefined;
  const part = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * WIDTH + x;
    part.set(gray.subarray(start, start + width), row * width);
  }
  return readCardFromGray(part, width, height);
}

/**
 * Where cards are: a row through a barcode gives its dark cells; their edges give the place and the size for each guess of which
 * cells the outermost are, and the barcode's checksum and its white frame tell which guess is right.
 */
function findCards(gray: Uint8Array): Place[] {
  const places: Place[] = [];
  for (let row = 0; row < HEIGHT; row += STEP) {
    const runs = darkRuns(gray.subarray(row * WIDTH, (row + 1) * WIDTH));
    for (const [index, { from }] of runs.entries())
      for (const { to } of runs.slice(index, index + CELLS / 2)) {
        const isKnown = places.some(
          ({ x, y, width, height }) => from >= x && to <= x + width && row >= y && row <= y + height,
        );
        if (isKnown) continue;
        const place = guesses(gray, row, from, to).find((guess) => readAt(gray, guess));
        if (place) places.push(place);
      }
  }
  return places;
}

function darkRuns(row: Uint8Array): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let x = 0; x < row.length; x++) {
    if (row[x]! >= DARK) continue;
    const from = x;
    while (x < row.length && row[x]! < DARK) x++;
    runs.push({ from, to: x });
  }
  return runs;
}

function guesses(gray: Uint8Array, row: number, from: number, to: number): Place[] {
  let top = row;
  while (top > 0 && gray[(top - 1) * WIDTH + from + 1]! < DARK) top--;
  const found: Place[] = [];
  for (let first = 0; first < EDGE; first++)
    for (let last = CELLS - 1; last >= CELLS - EDGE; last--) {
      const scale = (to - from) / (last - first + 1) / BARCODE.cell;
      const width = Math.round(CARD.width * scale);
      if (width < 160 || width > WIDTH) continue;
      const left = from - first * BARCODE.cell * scale;
      if (!hasChecksum(gray, row, left, BARCODE.cell * scale)) continue;
      const x = Math.round(left - BARCODE.left * scale);
      const y = Math.round(top - BARCODE.top * scale);
      found.push({ x, y, width, height: Math.round(CARD.height * scale) });
    }
  return found;
}

/** Whether a row's cells hold a number and its checksum: rules out most guesses at little cost. */
function hasChecksum(gray: Uint8Array, row: number, left: number, cell: number): boolean {
  if (left < 0 || left + CELLS * cell > WIDTH) return false;
  let code = 0;
  for (let at = 0; at < CELLS; at++)
    code = (code << 1) | Number(gray[row * WIDTH + Math.floor(left + (at + 0.5) * cell)]! >= DARK);
  return crc8([code >> 16, (code >> 8) & 0xff]) === (code & 0xff);
}
