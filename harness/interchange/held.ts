/** What a reader of others' files holds in memory at once, counted as it comes. */
import { InterchangeError } from './source.ts';

/** In bytes. */
const MOST_BYTES = 512 << 20;
/** What a message, a piece of one or a header takes beside its bytes: many empty ones are much, too. */
const BESIDE = 64;

export class Held {
  readonly #name: string;
  readonly #most: number;
  #bytes = 0;

  /** @param name the file's, for people */
  constructor(name: string, most: number = MOST_BYTES) {
    this.#name = name;
    this.#most = most;
  }

  /** @throws InterchangeError where it becomes more than may be held */
  add(bytes: number): void {
    this.#bytes += bytes + BESIDE;
    if (this.#bytes > this.#most)
      throw new InterchangeError(`${this.#name} holds more than ${this.#most} bytes of headers, bodies and messages`);
  }

  /** @throws InterchangeError */
  addHeaders(headers: readonly (readonly [string, string])[]): void {
    for (const [name, value] of headers) this.add(name.length + value.length);
  }

  /** Takes back what was added and is held no more. */
  release(bytes: number): void {
    this.#bytes -= bytes + BESIDE;
  }
}
