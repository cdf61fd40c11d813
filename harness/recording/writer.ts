/**
 * Writes a recording (format 1, see `format.ts`) as the call happens. A crash at any moment leaves a folder that the
 * reader opens up to the last whole event: bodies reach the file system before the events that point to them, and
 * `recording.json` says `complete: false` until {@link RecordingWriter.finish}.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Body, type EventSink, FORMAT, type NewEvent, type Recording } from './format.ts';

/** Recordings hold keys: for their owner's eyes only. */
const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
/** Events wait at most this long (ms) and take at most this much memory (bytes) before they go to the file system. */
const FLUSH_AFTER = 50;
const FLUSH_BYTES = 256 * 1024;

/** What is known of a recording when it begins. */
export type RecordingStart = Pick<
  Recording,
  'id' | 'service' | 'vendor' | 'scenario' | 'participants' | 'places' | 'software'
>;
/** What is known once it has ended. */
export type RecordingEnd = Pick<Recording, 'vantagePoints' | 'outcome'> & Partial<Pick<Recording, 'participants'>>;

/** A folder that can't be written to, or that something stands in already. */
export class FolderError extends Error {}

/** Appends events and their bodies to a new folder. */
export class RecordingWriter implements EventSink {
  readonly folder: string;
  #recording: Recording;
  readonly #origin = performance.now();
  readonly #events: number;
  readonly #bodies: number;
  readonly #eventsDigest = createHash('sha256');
  readonly #bodiesDigest = createHash('sha256');
  #lines: string[] = [];
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #seq = 0;
  #offset = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param folder is made, mode 0700; it may exist only if it is empty.
   * @throws FolderError with one line that names the folder.
   */
  constructor(folder: string, start: RecordingStart) {
    this.folder = folder;
    try {
      makeFolder(folder);
      if (readdirSync(folder).length > 0) throw new Error('it is not empty; expected a new folder');
      this.#events = openSync(join(folder, 'events.jsonl'), 'wx', PRIVATE_FILE);
      this.#bodies = openSync(join(folder, 'bodies.pack'), 'wx', PRIVATE_FILE);
    } catch (error) {
      throw new FolderError(`cannot record into ${folder}: ${(error as Error).message}`);
    }
    this.#recording = {
      format: FORMAT,
      ...start,
      vantagePoints: [],
      clock: { origin: new Date().toISOString() },
      complete: false,
    };
    this.#writeHeader();
  }

  /** ms since the recording's clock origin. */
  now(): number {
    return Math.round((performance.now() - this.#origin) * 1000) / 1000;
  }

  /** How many events were appended so far. */
  get count(): number {
    return this.#seq;
  }

  append(event: NewEvent): void {
    if (this.#closed) return;
    const line: Record<string, unknown> = { seq: this.#seq, t: this.now() };
    for (const [name, value] of Object.entries(event))
      line[name] = value instanceof Uint8Array ? this.#body(value) : value;
    const text = `${JSON.stringify(line)}\n`;
    // Not earlier: an event that cannot be written leaves no gap.
    this.#seq++;
    this.#lines.push(text);
    this.#waiting += text.length;
    if (this.#waiting >= FLUSH_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER);
  }

  #body(value: Uint8Array): Body {
    const body = {
      offset: this.#offset,
      length: value.byteLength,
      sha256: createHash('sha256').update(value).digest('hex'),
    };
    this.#pieces.push(Uint8Array.from(value));
    this.#offset += value.byteLength;
    this.#waiting += value.byteLength;
    return body;
  }

  /** Hands everything appended so far to the file system: bodies first. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#closed) return;
    const bodies = Buffer.concat(this.#pieces);
    const lines = Buffer.from(this.#lines.join(''));
    this.#pieces = [];
    this.#lines = [];
    this.#waiting = 0;
    writeWhole(this.#bodies, bodies);
    writeWhole(this.#events, lines);
    this.#bodiesDigest.update(bodies);
    this.#eventsDigest.update(lines);
  }

  /** Ends the recording: digests of both files go into `recording.json`, which then says `complete: true`. */
  finish(end: RecordingEnd): Recording {
    this.flush();
    this.#recording = {
      ...this.#recording,
      ...end,
      complete: true,
      content: {
        events: { count: this.#seq, sha256: this.#eventsDigest.digest('hex') },
        bodies: { length: this.#offset, sha256: this.#bodiesDigest.digest('hex') },
      },
    };
    this.#close();
    this.#writeHeader();
    return this.#recording;
  }

  /** Leaves the recording as it is, readable and marked incomplete. */
  abandon(end?: RecordingEnd): void {
    if (this.#closed) return;
    this.flush();
    this.#recording = { ...this.#recording, ...end };
    this.#close();
    this.#writeHeader();
  }

  /** Removes the whole folder; for a recording that never began. */
  discard(): void {
    if (!this.#closed) this.#close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#closed = true;
    closeSync(this.#events);
    closeSync(this.#bodies);
  }

  #writeHeader(): void {
    writeFileAtomically(join(this.folder, 'recording.json'), `${JSON.stringify(this.#recording, null, 2)}\n`);
  }
}

/** Replaces a file in one step, mode 0600: whoever reads it sees the old or the new one whole. */
export function writeFileAtomically(path: string, content: string | Uint8Array): void {
  const next = `${path}.new`;
  writeFileSync(next, content, { mode: PRIVATE_FILE });
  renameSync(next, path);
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) done += writeSync(file, bytes, done);
}

/** Not by `recursive`: on Node 20 that loops without end where a folder that exists takes no new one, as below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: PRIVATE_FOLDER });
}
