/**
 * The test card: the picture that a participant's camera shows. Strong flat colours for people, and for machines a
 * barcode that tells whose camera made it and which frame it is. Wherever a card can be read, the picture was seen.
 *
 * The barcode is one row of 24 cells in a white frame: 4 bits sender (1 to 15), 12 bits frame counter, 8 bits CRC of
 * these 16, most significant first; white is 1. CRC-8/I-432-1 (ITU-T I.432.1, 7.3.2.2): polynomial x^8+x^2+x+1, initial
 * value 0, XORed with 0x55 at the end.
 *
 * Nothing here needs Node: a page may sample a <video> at `CARD.cells` and `CARD.frame` and call {@link readCard}.
 */

/** A rectangle in the card, in pixels. */
export interface Area {
  x: number;
  y: number;
  width: number;
  height: number;
}

const CELLS = 24;
const CELL = { width: 24, height: 64 };
const BARCODE: Area = { x: 32, y: 148, width: CELLS * CELL.width, height: CELL.height };
/** Width of the white frame around the barcode. */
const FRAME = 16;

/** The card's geometry, for a picture of `width` by `height`. Pictures of other sizes are sampled in proportion. */
export const CARD = {
  width: 640,
  height: 360,
  /** Pictures a second. */
  rate: 15,
  /** Pictures in a loop of {@link cardY4m}; the counter runs from 0 to one less. */
  loop: 128,
  /** Where to sample each of the 24 cells: its inner part, which blurring and chroma leave alone. */
  cells: Array.from(
    { length: CELLS },
    (_, cell): Area => ({ x: BARCODE.x + cell * CELL.width + 6, y: BARCODE.y + 12, width: 12, height: 40 }),
  ),
  /** Where to sample the white frame: above and below every third cell, and at both ends. */
  frame: [
    ...Array.from({ length: CELLS / 3 }, (_, part): Area[] => {
      const x = BARCODE.x + part * 3 * CELL.width + 24;
      return [
        { x, y: BARCODE.y - 12, width: 24, height: 8 },
        { x, y: BARCODE.y + CELL.height + 4, width: 24, height: 8 },
      ];
    }).flat(),
    { x: BARCODE.x - 12, y: BARCODE.y + 12, width: 8, height: 40 },
    { x: BARCODE.x + BARCODE.width + 4, y: BARCODE.y + 12, width: 8, height: 40 },
  ],
} as const;

/** Y, U, V in ITU-R BT.601, limited range. */
type Colour = readonly [number, number, number];
const BLACK: Colour = [16, 128, 128];
const WHITE: Colour = [235, 128, 128];
const RED: Colour = [81, 90, 240];
const GREEN: Colour = [145, 54, 34];
const BLUE: Colour = [41, 240, 110];
const YELLOW: Colour = [210, 16, 146];

/** Digits of 3 by 5 dots, a row an octal figure. */
const DIGITS = [0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71111, 0o75757, 0o75717];

/**
 * Draws the card as I420 (`CARD.width * CARD.height * 3 / 2` bytes).
 * @param sender 1 to 15
 * @param counter 0 to 4095
 * @throws RangeError outside of these
 */
export function renderCard(sender: number, counter: number): Uint8Array {
  const { width, height } = CARD;
  const picture = new Uint8Array((width * height * 3) / 2);
  const fill = (area: Area, colour: Colour): void => fillArea(picture, area, colour);
  const code = codeWord(sender, counter);

  const band = BARCODE.y - FRAME;
  const below = BARCODE.y + BARCODE.height + FRAME;
  fill({ x: 0, y: 0, width, height }, WHITE);
  fill({ x: 0, y: 0, width: width / 2, height: band }, RED);
  fill({ x: width / 2, y: 0, width: width / 2, height: band }, GREEN);
  fill({ x: 0, y: below, width: width / 2, height: height - below }, BLUE);
  fill({ x: width / 2, y: below, width: width / 2, height: height - below }, YELLOW);

  for (let cell = 0; cell < CELLS; cell++) {
    const colour = (code >> (CELLS - 1 - cell)) & 1 ? WHITE : BLACK;
    fill({ ...CELL, x: BARCODE.x + cell * CELL.width, y: BARCODE.y }, colour);
  }

  // The sender's number, and a block that runs to and fro once a loop.
  for (const [place, digit] of [...String(sender)].entries())
    for (let dot = 0; dot < 15; dot++)
      if ((DIGITS[Number(digit)]! >> (14 - dot)) & 1)
        fill({ x: 128 + place * 64 + (dot % 3) * 16, y: 26 + Math.floor(dot / 3) * 16, width: 16, height: 16 }, WHITE);
  const step = counter % CARD.loop;
  const travelled = Math.min(step, CARD.loop - step) * 9;
  fill({ x: travelled, y: below + 32, width: 64, height: 64 }, WHITE);
  fill({ x: travelled + 8, y: below + 40, width: 48, height: 48 }, BLACK);
  return picture;
}

/** Fills an area whose numbers are even, as the chroma planes need. */
function fillArea(picture: Uint8Array, area: Area, [luma, blue, red]: Colour): void {
  const { width, height } = CARD;
  for (let y = area.y; y < area.y + area.height; y++)
    picture.fill(luma, y * width + area.x, y * width + area.x + area.width);
  const chroma = width * height;
  for (let y = area.y / 2; y < (area.y + area.height) / 2; y++) {
    const row = chroma + (y * width + area.x) / 2;
    picture.fill(blue, row, row + area.width / 2);
    picture.fill(red, row + chroma / 4, row + chroma / 4 + area.width / 2);
  }
}

/**
 * A whole YUV4MPEG2 file (mjpegtools, yuv4mpeg(5)) of the card, in pieces: for Chromium's
 * `--use-file-for-fake-video-capture`, which plays it in a loop.
 */
export function* cardY4m(sender: number, frames: number = CARD.loop): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode(`YUV4MPEG2 W${CARD.width} H${CARD.height} F${CARD.rate}:1 Ip A1:1 C420jpeg\n`);
  for (let counter = 0; counter < frames; counter++) {
    yield encoder.encode('FRAME\n');
    yield renderCard(sender, counter % 4096);
  }
}

/** What a barcode says. */
export interface CardReading {
  /** 1 to 15. */
  sender: number;
  /** 0 to 4095. */
  counter: number;
}

/** Black and white must be so far apart, of 255. */
const LEAST_CONTRAST = 96;
/** A cell must lie within this part of the contrast from its colour: what lies between is no barcode. */
const CELL_TOLERANCE = 0.25;

/**
 * Reads the barcode from the mean grey values (0 to 255) of `CARD.cells`, and, so that no other picture passes for a card,
 * of `CARD.frame`. Undefined where they are no card's: too little contrast, a grey cell, a frame that is not white, no
 * such sender, or a wrong CRC.
 *
 * Values that are independently black or white at random pass once in about 70 million; smooth pictures, noise and
 * grey never have the contrast. Callers that want more ask for several readings whose counters move on.
 */
export function readCard(cells: ArrayLike<number>, frame: ArrayLike<number>): CardReading | undefined {
  if (cells.length !== CARD.cells.length || frame.length !== CARD.frame.length) return undefined;
  const values = Array.from(cells);
  const black = Math.min(...values);
  const white = Math.max(...values);
  const contrast = white - black;
  // Not `<`: a value that is no number must not pass.
  if (!(contrast >= LEAST_CONTRAST)) return undefined;
  const margin = contrast * CELL_TOLERANCE;
  if (!Array.from(frame).every((value) => Math.abs(value - white) <= margin)) return undefined;
  let code = 0;
  for (const value of values) {
    const one = value >= white - margin;
    if (!one && !(value <= black + margin)) return undefined;
    code = (code << 1) | Number(one);
  }
  const sender = code >> 20;
  const counter = (code >> 8) & 0xfff;
  return sender > 0 && code === codeWord(sender, counter) ? { sender, counter } : undefined;
}

/**
 * Reads the barcode from a grey picture of any size that shows the whole card and nothing else, so that scaled layers
 * of simulcast can be read too. Undefined below 160x90, and where {@link readCard} is.
 * @param gray `width * height` values, row by row; what follows (chroma planes) is ignored
 */
export function readCardFromGray(gray: ArrayLike<number>, width: number, height: number): CardReading | undefined {
  if (!(width >= 160 && height >= 90) || gray.length < width * height) return undefined;
  const means = (areas: readonly Area[]): number[] => areas.map((area) => mean(gray, width, height, area));
  return readCard(means(CARD.cells), means(CARD.frame));
}

function mean(gray: ArrayLike<number>, width: number, height: number, area: Area): number {
  const left = Math.floor((area.x * width) / CARD.width);
  const top = Math.floor((area.y * height) / CARD.height);
  const right = Math.max(left + 1, Math.floor(((area.x + area.width) * width) / CARD.width));
  const bottom = Math.max(top + 1, Math.floor(((area.y + area.height) * height) / CARD.height));
  let sum = 0;
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += gray[y * width + x]!;
  return sum / ((right - left) * (bottom - top));
}

/** The barcode's 24 bits. */
function codeWord(sender: number, counter: number): number {
  if (!Number.isInteger(sender) || sender < 1 || sender > 15) throw new RangeError(`no card for sender ${sender}`);
  if (!Number.isInteger(counter) || counter < 0 || counter > 4095) throw new RangeError(`no card ${counter}`);
  const data = (sender << 12) | counter;
  return (data << 8) | crc8([data >> 8, data & 0xff]);
}

/** CRC-8/I-432-1. */
export function crc8(bytes: Iterable<number>): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc ^ 0x55;
}
