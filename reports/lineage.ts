/**
 * A key's lineage, drawn: layers of boxes from where it starts down to the key, as inline SVG that needs no script. Sizes are
 * worked out without a browser, from widths that err on the wide side.
 */
import type { KeyEvidence } from '../harness/claims/evidence.ts';
import type { Lineage, Secret } from '../harness/knowledge/lineage.ts';
import { html, type Markup } from './markup.ts';
import { printable } from './printable.ts';
import { labelOf, type Say, sentencesOf } from './sentences.ts';
import { type Box, type Story, storiesOf } from './story.ts';

/** Pixels of a box, of what is between boxes, and of the way that a line takes past the boxes of a layer. */
const BOX = { width: 210, padding: 11, gap: 20 };
const LAYER_GAP = 46;
const LANE = 18;
const MARGIN = 6;
/** As wide as two boxes, so that letters are of one size in drawings that are fitted to a screen. */
const NARROWEST = 2 * BOX.width + BOX.gap;
/** Wider drawings are scrolled on a small screen, where letters would get too small to read. */
const WIDE = 3 * (BOX.width + BOX.gap);
/** Pixels of letters and of lines. */
const TAG = { size: 11, line: 18 };
const TITLE = { size: 13, line: 17, most: 6 };
const SMALL = { size: 11.5, line: 15, most: 5 };
const ARROW = { width: 4.5, height: 8 };
/** Passes over the layers to put boxes under what they come from. */
const SORTINGS = 4;

/** Draws the lineage of one key. */
export function drawLineage(
  key: KeyEvidence,
  secret: Secret,
  lineage: Lineage,
  participants: readonly string[],
  say: Say = printable,
): Markup {
  const { stories } = storiesOf(new Map([[key, secret]]), lineage, participants);
  return drawStory(stories[0]!, say);
}

/** Draws a story; `number` tells it from the others of the page. */
export function drawStory(story: Story, say: Say, number = 1): Markup {
  const { places, lines, width, height } = layout(story, say);
  const name = say(story.keys[0]!.name);
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="${width > WIDE ? 'lineage wide' : 'lineage'}" role="img" aria-labelledby="lineage-${number}-title lineage-${number}-desc" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title id="lineage-${number}-title">Where ${name} came from</title>
<desc id="lineage-${number}-desc">From where it starts, above, down to ${name}. The numbered list that follows says the same. ${story.isLeak && 'The way that the provider can take is drawn in red, in thick lines.'}</desc>
${lines.map(drawLine)}${places.map(drawBox)}</svg>`;
}

export { sentencesOf };

/** A box and where it is drawn; the middle of its upper edge. */
interface Place {
  box: Box;
  x: number;
  y: number;
  height: number;
  tag: string;
  title: string[];
  small: string[];
}

/** The points that an arrow goes through, always downwards. */
interface Line {
  points: [x: number, y: number][];
  isLeak: boolean;
  isSealed: boolean;
}

/** A box in its layer, or a line on its way past it. */
interface Slot {
  box: Box | undefined;
  /** Slots of the next layer that a line goes to. */
  to: Slot[];
  x: number;
}

function layout({ layers }: Story, say: Say): { places: Place[]; lines: Line[]; width: number; height: number } {
  const { rows, ways } = slotted(layers);
  sortRows(rows);
  const width = Math.max(NARROWEST, ...rows.map(widthOf)) + 2 * MARGIN;
  for (const row of rows) {
    let x = (width - widthOf(row)) / 2;
    for (const slot of row) {
      const own = slot.box ? BOX.width : LANE;
      slot.x = x + own / 2;
      x += own + BOX.gap;
    }
  }
  const places = new Map<Box, Place>();
  const tops: { top: number; bottom: number }[] = [];
  let top = MARGIN;
  for (const row of rows) {
    const drawn = row.flatMap(({ box, x }) => (box ? [{ box, x, ...labelled(box, say) }] : []));
    const bottom = top + Math.max(...drawn.map(({ height }) => height));
    for (const one of drawn) places.set(one.box, { ...one, y: top + (bottom - top - one.height) / 2 });
    tops.push({ top, bottom });
    top = bottom + LAYER_GAP;
  }
  return {
    places: [...places.values()],
    lines: linesOf(ways, places, tops),
    width,
    height: tops.at(-1)!.bottom + MARGIN,
  };
}

function widthOf(row: readonly Slot[]): number {
  return row.reduce((sum, { box }) => sum + (box ? BOX.width : LANE) + BOX.gap, -BOX.gap);
}

interface LineSlots {
  from: Box;
  to: Box;
  /** Where it passes a layer in between. */
  past: { slot: Slot; layer: number }[];
  isLeak: boolean;
}

/** Gives each line a slot in the layers that it passes. */
function slotted(layers: readonly Box[][]): { rows: Slot[][]; ways: LineSlots[] } {
  const slots = new Map<Box, Slot>();
  const layerOf = new Map<Box, number>();
  const rows = layers.map((layer, index) =>
    layer.map((box): Slot => {
      const slot = { box, to: [], x: 0 };
      slots.set(box, slot);
      layerOf.set(box, index);
      return slot;
    }),
  );
  const ways: LineSlots[] = [];
  for (const to of slots.keys())
    for (const [from, isLeak] of to.inputs) {
      const past: LineSlots['past'] = [];
      let slot = slots.get(from)!;
      for (let layer = layerOf.get(from)! + 1; layer < layerOf.get(to)!; layer++) {
        const next: Slot = { box: undefined, to: [], x: 0 };
        rows[layer]!.push(next);
        past.push({ slot: next, layer });
        slot.to.push(next);
        slot = next;
      }
      slot.to.push(slots.get(to)!);
      ways.push({ from, to, past, isLeak });
    }
  return { rows, ways };
}

/** Puts each slot near the middle of what it is connected with, in turns downwards and upwards (Sugiyama, 1981). */
function sortRows(rows: Slot[][]): void {
  const sort = (row: Slot[], other: Slot[], connected: (slot: Slot) => Slot[]) => {
    const middle = new Map(
      row.map((slot, index) => {
        const places = connected(slot).map((one) => (other.indexOf(one) + 0.5) / other.length);
        const own = (index + 0.5) / row.length;
        return [slot, places.length > 0 ? places.reduce((a, b) => a + b) / places.length : own];
      }),
    );
    row.sort((a, b) => middle.get(a)! - middle.get(b)!);
  };
  for (let pass = 0; pass < SORTINGS; pass++) {
    for (let index = rows.length - 2; index >= 0; index--) sort(rows[index]!, rows[index + 1]!, ({ to }) => to);
    for (let index = 1; index < rows.length; index++) {
      const above = rows[index - 1]!;
      sort(rows[index]!, above, (slot) => above.filter(({ to }) => to.includes(slot)));
    }
  }
}

function linesOf(
  ways: readonly LineSlots[],
  places: ReadonlyMap<Box, Place>,
  rows: readonly { top: number; bottom: number }[],
): Line[] {
  // Arrows that end at one box end side by side, in the order in which they come.
  const ends = new Map<LineSlots, number>();
  for (const { box, x } of places.values()) {
    const incoming = ways.filter(({ to }) => to === box);
    const from = (way: LineSlots) => way.past.at(-1)?.slot.x ?? places.get(way.from)!.x;
    incoming.sort((a, b) => from(a) - from(b));
    for (const [index, way] of incoming.entries())
      ends.set(way, x - BOX.width / 2 + (BOX.width * (index + 1)) / (incoming.length + 1));
  }
  return ways.map((way): Line => {
    const from = places.get(way.from)!;
    const passing = way.past.flatMap(({ slot: { x }, layer }): [number, number][] => [
      [x, rows[layer]!.top],
      [x, rows[layer]!.bottom],
    ]);
    const end: [number, number] = [ends.get(way)!, places.get(way.to)!.y];
    return {
      points: [[from.x, from.y + from.height], ...passing, end],
      isLeak: way.isLeak,
      isSealed: way.from.kind === 'sealed' && !way.isLeak,
    };
  });
}

/** A box's texts, broken into lines, and how high it gets. */
function labelled(box: Box, say: Say): Pick<Place, 'tag' | 'title' | 'small' | 'height'> {
  const label = labelOf(box, say);
  const width = BOX.width - 2 * BOX.padding;
  const title = wrap(`${box.number}. ${label.title}`, width, TITLE.size, TITLE.most);
  const small = label.small.flatMap((line) => wrap(line, width, SMALL.size, 3)).slice(0, SMALL.most);
  const [tag] = wrap(label.tag, width - (box.kind === 'sealed' ? 16 : 0), TAG.size, 1);
  const height = 2 * BOX.padding + TAG.line + title.length * TITLE.line + small.length * SMALL.line;
  return { tag: tag ?? '', title, small, height };
}

// --- widths of text

/** Parts of the letters' size that a character is wide at most: those of DejaVu Sans, the widest of the fonts in question. */
const WIDTHS: readonly [RegExp, number][] = [
  [/[ijlI'|.,:;! ’‘]/, 0.34],
  [/[ftr()[\]{}\-/\\"“”]/, 0.5],
  [/[mwMW@%—…&+=<>]/, 1],
  [/[a-z0-9]/, 0.64],
  [/[\x20-\x7e]/, 0.8],
  [/[\u00a0-\u10ff]/, 0.95],
];
const WIDEST = 1.4;

function widthOfCharacter(character: string): number {
  return WIDTHS.find(([pattern]) => pattern.test(character))?.[1] ?? WIDEST;
}

/** Where a word that is too long may be broken, as addresses are. */
const SOFT_BREAK = /(?<=[/.,?&=_-])/;

/** Breaks text at spaces, and words that are too long where they may or must be; what doesn't fit into `most` lines is cut. */
function wrap(text: string, width: number, size: number, most: number): string[] {
  const widthOf = (text: string) => [...text].reduce((sum, character) => sum + widthOfCharacter(character) * size, 0);
  const lines: string[] = [];
  let line = '';
  const fits = (more: string) => widthOf(line + more) <= width;
  const flush = () => {
    if (line) lines.push(line.trimEnd());
    line = '';
  };
  for (const word of text.split(/(?<= )/)) {
    if (lines.length > most) break;
    if (!fits(word.trimEnd())) flush();
    const pieces = fits(word.trimEnd()) ? [word] : word.split(SOFT_BREAK);
    for (const piece of pieces) {
      if (!fits(piece.trimEnd())) flush();
      for (const part of fits(piece.trimEnd()) ? [piece] : piece) {
        if (!fits(part.trimEnd())) flush();
        line += part;
      }
    }
  }
  flush();
  if (lines.length <= most) return lines;
  const last = [...lines[most - 1]!];
  return [...lines.slice(0, most - 1), `${last.slice(0, -2).join('')}…`];
}

// --- SVG

function drawLine({ points, isLeak, isSealed }: Line): Markup {
  const [x, y] = points.at(-1)!;
  // The line ends within the arrow's head.
  const path = [...points.slice(0, -1), [x, y - ARROW.height / 2] as const].map(([x, y], index, all) => {
    if (index === 0) return `M${round(x)} ${round(y)}`;
    const [beforeX, beforeY] = all[index - 1]!;
    const middle = (beforeY + y) / 2;
    return `C${round(beforeX)} ${round(middle)} ${round(x)} ${round(middle)} ${round(x)} ${round(y)}`;
  });
  const top = y - ARROW.height;
  const head = `M${round(x)} ${round(y)}L${round(x - ARROW.width)} ${round(top)}L${round(x + ARROW.width)} ${round(top)}Z`;
  const kind = isLeak ? 'leak' : isSealed ? 'shut' : 'plain';
  return html`<g class="line ${kind}"><path class="way" d="${path.join('')}"></path><path class="head" d="${head}"></path></g>
`;
}

function drawBox({ box, x, y, height, tag, title, small }: Place): Markup {
  const isSealed = box.kind === 'sealed';
  const left = x - BOX.width / 2;
  const kind = [box.knower, box.kind === 'key' && 'own', isSealed && 'shut'].filter(Boolean).join(' ');
  const start = y + BOX.padding;
  const titleAt = start + TAG.line;
  const smallAt = titleAt + title.length * TITLE.line;
  const text = (line: string, size: { size: number; line: number }, top: number, index: number, kind: string) =>
    html`<text class="${kind}" x="${BOX.padding}" y="${round(top - y + index * size.line + size.size)}">${line}</text>
`;
  // An SVG of its own cuts off what would stand out of the box, should a font be wider than any known.
  return html`<svg x="${round(left)}" y="${round(y)}" width="${BOX.width}" height="${round(height)}">
<rect class="box ${kind}" x="2" y="2" width="${BOX.width - 4}" height="${round(height - 4)}" rx="${box.knower === 'provider' ? 0 : 10}"></rect>
${isSealed && lock(BOX.width - BOX.padding - 12, BOX.padding - 2)}${text(tag, TAG, start, 0, `tag ${box.knower}`)}${title.map((line, index) => text(line, TITLE, titleAt, index, 'title'))}${small.map((line, index) => text(line, SMALL, smallAt, index, 'small'))}</svg>
`;
}

function lock(x: number, y: number): Markup {
  const shackle = `M${x + 2.5} ${y + 6}V${y + 3.5}a3.5 3.5 0 0 1 7 0V${y + 6}`;
  return html`<path class="shackle" d="${shackle}"></path><rect class="lock" x="${x}" y="${y + 6}" width="12" height="8" rx="1.5"></rect>
`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
