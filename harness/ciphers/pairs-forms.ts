/** How sealed frames are laid out: which bytes beside the ciphertext are fields, and how those behave from frame to frame. */
import { type Changed, locate, MIN_PAIRS, type Place, text } from './pairs.ts';
import { type Column, type Counting, isConstant, patterns } from './pairs-counters.ts';
import { type OpenedForm, openForm } from './pairs-key.ts';

/** Bytes that aren't a sound cipher's output, be it ciphertext or tag. */
export type Field = Place &
  (
    | { readonly behaviour: 'constant'; readonly value: Uint8Array }
    /** A number that runs on from frame to frame: a counter, a timestamp. Its bytes that never change are a constant field. */
    | ({ readonly behaviour: 'counter' } & Counting)
    /** Equal in frames whose plaintexts differ, more often than random bytes are, though not in all. */
    | { readonly behaviour: 'repeated' }
  );

/** The bytes that tell frames apart, as far as they are seen to: a nonce, or a part of it. */
export interface Nonce extends Place {
  /** `repeated` if two frames of different plaintext have the same bytes here, whatever else they do. */
  readonly behaviour: 'constant' | 'counter' | 'repeated';
  /** Different values, and in how many frames: those of the medium where the kind has too few. */
  readonly distinct: number;
  readonly of: number;
  /** Constant bytes on either side: pairs don't tell whether they belong to it. */
  readonly adjoining: { readonly before: number; readonly after: number };
}

/** Frames of one kind that grow by the same number of bytes. */
export interface Form {
  /** Bytes by which they grow, without padding to whole blocks. */
  readonly overhead: number;
  readonly frames: number;
  /** In the order in which they stand; none where nothing is claimed of the cipher. */
  readonly fields: readonly Field[];
  /**
   * Bytes that they grow by and that are no field: a tag of this length if the nonce is among the fields, or isn't sent, and
   * what is left over is a tag; a random nonce looks the same. `undefined` where the frames are too few or nothing is claimed
   * of the cipher.
   */
  readonly unexplained: number | undefined;
  readonly nonce: Nonce | undefined;
  /** What the key that was given opens; `undefined` without one, or where it opens none. */
  readonly opened: OpenedForm | undefined;
}

/** What is known of all frames. */
export interface Known {
  /** Bytes between clear prefix and ciphertext, where a relation shows them. */
  readonly header?: number | undefined;
  /** The output is such that fields can be told from it. */
  readonly sealed: boolean;
  /** All have the same keystream, so that the nonce is constant. */
  readonly oneKeystream?: boolean | undefined;
  /** That frames are in the order in which they were sealed. */
  readonly inOrder: boolean;
  readonly key?: Uint8Array | undefined;
}

/** Forms of one kind, the commonest first. What grows by more than 17 different numbers of bytes isn't called a stream. */
const MAX_FORMS = 17;
/** Bytes at each end of a frame that are looked at; overheads of known formats are shorter. */
const MAX_SIDE = 64;
/** Equal bytes that are no chance: among 8,192 frames two are equal at one of 128 places once in 2^31. */
const REPEATED = 8;
/** Bytes that never change below which a field is no nonce. */
const MIN_CONSTANT_NONCE = 8;

/**
 * @param kind Frames of one kind.
 * @param medium All frames of that medium, for kinds that have too few: a format is the same for key frames and others.
 */
export function formsOf(kind: readonly Changed[], medium: readonly Changed[], known: Known): Form[] {
  return grouped(kind)
    .slice(0, MAX_FORMS)
    .map((frames) => {
      const overhead = frames[0]!.room;
      const enough = frames.length >= MIN_PAIRS ? frames : medium.filter(({ room }) => room === overhead);
      const fields = known.sealed ? fieldsOf(enough, overhead, known) : undefined;
      return {
        overhead,
        frames: frames.length,
        fields: fields ?? [],
        unexplained: fields?.reduce((left, { length }) => left - length, Math.max(0, overhead)),
        nonce: fields && nonceOf(enough, fields, known),
        opened: known.key && openForm(frames, known.key),
      };
    });
}

function grouped(pairs: readonly Changed[]): Changed[][] {
  const groups = new Map<number, Changed[]>();
  for (const pair of pairs) {
    const group = groups.get(pair.room);
    if (group) group.push(pair);
    else groups.set(pair.room, [pair]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

function fieldsOf(pairs: readonly Changed[], room: number, { header, inOrder }: Known): Field[] | undefined {
  if (room <= 0) return [];
  // In shorter frames both ends are the same bytes, and one field would be seen twice.
  const long = pairs.filter((pair) => sealedLength(pair) >= 2 * room);
  const looked = long.length >= MIN_PAIRS ? long : pairs;
  if (looked.length < MIN_PAIRS) return undefined;
  const half = looked.reduce((least, pair) => Math.min(least, Math.floor(sealedLength(pair) / 2)), MAX_SIDE);
  const bounds = { noCiphertext: header !== undefined, inOrder };
  const front = sideFields(looked, 'header', Math.min(header ?? room, half), bounds);
  const back = sideFields(looked, 'end', Math.min(room - (header ?? 0), half), bounds);
  const fields = [...front, ...back];
  // More than was added is ciphertext with a pattern that no relation explains.
  return fields.reduce((sum, { length }) => sum + length, 0) <= room ? fields : undefined;
}

function sealedLength({ after, clearPrefix }: Changed): number {
  return after.length - clearPrefix;
}

/** Fields among the first or last `size` bytes behind the clear prefix. */
function sideFields(
  pairs: readonly Changed[],
  from: Place['from'],
  size: number,
  { noCiphertext, inOrder }: { noCiphertext: boolean; inOrder: boolean },
): Field[] {
  const placeOf = (at: number, length: number): Place => ({ from, offset: from === 'header' ? at : size - at, length });
  const columns: Column[] = Array.from({ length: size }, (_, at) =>
    Uint8Array.from(pairs, (pair) => pair.after[locate(pair, placeOf(at, 1))]!),
  );
  const fields: Field[] = [];
  const taken = new Array<boolean>(size).fill(false);
  const take = (at: number, length: number, field: Field) => {
    taken.fill(true, at, at + length);
    fields.push(field);
  };
  const runs = (wanted: (at: number) => boolean) => {
    const found: [number, number][] = [];
    for (let at = 0; at < size; at++) {
      if (!wanted(at)) continue;
      const last = found.at(-1);
      if (last && last[0] + last[1] === at) last[1]++;
      else found.push([at, 1]);
    }
    return found;
  };
  for (const [at, length] of runs((at) => isConstant(columns[at]!))) {
    const value = Uint8Array.from(columns.slice(at, at + length), (column) => column[0]!);
    take(at, length, { ...placeOf(at, length), behaviour: 'constant', value });
  }
  for (const { at, length, counter } of patterns(columns, inOrder))
    take(at, length, {
      ...placeOf(at, length),
      ...(counter ? { behaviour: 'counter', ...counter } : { behaviour: 'repeated' }),
    });
  const repeating = new Array<boolean>(size).fill(false);
  for (let at = 0; at + REPEATED <= size; at++)
    if (!taken.slice(at, at + REPEATED).includes(true) && repeats(pairs, placeOf(at, REPEATED), noCiphertext))
      repeating.fill(true, at, at + REPEATED);
  for (const [at, length] of runs((at) => repeating[at]!))
    take(at, length, { ...placeOf(at, length), behaviour: 'repeated' });
  return fields.sort((a, b) => (from === 'header' ? a.offset - b.offset : b.offset - a.offset));
}

/** Whether frames of different plaintext have equal bytes at a place. */
function repeats(pairs: readonly Changed[], place: Place, noCiphertext: boolean): boolean {
  const firsts = new Map<string, Changed>();
  for (const pair of pairs) {
    const value = text(pair.after, locate(pair, place), place.length);
    const first = firsts.get(value);
    if (!first) firsts.set(value, pair);
    else if (Buffer.compare(first.before, pair.before) !== 0 && (noCiphertext || !sealEqual(first, pair, place)))
      return true;
  }
  return false;
}

/** Whether the bytes at a place could be ciphertext of equal plaintext. */
function sealEqual(a: Changed, b: Changed, { from, offset, length }: Place): boolean {
  const most = from === 'header' ? offset : offset - length;
  for (let beside = 0; beside <= most; beside++) {
    const [x, y] = [a, b].map(({ before, clearPrefix }) => {
      const at = from === 'header' ? clearPrefix + offset - beside : before.length - offset + beside;
      return before.subarray(Math.max(0, at), Math.max(0, at + length));
    });
    if (x!.length > 0 && Buffer.compare(x!, y!) === 0) return true;
  }
  return false;
}

function nonceOf(pairs: readonly Changed[], fields: readonly Field[], { oneKeystream }: Known): Nonce | undefined {
  let best: Nonce | undefined;
  for (const run of adjacent(fields)) {
    const first = run.findIndex(({ behaviour }) => behaviour !== 'constant');
    const last = run.findLastIndex(({ behaviour }) => behaviour !== 'constant');
    if (first < 0 && !oneKeystream) continue;
    const span = first < 0 ? run : run.slice(first, last + 1);
    const { from, offset } = span[0]!;
    const place = { from, offset, length: bytes(span) };
    if (first < 0 && place.length < MIN_CONSTANT_NONCE) continue;
    const distinct = new Set(pairs.map((pair) => text(pair.after, locate(pair, place), place.length))).size;
    if (best && (distinct < best.distinct || (distinct === best.distinct && place.length <= best.length))) continue;
    const behaviour = first < 0 ? 'constant' : distinct < pairs.length ? 'repeated' : 'counter';
    const adjoining =
      first < 0 ? { before: 0, after: 0 } : { before: bytes(run.slice(0, first)), after: bytes(run.slice(last + 1)) };
    best = { ...place, behaviour, distinct, of: pairs.length, adjoining };
  }
  return best;
}

/** Runs of fields without other bytes between them. */
function adjacent(fields: readonly Field[]): Field[][] {
  const runs: Field[][] = [];
  for (const field of fields) {
    const last = runs.at(-1)?.at(-1);
    const ends = last && (last.from === 'header' ? last.offset + last.length : last.offset - last.length);
    if (last?.from === field.from && ends === field.offset) runs.at(-1)!.push(field);
    else runs.push([field]);
  }
  return runs;
}

function bytes(fields: readonly Field[]): number {
  return fields.reduce((sum, { length }) => sum + length, 0);
}
