/** The frames of one stream as the page's hooks saw them leave, by RTP timestamp. */
import type { Body } from '../recording/format.ts';
import { PackedBodies } from './packed-bodies.ts';

/** A frame as the page's hooks saw it leave. */
export interface LeavingFrame {
  /** Event of `after`, or else of `before`. */
  seq: number;
  medium: 'audio' | 'video';
  key: boolean;
  before?: Body;
  after?: Body;
}

/** Where a frame's bodies are among all, from 1; 0 for none. */
interface Row {
  before: number;
  after: number;
  key: boolean;
}

export class LeavingFrames {
  readonly #medium: 'audio' | 'video';
  readonly #rows = new Map<number, Row>();
  readonly #bodies = new PackedBodies();

  constructor(medium: 'audio' | 'video') {
    this.#medium = medium;
  }

  get size(): number {
    return this.#rows.size;
  }

  get medium(): 'audio' | 'video' {
    return this.#medium;
  }

  add(timestamp: number, position: 'before' | 'after', key: boolean, seq: number, body: Body): void {
    const row = this.#rows.get(timestamp) ?? { before: 0, after: 0, key };
    this.#bodies.push(seq, body);
    row[position] = this.#bodies.length;
    this.#rows.set(timestamp, row);
  }

  get(timestamp: number): LeavingFrame | undefined {
    const row = this.#rows.get(timestamp);
    return row && this.#frame(row);
  }

  *[Symbol.iterator](): Generator<[number, LeavingFrame]> {
    for (const [timestamp, row] of this.#rows) yield [timestamp, this.#frame(row)];
  }

  #frame({ before, after, key }: Row): LeavingFrame {
    const [first, last] = [before, after].map((at) => (at > 0 ? this.#bodies.at(at - 1) : undefined));
    return {
      seq: (last ?? first)!.seq,
      medium: this.#medium,
      key,
      ...(first && { before: first.body }),
      ...(last && { after: last.body }),
    };
  }
}
