/**
 * Reads a recording (format 1, see `format.ts`): the header at once, events streamed, bodies on demand, so that a
 * recording may be larger than memory. A recording whose writer was killed is read up to its last whole event.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type Body, FORMAT, parseEvent, type RecordedEvent, type Recording, recordingSchema } from './format.ts';

/** In characters. */
const LONGEST_MESSAGE = 900;

/** The folder holds no recording of this format, or a damaged one; the message is one line that says what and where. */
export class RecordingError extends Error {
  constructor(message: string) {
    // What a damaged file holds may be quoted in it: no line breaks, no terminal's control codes, no megabytes.
    super(message.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').slice(0, LONGEST_MESSAGE));
  }
}

const PIECE = 1 << 20;
/** No event line comes near this; a longer one is damage, and must not fill the memory. */
const LONGEST_LINE = 64 << 20;
/** Nor does a single body: pieces of HTTP bodies and WebSocket messages are the largest. */
const LARGEST_BODY = 256 << 20;
/** Fields that hold whatever a page said: nothing in them is a pointer into `bodies.pack`. */
const FREE_FORM = ['algorithm', 'configuration'];

/** A recording that is open for reading; dispose of it with `using` or {@link RecordingReader.close}. */
export class RecordingReader {
  readonly folder: string;
  readonly recording: Recording;
  readonly #events: number;
  readonly #bodies: number;
  readonly #bodiesLength: number;
  #closed = false;

  /** @throws RecordingError */
  constructor(folder: string) {
    this.folder = folder;
    this.recording = readHeader(folder);
    const opened: number[] = [];
    try {
      for (const name of ['events.jsonl', 'bodies.pack']) opened.push(openSync(join(folder, name), 'r'));
    } catch (error) {
      for (const file of opened) closeSync(file);
      throw new RecordingError(`${folder} is not a whole recording: ${(error as Error).message}`);
    }
    [this.#events, this.#bodies] = opened as [number, number];
    this.#bodiesLength = fstatSync(this.#bodies).size;
  }

  /**
   * All events in order, checked one by one.
   * @throws RecordingError where a line is no event, one is missing, or (complete recordings) a digest differs.
   */
  *events(): Generator<RecordedEvent> {
    const { complete, content } = this.recording;
    const digest = createHash('sha256');
    let expected = 0;
    for (const { line, whole } of lines(this.#events, (piece) => digest.update(piece))) {
      const event = whole ? this.#parse(line, expected) : undefined;
      const torn = !event || this.#pointsBeyond(event);
      if (torn && complete) throw this.#damage(`event ${expected} is cut off`);
      if (torn) return;
      expected++;
      yield event;
    }
    if (!complete) return;
    if (!content) throw this.#damage('it says that it is complete, without the digests of its files');
    if (content.events.count !== expected)
      throw this.#damage(`events.jsonl holds ${expected} events, expected ${content.events.count}`);
    if (content.events.sha256 !== digest.digest('hex'))
      throw this.#damage('events.jsonl is not the file that was recorded (its SHA-256 differs)');
    if (content.bodies.length !== this.#bodiesLength)
      throw this.#damage(`bodies.pack holds ${this.#bodiesLength} bytes, expected ${content.bodies.length}`);
  }

  /**
   * The bytes that an event points to.
   * @throws RecordingError if they are not the bytes that were recorded.
   */
  body(body: Body): Uint8Array {
    if (body.length > LARGEST_BODY || body.offset + body.length > this.#bodiesLength)
      throw this.#damage(`a body at offset ${body.offset} reaches beyond bodies.pack`);
    const bytes = new Uint8Array(body.length);
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#bodies, bytes, done, bytes.length - done, body.offset + done);
      if (read === 0) throw this.#damage(`a body at offset ${body.offset} is cut off`);
      done += read;
    }
    if (createHash('sha256').update(bytes).digest('hex') !== body.sha256)
      throw this.#damage(
        `the body at offset ${body.offset} of bodies.pack is not the one recorded (its SHA-256 differs)`,
      );
    return bytes;
  }

  /** May be called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#events);
    closeSync(this.#bodies);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #parse(line: string, expected: number): RecordedEvent {
    let event: RecordedEvent;
    try {
      event = parseEvent(JSON.parse(line));
    } catch (error) {
      throw this.#damage(`line ${expected + 1} of events.jsonl is no event: ${(error as Error).message}`);
    }
    if (event.seq !== expected)
      throw this.#damage(`line ${expected + 1} of events.jsonl is event ${event.seq}, expected ${expected}`);
    return event;
  }

  #pointsBeyond(event: RecordedEvent): boolean {
    return Object.entries(event).some(
      ([name, value]) =>
        !FREE_FORM.includes(name) &&
        typeof value === 'object' &&
        value !== null &&
        'offset' in value &&
        'sha256' in value &&
        (value as Body).offset + (value as Body).length > this.#bodiesLength,
    );
  }

  #damage(what: string): RecordingError {
    return new RecordingError(`${this.folder} is damaged: ${what}`);
  }
}

function readHeader(folder: string): Recording {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8'));
  } catch (error) {
    throw new RecordingError(`${folder} holds no recording: ${(error as Error).message}`);
  }
  const format = (json as { format?: unknown } | null)?.format;
  if (format !== FORMAT)
    throw new RecordingError(
      `${folder} is a recording of format ${JSON.stringify(format) ?? 'none'}, expected ${FORMAT}`,
    );
  const parsed = recordingSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new RecordingError(`${folder}/recording.json: ${issue.path.join('.') || 'top level'}: ${issue.message}`);
}

/** The lines of a file; `whole` is false for what follows the last line feed. */
function* lines(file: number, onPiece: (piece: Uint8Array) => void): Generator<{ line: string; whole: boolean }> {
  let rest = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const piece = Buffer.allocUnsafe(PIECE);
    const length = readSync(file, piece, 0, PIECE, position);
    if (length === 0) break;
    position += length;
    onPiece(piece.subarray(0, length));
    rest = rest.length ? Buffer.concat([rest, piece.subarray(0, length)]) : piece.subarray(0, length);
    let start = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
      yield { line: rest.toString('utf8', start, end), whole: true };
      start = end + 1;
    }
    rest = rest.subarray(start);
    if (rest.length > LONGEST_LINE) break;
  }
  if (rest.length > 0) yield { line: '', whole: false };
}
