/** What stands in one layer of a message: all runs of all encodings, each once, with the names that lead to it. */
import { ENCODINGS } from './all.ts';
import { type As, type Budget, joined, latin1, type Run, SHORTEST } from './encoding.ts';

/** A run and how it is to be decoded; its label is the whole path. */
export interface Found extends Run {
  as: As;
}

/** A run as an encoding gives it. */
type Named = Run & { encoding: string };

/** A run while the layer is being looked into; its label is the path within a part of the layer. */
type Placed = Found & { part: Placed | undefined };

/** Runs of one layer. */
const MOST_RUNS = 1 << 18;
/** How many of the runs around one are asked for a name: one overlaps few others. */
const NEAREST = 8;
/** The same for parts of parts. */
const MOST_PARTS_AROUND = 100;

/**
 * Everything in `bytes`; `label` is the layer's own. The layer is taken to be paid for; its parts are looked into as far as `budget`
 * goes.
 */
export function runsOfLayer(bytes: Uint8Array, label: string | undefined, budget: Budget): Found[] {
  const found = new Map<As, Map<number, Placed>>();
  let count = 0;
  // Parts are looked into by themselves, as what begins there shows there only; first the whole.
  const parts: (Placed | undefined)[] = [undefined];
  for (const part of parts) {
    const [start, end] = part ? [part.start, part.end] : [0, bytes.length];
    if (part && !budget.spend('bytes', end - start)) continue;
    for (const run of runsOfPart(bytes.subarray(start, end), budget)) {
      if (run.as === undefined || (run.as === 'raw' && run.end - run.start === end - start)) continue;
      const placed: Placed = { ...run, as: run.as, start: run.start + start, end: run.end + start, part };
      const known = placesOf(found, run.as);
      // Layers are shorter than 2^26 bytes, so that both fit into a number.
      const place = placed.start * 2 ** 26 + (placed.end - placed.start);
      const same = known.get(place);
      if (same) merge(same, placed);
      else if (count++ >= MOST_RUNS) budget.exhausted = true;
      else {
        known.set(place, placed);
        if (run.as === 'raw' && !run.closed && run.end - run.start >= SHORTEST) parts.push(placed);
      }
    }
  }
  const all = [...found.values()].flatMap((places) => [...places.values()]);
  return all.map((run) => {
    const { as, start, end, text, guess } = run;
    return { as, start, end, text, guess, label: joined(label, path(run)) };
  });
}

function placesOf(found: Map<As, Map<number, Placed>>, as: As): Map<number, Placed> {
  const places = found.get(as) ?? new Map<number, Placed>();
  found.set(as, places);
  return places;
}

/** What is found again is found further inside, so that its path is the better one. */
function merge(known: Placed, { label, part, text, guess }: Placed): void {
  if (label !== undefined || path(known) === undefined) Object.assign(known, { label, part });
  known.text ||= text;
  known.guess &&= guess;
}

function path(run: Placed): string | undefined {
  let label = run.label;
  let part = run.part;
  for (let count = 0; part && count < MOST_PARTS_AROUND; count++, part = part.part) label = joined(part.label, label);
  return label;
}

const SEARCHED = ENCODINGS.map((encoding) => ({ encoding, needs: [...Buffer.from(encoding.needs, 'latin1')] }));
/** Which bytes there are; made once, as there are many small parts. */
const PRESENT = new Uint8Array(256);

/** Runs of all encodings, each with its path. */
function runsOfPart(bytes: Uint8Array, budget: Budget): Named[] {
  const found: Named[] = [];
  PRESENT.fill(0);
  for (let at = 0; at < bytes.length; at++) PRESENT[bytes[at]!] = 1;
  // All of them before any is asked, as the table is one for all.
  const worthwhile = SEARCHED.filter(({ needs }) => needs.length === 0 || needs.some((byte) => PRESENT[byte] === 1));
  for (const { encoding } of worthwhile)
    for (const { as, start, end, label, text, closed, guess } of encoding.runs(bytes, budget)) {
      if (found.length >= MOST_RUNS) {
        budget.exhausted = true;
        break;
      }
      found.push({ as, start, end, label, text, closed, guess, encoding: encoding.id });
    }
  // Outer ones before those inside.
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  nameAll(found, bytes);
  return found;
}

/** Puts the names of what surrounds a run before its own. A path of one encoding is whole already. */
function nameAll(sorted: Named[], bytes: Uint8Array): void {
  const around: Named[] = [];
  for (const run of sorted) {
    while (around.length > 0 && around.at(-1)!.end <= run.start) around.pop();
    const isNamed = run.label !== undefined;
    const inside = around
      .slice(-NEAREST)
      .reverse()
      .find(({ end, encoding }) => end >= run.end && (!isNamed || encoding !== run.encoding));
    const isDecoded = run.as !== 'raw' && !run.guess;
    const name = run.label ?? (isDecoded ? labelBefore(bytes, run.start, inside?.start ?? 0) : undefined);
    run.label = joined(inside?.label, name);
    if (isNamed) around.push(run);
  }
}

/** A name that stands before a place in any text, with a colon or an equals sign; its quotation marks may be escaped. */
function labelBefore(bytes: Uint8Array, offset: number, from: number): string | undefined {
  const before = latin1(bytes.subarray(Math.max(from, offset - 80), offset));
  return /(?:^|["'&?\s{,;])([A-Za-z][\w.-]{0,40})\\?["']?\s*[:=]\s*\\?["']?$/.exec(before)?.[1];
}
