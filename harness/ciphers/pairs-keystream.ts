/** Frames that were combined with the same keystream, or with parts of it. */
import { BLOCK, type Changed, headers, MAX_HEADER, text } from './pairs.ts';

/** Bytes from the first equal block on in which keystreams are compared. */
const COMPARED = 256;
/** Blocks at a frame's start that are held against those of other frames: counters that overlap make later ones equal. */
const MAX_BLOCKS = 8;
/** Places of one keystream block that a frame is held against. */
const MAX_EARLIER = 16;
/** Bytes in which two plaintexts differ; frames that hardly do would agree under a cipher that only depends on the frame. */
const MIN_AGREEING = 8;

export interface KeystreamReuse {
  /** Frames whose keystream an earlier frame had, or a part of it from one of the first blocks on. */
  readonly frames: number;
  /** Frames that were compared. */
  readonly of: number;
  /** Where the first two are among the pairs given. */
  readonly example: readonly [number, number];
  /** 16-byte blocks by which the second's keystream is ahead of the first's: not 0 where the frames' counters overlap. */
  readonly shift: number;
  /** Bytes in which the example's plaintexts differ and its keystreams agree: chance makes it 256^-this. */
  readonly agreeing: number;
  /** Bytes that the transform puts between clear prefix and ciphertext. */
  readonly header: number;
}

/** A block of one frame's keystream. */
interface Place {
  readonly pair: Changed;
  readonly block: number;
}

export function keystreamReuse(pairs: readonly Changed[]): KeystreamReuse | undefined {
  const long = pairs.filter((pair) => pair.before.length >= pair.clearPrefix + BLOCK);
  const reused = new Set<Changed>();
  let shown: Pick<KeystreamReuse, 'example' | 'shift' | 'agreeing' | 'header'> | undefined;
  for (let header = 0; header <= MAX_HEADER; header++) {
    const streams = new Map<string, Place[]>();
    for (const pair of long) {
      if (headers(pair) < header) continue;
      const found = sharedWith(streams, pair, header);
      if (!found) continue;
      const { other, shift, agreeing } = found;
      reused.add(pair);
      shown ??= { example: [other.index, pair.index], shift, agreeing, header };
    }
  }
  return shown && { frames: reused.size, of: long.length, ...shown };
}

/** An earlier frame that shares keystream with this one, whose blocks are added to those known. */
function sharedWith(streams: Map<string, Place[]>, pair: Changed, header: number) {
  const stream = keystream(pair, header);
  const fresh: [string, Place][] = [];
  let found: { other: Changed; shift: number; agreeing: number } | undefined;
  for (let block = 0; (block + 1) * BLOCK <= stream.length; block++) {
    const name = text(stream, block * BLOCK, BLOCK);
    const earlier = streams.get(name) ?? [];
    for (const place of found ? [] : earlier) {
      const agreeing = agreement(place, { pair, block }, header);
      if (agreeing < MIN_AGREEING) continue;
      found = { other: place.pair, shift: place.block - block, agreeing };
      break;
    }
    if (earlier.length < MAX_EARLIER) fresh.push([name, { pair, block }]);
  }
  for (const [name, place] of fresh) streams.set(name, [...(streams.get(name) ?? []), place]);
  return found;
}

/** The first blocks of the keystream, as far as there are any, if that many header bytes stand before the ciphertext. */
function keystream({ before, after, clearPrefix }: Changed, header: number): Uint8Array {
  const stream = new Uint8Array(Math.min(before.length - clearPrefix, MAX_BLOCKS * BLOCK));
  for (let i = 0; i < stream.length; i++) stream[i] = before[clearPrefix + i]! ^ after[clearPrefix + header + i]!;
  return stream;
}

/** Bytes in which two plaintexts differ while the keystreams agree; 0 where the keystreams part in what is compared. */
function agreement({ pair: a, block: first }: Place, { pair: b, block: second }: Place, header: number): number {
  const x = a.clearPrefix + first * BLOCK;
  const y = b.clearPrefix + second * BLOCK;
  const length = Math.min(a.before.length - x, b.before.length - y, COMPARED);
  let differing = 0;
  for (let i = 0; i < length; i++) {
    const [plain, other] = [a.before[x + i]!, b.before[y + i]!];
    if ((plain ^ a.after[x + i + header]!) !== (other ^ b.after[y + i + header]!)) return 0;
    if (plain !== other) differing++;
  }
  return differing;
}
