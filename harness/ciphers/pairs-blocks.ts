/**
 * What becomes of blocks of plaintext that repeat: equal blocks in ECB, different ones under any cipher that depends on the
 * place.
 */
import { BLOCK, type Changed, headers, MAX_HEADER, text } from './pairs.ts';

/** Blocks that are looked at for repeats: 4 MiB of plaintext. */
const MAX_BLOCKS = 1 << 18;
/** Repeats on which a finding rests: that many times 128 bits. */
const MIN_REPEATS = 4;
/** Different repeating blocks of which it is asked whether they came out unequal. */
const MAX_UNEQUAL = 1024;

/** One block of plaintext: its frame, and its offset in the frame. */
interface Place {
  readonly pair: Changed;
  readonly at: number;
}

/** Plaintext blocks that occur more than once, each with all its places, among {@link MAX_BLOCKS}. */
export interface Repeats {
  readonly blocks: number;
  readonly places: readonly (readonly Place[])[];
}

export function repeatedPlaintext(pairs: readonly Changed[]): Repeats {
  const places = new Map<string, Place[]>();
  let blocks = 0;
  for (const pair of pairs) {
    for (let at = pair.clearPrefix; at + BLOCK <= pair.before.length && blocks < MAX_BLOCKS; at += BLOCK) {
      const plain = text(pair.before, at, BLOCK);
      const known = places.get(plain);
      if (known) known.push({ pair, at });
      else places.set(plain, [{ pair, at }]);
      blocks++;
    }
  }
  return { blocks, places: [...places.values()].filter((all) => all.length > 1) };
}

export interface EqualBlocks {
  /** Blocks compared. */
  readonly blocks: number;
  /** Plaintext blocks that stand elsewhere, too; each came out as it did there. */
  readonly agreeing: number;
  /** Different blocks among these. */
  readonly distinct: number;
  readonly header: number;
}

/** Whether each and every plaintext block that repeats came out equal. */
export function equalBlocks({ blocks, places }: Repeats): EqualBlocks | undefined {
  if (places.length === 0) return undefined;
  for (let header = 0; header <= MAX_HEADER; header++) {
    const found = agreementAt(places, header);
    if (found && found.agreeing >= MIN_REPEATS) return { blocks, ...found, header };
  }
  return undefined;
}

function agreementAt(repeats: Repeats['places'], header: number): { agreeing: number; distinct: number } | undefined {
  let agreeing = 0;
  let distinct = 0;
  for (const all of repeats) {
    const fitting = all.filter(({ pair }) => headers(pair) >= header);
    const first = fitting[0];
    if (!first) continue;
    const sealed = sealedAt(first, header);
    if (fitting.some((place) => sealedAt(place, header) !== sealed)) return undefined;
    const elsewhere = besideCommonest(fitting);
    agreeing += elsewhere;
    if (elsewhere > 0) distinct++;
  }
  return { agreeing, distinct };
}

/** Places that aren't the commonest within their frame: there, a reused keystream makes equal blocks equal, too. */
function besideCommonest(places: readonly Place[]): number {
  const times = new Map<number, number>();
  for (const place of places) times.set(offset(place), (times.get(offset(place)) ?? 0) + 1);
  return places.length - Math.max(0, ...times.values());
}

function offset({ pair, at }: Place): number {
  return at - pair.clearPrefix;
}

function sealedAt({ pair, at }: Place, header: number): string {
  return text(pair.after, at + header, BLOCK);
}

/**
 * How many plaintext blocks came out otherwise than they did before; `undefined` where one came out as it did elsewhere, or
 * they are too few.
 */
export function unequalBlocks({ places }: Repeats): number | undefined {
  const looked = places.slice(0, MAX_UNEQUAL);
  if (looked.length === 0) return undefined;
  const most = looked.flat().reduce((least, { pair }) => Math.min(least, headers(pair)), MAX_HEADER);
  let least = Number.POSITIVE_INFINITY;
  for (let header = 0; header <= most; header++) {
    const unequal = unequalAt(looked, header);
    if (unequal === undefined) return undefined;
    least = Math.min(least, unequal);
  }
  return least >= MIN_REPEATS ? least : undefined;
}

function unequalAt(repeats: Repeats['places'], header: number): number | undefined {
  let unequal = 0;
  for (const all of repeats) {
    const times = new Map<string, { count: number; offset: number }>();
    let most = 0;
    for (const place of all) {
      const sealed = sealedAt(place, header);
      const known = times.get(sealed) ?? { count: 0, offset: offset(place) };
      if (known.offset !== offset(place)) return undefined;
      times.set(sealed, known);
      most = Math.max(most, ++known.count);
    }
    unequal += all.length - most;
  }
  return unequal;
}

export interface Chained {
  /** Frames that begin as an earlier one, before and after; as long as their plaintexts agree, and no longer. */
  readonly frames: number;
  /** Blocks that came out equal in them: chance makes it 2^-128 for each. */
  readonly blocks: number;
  readonly header: number;
}

/**
 * Frames under an equal IV, seen where their plaintexts begin with the same whole blocks: chained blocks are equal up to the
 * first that differs, and all after it are different.
 */
export function chainedBlocks(pairs: readonly Changed[]): Chained | undefined {
  let best: Chained | undefined;
  for (let header = 0; header <= MAX_HEADER; header++) {
    const found = chainedAt(pairs, header);
    // Behind too short a header, the last bytes of an IV make up for it, except where chance makes ciphertext agree.
    if (found && found.frames >= (best?.frames ?? 0)) best = found;
  }
  return best;
}

function chainedAt(pairs: readonly Changed[], header: number): Chained | undefined {
  const firsts = new Map<string, Changed>();
  let frames = 0;
  let blocks = 0;
  let parted = 0;
  for (const pair of pairs) {
    if (headers(pair) < header || pair.before.length < pair.clearPrefix + BLOCK) continue;
    const begin = text(pair.before, pair.clearPrefix, BLOCK) + text(pair.after, pair.clearPrefix + header, BLOCK);
    const first = firsts.get(begin);
    if (!first) {
      firsts.set(begin, pair);
      continue;
    }
    const compared = chainAt(first, pair, header);
    if (!compared) continue;
    frames++;
    blocks += compared.equal;
    if (compared.parted) parted++;
  }
  return parted >= MIN_REPEATS ? { frames, blocks, header } : undefined;
}

/** Blocks that are equal in both frames; `undefined` where plaintext and ciphertext don't part at the same one. */
function chainAt(a: Changed, b: Changed, header: number): { equal: number; parted: boolean } | undefined {
  const places = Math.min(
    ...[a, b].map(({ before, clearPrefix }) => Math.floor((before.length - clearPrefix) / BLOCK)),
  );
  let equal = 0;
  let parted = false;
  for (let at = 0; at < places * BLOCK; at += BLOCK) {
    const plain = [a, b].map(({ before, clearPrefix }) => text(before, clearPrefix + at, BLOCK));
    const sealed = [a, b].map(({ after, clearPrefix }) => text(after, clearPrefix + header + at, BLOCK));
    parted ||= plain[0] !== plain[1];
    if (parted === (sealed[0] === sealed[1])) return undefined;
    if (!parted) equal++;
  }
  return { equal, parted };
}
