/** Pointers to many bodies, in a fifth of the memory that objects take: a long call has a million packets. */
import type { Body } from '../recording/format.ts';

const DIGEST_BYTES = 32;
const FIRST = 64;

export class PackedBodies {
  /** Event, offset, length of each. */
  #numbers = new Float64Array(3 * FIRST);
  #digests = Buffer.alloc(DIGEST_BYTES * FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(seq: number, { offset, length, sha256 }: Body): void {
    if (this.#numbers.length === 3 * this.#length) this.#grow();
    this.#numbers.set([seq, offset, length], 3 * this.#length);
    this.#digests.write(sha256, DIGEST_BYTES * this.#length, 'hex');
    this.#length++;
  }

  /** @param at below {@link length}. */
  at(at: number): { seq: number; body: Body } {
    const [seq, offset, length] = this.#numbers.subarray(3 * at, 3 * at + 3) as unknown as [number, number, number];
    const sha256 = this.#digests.toString('hex', DIGEST_BYTES * at, DIGEST_BYTES * (at + 1));
    return { seq, body: { offset, length, sha256 } };
  }

  *[Symbol.iterator](): Generator<{ seq: number; body: Body }> {
    for (let at = 0; at < this.#length; at++) yield this.at(at);
  }

  #grow(): void {
    const numbers = new Float64Array(2 * this.#numbers.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#digests = Buffer.concat([this.#digests, Buffer.alloc(this.#digests.length)]);
  }
}
