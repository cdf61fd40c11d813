import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { END, SAMPLES, START } from './fixtures/samples.ts';
import { type Body, type EventType, type NewEvent, parseEvent, type RecordedEvent } from './format.ts';
import { RecordingError, RecordingReader } from './reader.ts';
import { FolderError, RecordingWriter, writeFileAtomically } from './writer.ts';

const base = mkdtempSync(join(tmpdir(), 'keywitness-recording-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(base, `${++count}.kw`);
});

const events = Object.values(SAMPLES) as NewEvent[];
const message = (body: Uint8Array): NewEvent => ({ ...SAMPLES['ws.message'], body });
const path = (name: string) => join(folder, name);

function record(some: NewEvent[] = events): RecordingWriter {
  const writer = new RecordingWriter(folder, START);
  for (const event of some) writer.append(event);
  return writer;
}

/** Events with their bodies' bytes in place of pointers. */
function read(from = folder): Record<string, unknown>[] {
  using reader = new RecordingReader(from);
  return [...reader.events()].map((event) => resolve(reader, event));
}

function resolve(reader: RecordingReader, event: RecordedEvent): Record<string, unknown> {
  const fields = Object.entries(event).map(([name, value]) => {
    const pointer = value !== null && typeof value === 'object' && Object.keys(value).join() === 'offset,length,sha256';
    return [name, pointer ? reader.body(value as Body) : value];
  });
  return Object.fromEntries(fields);
}

function errorOf(act: () => unknown): Error {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** What is promised of every error that a folder causes. */
function refusal(act: () => unknown): string {
  const error = errorOf(act);
  expect(error).toBeInstanceOf(RecordingError);
  expect(error.message).toContain(folder);
  expect(error.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(error.message.length).toBeLessThan(1000);
  return error.message;
}

describe('a recording', () => {
  it.each(Object.keys(SAMPLES) as EventType[])('gives %s back as it was appended', (type) => {
    record([SAMPLES[type]]).finish(END);
    const [event, ...more] = read();
    expect(more).toEqual([]);
    const { seq, t, ...rest } = event!;
    expect(seq).toBe(0);
    expect(t).toBeGreaterThanOrEqual(0);
    expect(rest).toEqual(SAMPLES[type]);
  });

  it('gives all events in order, numbered from 0, with times that do not fall', () => {
    record().finish(END);
    const all = read();
    expect(all.map(({ type }) => type)).toEqual(Object.keys(SAMPLES));
    expect(all.map(({ seq }) => seq)).toEqual(events.map((_, index) => index));
    const times = all.map(({ t }) => t as number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('gives any bytes back', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 8 }), (bodies) => {
        folder = join(base, `${++count}.kw`);
        record(bodies.map(message)).finish(END);
        expect(read().map(({ body }) => body)).toEqual(bodies);
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the bytes as they were when they were appended', () => {
    const buffer = Uint8Array.of(1, 2, 3);
    const writer = record([message(buffer)]);
    buffer.fill(9);
    writer.finish(END);
    expect(read()[0]!.body).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('is for the eyes of its owner only', () => {
    record().finish(END);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(['bodies.pack', 'events.jsonl', 'recording.json']);
    for (const name of readdirSync(folder)) expect(statSync(path(name)).mode & 0o777).toBe(0o600);
  });

  it('is complete once finished, and not before', () => {
    const writer = record();
    writer.flush();
    const header = () => {
      using reader = new RecordingReader(folder);
      return reader.recording;
    };
    expect(header()).toMatchObject({ ...START, format: 1, complete: false, vantagePoints: [] });
    expect(header()).not.toHaveProperty('outcome');
    const finished = writer.finish(END);
    expect(header()).toEqual(finished);
    expect(finished).toMatchObject({ ...START, ...END, complete: true, content: { events: { count: events.length } } });
  });

  it('reads while it is being written', () => {
    const writer = record(events.slice(0, 5));
    writer.flush();
    expect(read()).toHaveLength(5);
    writer.abandon();
  });

  it('stays readable and incomplete when it is abandoned, and takes nothing more', () => {
    const writer = record();
    writer.abandon({ ...END, outcome: { connected: false, reason: 'nobody came' } });
    writer.append(events[0]!);
    writer.flush();
    using reader = new RecordingReader(folder);
    expect(reader.recording).toMatchObject({ complete: false, outcome: { connected: false, reason: 'nobody came' } });
    expect([...reader.events()]).toHaveLength(events.length);
  });

  it('leaves nothing when it is discarded', () => {
    record().discard();
    expect(existsSync(folder)).toBe(false);
  });

  it('has no gap where an event could not be written', () => {
    const writer = record(events.slice(0, 2));
    expect(() => writer.append({ ...SAMPLES['rtc.opened'], configuration: 1n })).toThrow(TypeError);
    writer.append(events[2]!);
    writer.finish(END);
    expect(read()).toHaveLength(3);
  });

  it('can be closed twice', () => {
    record().finish(END);
    const reader = new RecordingReader(folder);
    reader.close();
    expect(() => reader.close()).not.toThrow();
  });
});

describe('the folder of a recording', () => {
  const made = () => {
    mkdirSync(folder);
    return folder;
  };

  it('is made, with those above it', () => {
    folder = join(folder, 'a', 'b');
    record().finish(END);
    expect(read()).toHaveLength(events.length);
  });

  it('may exist if it is empty', () => {
    mkdirSync(folder);
    record().finish(END);
    expect(read()).toHaveLength(events.length);
  });

  it.each([
    ['that is not empty', () => writeFileSync(join(made(), 'x'), '')],
    ['that is a file', () => writeFileSync(folder, '')],
    ['below a file', () => writeFileSync(folder, ''), 'below'],
    ['below one that takes no folders', () => symlinkSync('/proc', folder), 'below'],
    ['below one that takes no folders, twice', () => symlinkSync('/proc', folder), 'below/below'],
  ])('is refused: one %s', (_, prepare, below = '') => {
    prepare();
    folder = join(folder, below);
    const error = errorOf(() => record());
    expect(error).toBeInstanceOf(FolderError);
    expect(error.message).toContain(folder);
    expect(error.message).not.toMatch(/\n/);
  });

  it('keeps what stood in it', () => {
    record().finish(END);
    const before = readFileSync(path('events.jsonl'));
    expect(() => record()).toThrow(FolderError);
    expect(readFileSync(path('events.jsonl'))).toEqual(before);
  });
});

describe('writeFileAtomically', () => {
  it('replaces a file by another, so that one who has it open still reads the old one', async () => {
    mkdirSync(folder);
    writeFileAtomically(path('a'), 'old');
    const { open } = await import('node:fs/promises');
    await using file = await open(path('a'));
    writeFileAtomically(path('a'), 'new');
    expect(await file.readFile('utf8')).toBe('old');
    expect(readFileSync(path('a'), 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['a']);
  });
});

describe('a recording whose writer was killed', () => {
  const script = fileURLToPath(new URL('fixtures/append-forever.ts', import.meta.url));

  it.each([1, 2, 5, 9, 14, 23])('is read up to its last whole event (after %i reports)', async (reports) => {
    const child = spawn(process.execPath, ['--import', 'tsx', script, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let handedOver = 0;
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      handedOver = Number(line);
      if (++lines === reports) child.kill('SIGKILL');
    }
    expect(await exited).toEqual([null, 'SIGKILL']);
    using reader = new RecordingReader(folder);
    expect(reader.recording.complete).toBe(false);
    let seen = 0;
    for (const event of reader.events()) {
      expect(event.seq).toBe(seen);
      if (event.type !== 'ws.message') throw new Error(event.type);
      const body = reader.body(event.body);
      if (body.length !== (seen * 37) % 3000 || body.some((byte) => byte !== seen % 256)) expect.unreachable();
      seen++;
    }
    expect(seen).toBeGreaterThanOrEqual(handedOver);
    expect(handedOver).toBeGreaterThanOrEqual(reports * 291);
  });
});

describe('a recording that was cut off', () => {
  const some = [SAMPLES['call.joined'], SAMPLES['ws.message'], SAMPLES['http.body'], SAMPLES['call.error']];

  it.each(['events.jsonl', 'bodies.pack'])('at any byte of %s gives the events before that', (name) => {
    record(some).abandon();
    const whole = read();
    expect(whole).toHaveLength(some.length);
    let fewest = whole.length;
    for (let size = statSync(path(name)).size; size >= 0; size--) {
      truncateSync(path(name), size);
      const left = read();
      expect(left).toEqual(whole.slice(0, left.length));
      expect(left.length).toBeLessThanOrEqual(fewest);
      fewest = left.length;
    }
    expect(fewest).toBe(name === 'events.jsonl' ? 0 : 1);
  });

  it.each(['events.jsonl', 'bodies.pack', 'recording.json'])('is damaged if it was complete: %s', (name) => {
    record(some).finish(END);
    const length = statSync(path(name)).size;
    for (let size = length - 2; size >= 0; size--) {
      truncateSync(path(name), size);
      refusal(() => read());
    }
  });
});

describe('a complete recording', () => {
  it('with any byte altered is refused, or reads as before but for its header', () => {
    record().finish(END);
    const original = folder;
    const whole = read();
    const files = readdirSync(original).map((name) => ({ name, bytes: readFileSync(join(original, name)) }));
    folder = join(base, `${++count}.kw`);
    cpSync(original, folder, { recursive: true });
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        ({ name, bytes }, at, mask) => {
          const altered = Buffer.from(bytes);
          altered[at % bytes.length]! ^= mask;
          writeFileSync(path(name), altered);
          try {
            const back = read();
            // Every byte of the other two files is held by a digest.
            expect(name).toBe('recording.json');
            expect(back).toEqual(whole);
          } catch (error) {
            if (!(error instanceof RecordingError)) throw error;
            expect(error.message).not.toMatch(/[\p{Cc}]/u);
            refused++;
          } finally {
            writeFileSync(path(name), bytes);
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(500);
  });

  it.each([
    ['an event is missing at the end', () => truncateSync(path('events.jsonl'), 0)],
    ['an event was added', () => appendFileSync(path('events.jsonl'), `${line({ seq: events.length })}\n`)],
    ['bodies were added', () => appendFileSync(path('bodies.pack'), 'x')],
    ['an empty line was added', () => appendFileSync(path('events.jsonl'), '\n')],
    ['it has no digests', () => rewrite(({ content: _, ...header }) => header)],
  ])('is damaged where %s', (_, harm) => {
    record().finish(END);
    harm();
    refusal(() => read());
  });
});

function line(fields: object): string {
  const joined = { seq: 0, t: 0, participant: null, vantage: 'call', type: 'call.joined', url: 'u' };
  return JSON.stringify({ ...joined, ...fields });
}

function rewrite(change: (header: Record<string, unknown>) => unknown): void {
  const header = JSON.parse(readFileSync(path('recording.json'), 'utf8'));
  writeFileSync(path('recording.json'), JSON.stringify(change(header), null, 2));
}

describe('a foreign folder', () => {
  const openIt = () => new RecordingReader(folder).close();

  it.each([
    ['that does not exist', () => rmSync(folder, { recursive: true })],
    ['without recording.json', () => rmSync(path('recording.json'))],
    ['without events.jsonl', () => rmSync(path('events.jsonl'))],
    ['without bodies.pack', () => rmSync(path('bodies.pack'))],
    ['of format 2', () => rewrite((header) => ({ ...header, format: 2 }))],
    ['of no format', () => rewrite(({ format: _, ...header }) => header)],
    ['of a format with an endless name', () => rewrite((header) => ({ ...header, format: 'x'.repeat(1e6) }))],
    ['with another member', () => rewrite((header) => ({ ...header, [`a\u001b[31m\nb${'c'.repeat(5000)}`]: 1 }))],
    ['with two values that are wrong', () => rewrite((header) => ({ ...header, id: 1, scenario: null }))],
    ['whose header is null', () => writeFileSync(path('recording.json'), 'null')],
    ['whose header is empty', () => writeFileSync(path('recording.json'), '')],
    ['whose header is garbage', () => writeFileSync(path('recording.json'), '{\n "a": x\u001b[31m\n}')],
    ['whose header is nested without end', () => writeFileSync(path('recording.json'), '['.repeat(100_000))],
  ])('is refused: one %s', (_, harm) => {
    record().abandon();
    harm();
    refusal(openIt);
  });

  it.each([
    ['of 1 MB of no JSON', 'x'.repeat(1 << 20)],
    ['of 1 MB of an unknown type', line({ type: 'x'.repeat(1 << 20) })],
    ['with 1 MB of names that do not belong', line({ ['x'.repeat(1 << 20)]: 1 })],
    ['with a gap before it', line({ seq: 7 })],
    ['that comes again', line({ seq: 0 })],
    ['of an unknown type', line({ seq: 1, type: 'call.paused' })],
    ['of a type that objects inherit', line({ seq: 1, type: 'constructor' })],
    ['of null', 'null'],
    ['of nothing', ''],
    ['with control characters', '{"type": "\u001b[31m\r'],
    ['with a body before the file', line({ type: 'crypto.random', value: { offset: -1, length: 1, sha256: '' } })],
  ])('is refused where it has a line %s', (_, text) => {
    record([SAMPLES['call.joined']]).abandon();
    appendFileSync(path('events.jsonl'), `${text}\n`);
    refusal(() => read());
  });

  it('does not give bytes that are not the ones recorded', () => {
    record([message(Uint8Array.of(1, 2, 3))]).abandon();
    writeFileSync(path('bodies.pack'), Uint8Array.of(1, 2, 4));
    refusal(() => read());
  });

  it('gives no body of a length that would fill the memory', () => {
    record([message(Uint8Array.of(1, 2, 3))]).abandon();
    using reader = new RecordingReader(folder);
    refusal(() => reader.body({ offset: 0, length: 2 ** 40, sha256: '' }));
    refusal(() => reader.body({ offset: 2 ** 52, length: 1, sha256: '' }));
  });
});

describe('parseEvent', () => {
  it('takes what the writer writes', () => {
    record().finish(END);
    for (const text of readFileSync(path('events.jsonl'), 'utf8').trimEnd().split('\n'))
      expect(parseEvent(JSON.parse(text))).toEqual(JSON.parse(text));
  });

  it('throws an Error of one line on any other JSON', () => {
    const types = fc.constantFrom<unknown>(...Object.keys(SAMPLES), '__proto__', 3, null);
    const foreign = fc.oneof(
      fc.jsonValue(),
      fc
        .record({ type: types })
        .chain((event) =>
          fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map((more) => ({ ...more, ...event })),
        ),
    );
    fc.assert(
      fc.property(foreign, (value) => {
        const error = errorOf(() => parseEvent(value));
        expect(error.constructor).toBe(Error);
        expect(error.message).not.toMatch(/[\n\r\u2028\u2029]/);
        expect(error.message.length).toBeLessThan(1000);
      }),
      { numRuns: 1000 },
    );
  });
});
