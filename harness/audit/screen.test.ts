import { describe, expect, it } from 'vitest';
import { CARD, renderCard } from '../media/test-card.ts';
import { Eye } from './screen.ts';

const PAGE = { width: 640, height: 360 };

/** A white page with these cards, each scaled down. */
function page(...cards: { sender: number; counter: number; x: number; y: number; width: number }[]): Uint8Array {
  const gray = new Uint8Array(PAGE.width * PAGE.height).fill(235);
  for (const { sender, counter, x, y, width } of cards) {
    const card = renderCard(sender, counter);
    const scale = CARD.width / width;
    for (let row = 0; row < CARD.height / scale && y + row < PAGE.height; row++)
      for (let column = 0; column < width; column++)
        gray[(y + row) * PAGE.width + x + column] =
          card[Math.floor((row + 0.5) * scale) * CARD.width + Math.floor((column + 0.5) * scale)]!;
  }
  return gray;
}

describe('cards on a page', () => {
  it('are found wherever they stand', () => {
    const seen = new Eye().look(
      page(
        { sender: 2, counter: 77, x: 12, y: 101, width: 276 },
        { sender: 1, counter: 78, x: 301, y: 101, width: 276 },
      ),
    );
    expect(seen).toEqual([
      { sender: 2, counter: 77 },
      { sender: 1, counter: 78 },
    ]);
  });

  it('are followed from picture to picture', () => {
    const eye = new Eye();
    for (let counter = 0; counter < CARD.loop; counter++)
      expect(eye.look(page({ sender: 3, counter, x: 40, y: 20, width: 480 }))).toEqual([{ sender: 3, counter }]);
  });

  it('are not seen where there are none', () => {
    const noise = Uint8Array.from({ length: PAGE.width * PAGE.height }, (_, at) => (at * 2654435761) >>> 24);
    expect(new Eye().look(noise)).toEqual([]);
    expect(new Eye().look(page())).toEqual([]);
  });
});
