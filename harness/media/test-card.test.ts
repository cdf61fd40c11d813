import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CARD, cardY4m, crc8, readCard, readCardFromGray, renderCard } from './test-card.ts';

const { width, height } = CARD;

/** The card's luma, scaled by averaging over areas. */
function scaled(sender: number, counter: number, toWidth: number, toHeight: number): Float32Array {
  const card = renderCard(sender, counter);
  const gray = new Float32Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++)
    for (let x = 0; x < toWidth; x++) {
      const rows = [Math.floor((y * height) / toHeight), Math.ceil(((y + 1) * height) / toHeight)] as const;
      const columns = [Math.floor((x * width) / toWidth), Math.ceil(((x + 1) * width) / toWidth)] as const;
      let sum = 0;
      for (let row = rows[0]; row < rows[1]; row++)
        for (let column = columns[0]; column < columns[1]; column++) sum += card[row * width + column]!;
      gray[y * toWidth + x] = sum / ((rows[1] - rows[0]) * (columns[1] - columns[0]));
    }
  return gray;
}

const sender = fc.integer({ min: 1, max: 15 });
const counter = fc.integer({ min: 0, max: 4095 });

describe('the test card', () => {
  it('is an I420 picture', () => {
    expect(renderCard(1, 0)).toHaveLength((640 * 360 * 3) / 2);
  });

  it('reads back as it was drawn', () => {
    fc.assert(
      fc.property(sender, counter, (sender, counter) => {
        expect(readCardFromGray(renderCard(sender, counter), width, height)).toEqual({ sender, counter });
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [160, 90],
    [213, 120],
    [320, 180],
    [480, 270],
    [960, 540],
    [1280, 720],
  ])('reads back from %d by %d', (toWidth, toHeight) => {
    for (const counter of [0, 77, 4095])
      expect(readCardFromGray(scaled(11, counter, toWidth, toHeight), toWidth, toHeight)).toEqual({
        sender: 11,
        counter,
      });
  });

  it('reads back with less contrast and with noise', () => {
    const noise = fc.sample(fc.integer({ min: -40, max: 40 }), { numRuns: 5000, seed: 3 });
    const dim = Float32Array.from(renderCard(3, 1234), (luma, at) => 60 + luma / 2 + noise[at % noise.length]!);
    expect(readCardFromGray(dim, width, height)).toEqual({ sender: 3, counter: 1234 });
  });

  it('has a part that moves: each picture of the loop differs outside the barcode', () => {
    const below = (counter: number) =>
      Buffer.from(renderCard(1, counter).subarray(width * 228, width * height)).toString('latin1');
    for (let counter = 0; counter < CARD.loop; counter++)
      expect(below(counter)).not.toBe(below((counter + 1) % CARD.loop));
  });

  it('knows no other senders and counters', () => {
    for (const sender of [0, 16, 1.5, Number.NaN]) expect(() => renderCard(sender, 0)).toThrow(RangeError);
    for (const counter of [-1, 4096]) expect(() => renderCard(1, counter)).toThrow(RangeError);
  });
});

describe('readCard', () => {
  const frame = CARD.frame.map(() => 235);
  const cellsOf = (sender: number, counter: number) => {
    const gray = renderCard(sender, counter);
    return CARD.cells.map(({ x, y }) => gray[y * width + x]!);
  };

  it('refuses one wrong cell', () => {
    for (let wrong = 0; wrong < 24; wrong++) {
      const cells = cellsOf(5, 100);
      expect(readCard(cells, frame)).toEqual({ sender: 5, counter: 100 });
      cells[wrong] = 251 - cells[wrong]!;
      expect(readCard(cells, frame)).toBeUndefined();
      cells[wrong] = 128;
      expect(readCard(cells, frame)).toBeUndefined();
    }
  });

  it('refuses too little contrast, a frame that is not white, a missing value, no number', () => {
    const cells = cellsOf(5, 100);
    expect(
      readCard(
        cells.map((value) => value / 4),
        frame.map((value) => value / 4),
      ),
    ).toBeUndefined();
    for (let wrong = 0; wrong < frame.length; wrong++)
      expect(
        readCard(
          cells,
          frame.map((value, at) => (at === wrong ? 100 : value)),
        ),
      ).toBeUndefined();
    expect(readCard(cells.slice(1), frame)).toBeUndefined();
    expect(readCard(cells.fill(Number.NaN, 3, 4), frame)).toBeUndefined();
  });

  it('reads nothing in random values', () => {
    const gray = fc.integer({ min: 0, max: 255 });
    const values = (length: number) => fc.array(gray, { minLength: length, maxLength: length, size: 'max' });
    fc.assert(
      fc.property(values(24), values(frame.length), (cells, frame) => readCard(cells, frame) === undefined),
      { numRuns: 20_000 },
    );
  });
});

describe('readCardFromGray', () => {
  it('reads nothing in pictures of noise, of blocks, of one grey, of stripes', () => {
    // A generator of its own, so that a failure can be repeated.
    let state = 1;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 24;
    };
    for (let picture = 0; picture < 4000; picture++) {
      const block = 1 << (picture % 6);
      const across = Math.ceil(160 / block);
      const values = Uint8Array.from({ length: across * Math.ceil(90 / block) }, () =>
        picture % 2 ? random() : 255 * (random() >> 7),
      );
      const gray = new Uint8Array(160 * 90);
      for (let at = 0; at < gray.length; at++) {
        const row = picture % 5 === 0 ? 0 : Math.floor(at / 160 / block);
        gray[at] = values[row * across + Math.floor((at % 160) / block)]!;
      }
      expect(readCardFromGray(gray, 160, 90)).toBeUndefined();
    }
    for (let gray = 0; gray < 256; gray++)
      expect(readCardFromGray(new Uint8Array(160 * 90).fill(gray), 160, 90)).toBeUndefined();
  });

  it('reads nothing in pictures that are too small, or not all there', () => {
    expect(readCardFromGray(scaled(1, 1, 128, 72), 128, 72)).toBeUndefined();
    expect(readCardFromGray(new Uint8Array(10), 640, 360)).toBeUndefined();
    expect(readCardFromGray([], Number.NaN, 360)).toBeUndefined();
  });
});

describe('cardY4m', () => {
  it('is a YUV4MPEG2 file of the cards in turn', () => {
    const [header, ...rest] = cardY4m(4, 3);
    expect(Buffer.from(header!).toString()).toBe('YUV4MPEG2 W640 H360 F15:1 Ip A1:1 C420jpeg\n');
    expect(rest.filter((_, at) => at % 2 === 0).map((mark) => Buffer.from(mark).toString())).toEqual([
      'FRAME\n',
      'FRAME\n',
      'FRAME\n',
    ]);
    const pictures = rest.filter((_, at) => at % 2 === 1).map((card) => readCardFromGray(card, width, height));
    expect(pictures).toEqual([0, 1, 2].map((counter) => ({ sender: 4, counter })));
    expect(rest.every((piece, at) => at % 2 === 0 || piece.length === renderCard(4, 0).length)).toBe(true);
  });
});

describe('crc8', () => {
  it('is CRC-8/I-432-1', () => {
    expect(crc8(Buffer.from('123456789'))).toBe(0xa1);
  });
});
