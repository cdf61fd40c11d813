/** What stands in frames beside what a key seals: headers and trailers, or something that was to leave with them. */
import { find } from '../knowledge/search.ts';

/** Bytes that are kept to be searched, and the shortest value that is looked for in them. */
const MOST_KEPT = 8 << 20;
const SHORTEST = 16;
/** So many bytes of a nonce together are taken for a part of it. */
const PIECE = 4;
/** A counter or a timestamp has no more bytes, and grows by no more from one frame to the next. */
const COUNTER_BYTES = 8;
const MOST_GROWTH = 1n << 20n;

/** The bytes beside the sealed parts of frames, as they come. */
export class Beside<Stream extends object> {
  readonly #last = new Map<Stream, Uint8Array>();
  readonly #kept: Uint8Array[] = [];
  #bytes = 0;

  /**
   * Takes what stands beside the sealed part of a stream's next frame, but for the codec's bytes.
   *
   * @returns how many bytes are neither of the nonce, nor as in the frame before, nor a counter.
   */
  add(stream: Stream, beside: Uint8Array, nonce: Uint8Array | undefined): number {
    const rest = nonce ? withoutPieces(beside, nonce) : beside;
    const last = this.#last.get(stream) ?? new Uint8Array();
    if (Buffer.compare(rest, last) === 0) return 0;
    this.#last.set(stream, rest);
    if (this.#bytes < MOST_KEPT) {
      this.#bytes += beside.length;
      this.#kept.push(beside);
    }
    return unforeseen(rest, last);
  }

  /** Whether a secret stands among these bytes. */
  holds(secret: Uint8Array): boolean {
    if (secret.length < SHORTEST) return false;
    this.#kept.splice(0, this.#kept.length, Buffer.concat(this.#kept));
    return find(this.#kept[0]!, secret) !== undefined;
  }
}

function withoutPieces(bytes: Uint8Array, nonce: Uint8Array): Uint8Array {
  const whole = Buffer.from(nonce);
  const isPiece = new Uint8Array(bytes.length);
  for (let at = 0; at + PIECE <= bytes.length; at++)
    if (whole.includes(Buffer.from(bytes.subarray(at, at + PIECE)))) isPiece.fill(1, at, at + PIECE);
  return bytes.filter((_, at) => !isPiece[at]);
}

function unforeseen(bytes: Uint8Array, last: Uint8Array): number {
  const apart = [...bytes.keys()].filter((at) => bytes[at] !== last[at]);
  const [first = 0, end = 0] = [apart[0], apart.at(-1)! + 1];
  if (bytes.length === last.length && end - first <= COUNTER_BYTES)
    for (const read of [bigEndian, littleEndian]) {
      const growth = read(bytes.subarray(first, end)) - read(last.subarray(first, end));
      if (growth > 0n && growth <= MOST_GROWTH) return 0;
    }
  return apart.length;
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(Uint8Array.from(bytes).reverse());
}
