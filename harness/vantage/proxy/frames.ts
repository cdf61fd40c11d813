/**
 * How the proxy process hands events to its parent: frames on a pipe, in order. A frame is two lengths (unsigned 32-bit,
 * big-endian), a JSON text (UTF-8) and the bytes that belong to it:
 *
 *     JSON length | body length, or NO_BODY | JSON | body
 */

const HEAD = 8;
const NO_BODY = 0xffff_ffff;

/** One frame: a JSON value, and bytes if it has any. */
export interface Frame {
  value: unknown;
  body?: Uint8Array;
}

/** A frame as the buffers to write, in order; the body is not copied. */
export function encodeFrame({ value, body }: Frame): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.allocUnsafe(HEAD);
  head.writeUInt32BE(json.length, 0);
  head.writeUInt32BE(body ? body.length : NO_BODY, 4);
  return body ? [head, json, body] : [head, json];
}

/** Puts frames together again from the pieces in which a pipe delivers them. */
export class FrameDecoder {
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Bytes that the next step needs: a head, or a whole frame. */
  #needed = HEAD;

  /**
   * The frames that this piece completes.
   * @throws SyntaxError if a frame's JSON is none.
   */
  *push(piece: Uint8Array): Generator<Frame> {
    this.#pieces.push(piece);
    this.#length += piece.length;
    while (this.#length >= this.#needed) {
      const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
      this.#pieces = [bytes];
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const jsonEnd = HEAD + view.getUint32(0);
      const bodyLength = view.getUint32(4);
      const end = jsonEnd + (bodyLength === NO_BODY ? 0 : bodyLength);
      if (bytes.length < end) {
        this.#needed = end;
        return;
      }
      this.#pieces = bytes.length > end ? [bytes.subarray(end)] : [];
      this.#length = bytes.length - end;
      this.#needed = HEAD;
      const value: unknown = JSON.parse(Buffer.from(bytes.subarray(HEAD, jsonEnd)).toString('utf8'));
      yield bodyLength === NO_BODY ? { value } : { value, body: bytes.subarray(jsonEnd, end) };
    }
  }
}
