/** Files that others made, read a piece at a time, and what is said where they are not what they should be. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';

/** In characters. */
const LONGEST_MESSAGE = 600;
const PIECE = 1 << 20;

/** A file that can't be read, or isn't what it should be; the message is one line that says what, where, and what was expected. */
export class InterchangeError extends Error {
  constructor(message: string) {
    // What a file holds may be quoted in it: no line breaks, no terminal's control codes, no megabytes.
    super(message.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, LONGEST_MESSAGE));
  }
}

/** A file's bytes in order; holds one piece of them. */
export class ByteSource {
  /** For people: the file's name. */
  readonly name: string;
  readonly length: number;
  /** Where the next read begins. */
  offset = 0;
  readonly #fill: (target: Uint8Array, position: number) => number;
  readonly #end: () => void;
  #piece: Uint8Array = new Uint8Array();
  #pieceAt = 0;

  private constructor(
    name: string,
    length: number,
    fill: (target: Uint8Array, position: number) => number,
    end: () => void,
  ) {
    this.name = name;
    this.length = length;
    this.#fill = fill;
    this.#end = end;
  }

  /** @throws InterchangeError */
  static open(path: string): ByteSource {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch (error) {
      throw new InterchangeError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
    }
    const stat = fstatSync(file);
    if (!stat.isFile()) {
      closeSync(file);
      throw new InterchangeError(`${path} is not a file`);
    }
    const fill = (target: Uint8Array, position: number) => readSync(file, target, 0, target.length, position);
    return new ByteSource(basename(path), stat.size, fill, () => closeSync(file));
  }

  static of(name: string, bytes: Uint8Array): ByteSource {
    const fill = (target: Uint8Array, position: number) => {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      return part.length;
    };
    return new ByteSource(name, bytes.length, fill, () => {});
  }

  /**
   * The next bytes, undefined at the end of the file. They are the caller's to keep.
   * @param what for people: what stands there
   * @throws InterchangeError where some are left, but fewer.
   */
  read(length: number, what: string): Uint8Array | undefined {
    const left = this.length - this.offset;
    if (left <= 0) return undefined;
    if (length > left) throw this.cut(what, length, left);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const at = this.offset + done - this.#pieceAt;
      if (at < 0 || at >= this.#piece.length) this.#load(this.offset + done, what);
      else {
        const part = this.#piece.subarray(at, at + length - done);
        bytes.set(part, done);
        done += part.length;
      }
    }
    this.offset += length;
    return bytes;
  }

  /** The same, where the end of the file is an error, too. */
  need(length: number, what: string): Uint8Array {
    const bytes = this.read(length, what);
    if (!bytes && length > 0) throw this.cut(what, length, 0);
    return bytes ?? new Uint8Array();
  }

  #load(position: number, what: string): void {
    const piece = new Uint8Array(Math.min(PIECE, this.length - position));
    const count = this.#fill(piece, position);
    // It was longer when it was opened.
    if (count === 0) throw this.cut(what, 1, 0);
    this.#piece = piece.subarray(0, count);
    this.#pieceAt = position;
  }

  cut(what: string, expected: number, found: number): InterchangeError {
    return new InterchangeError(
      `${this.name} is cut off at byte ${this.offset}: expected ${expected} bytes of ${what}, found ${found}`,
    );
  }

  /** What is said of bytes that are wrong. @param at where they stand, if not just before `offset` */
  wrong(problem: string, at: number = this.offset): InterchangeError {
    return new InterchangeError(`${this.name} is damaged at byte ${at}: ${problem}`);
  }

  close(): void {
    this.#end();
  }
}
