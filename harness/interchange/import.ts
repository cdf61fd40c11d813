/**
 * Makes a recording (format 1) from files that others made. What it can't know it doesn't say: every vantage point is of unknown
 * state, so that nothing is upheld on it.
 */
import { createHash, randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { find as findTshark } from '../../tools/services/tshark.mjs';
import type { Recording, VendorProfile } from '../recording/format.ts';
import { type RecordingStart, RecordingWriter, writeFileAtomically } from '../recording/writer.ts';
import { isCapture } from './capture.ts';
import { isLocal, isLoopback, readAddress } from './datagrams.ts';
import { LARGEST_HAR, readHar } from './har.ts';
import { importCapture, surveyCapture } from './import-capture.ts';
import { clientsIn, isFlows, readFlows } from './mitmproxy.ts';
import { expectOneRecording, microseconds, type Origin } from './origin.ts';
import { ByteSource, InterchangeError } from './source.ts';
import type { Imported, Timed } from './timed.ts';
import { decrypt, type TlsCapture } from './tshark.ts';

/** Numbers of the test card. */
const MOST_PARTICIPANTS = 15;
/** Events between two looks at whether the user wants it stopped. */
const EVENTS_AT_ONCE = 500;
const PIECE = 1 << 20;

/** Who is where on the wire. */
export interface NamedParticipant {
  name: string;
  /** As `readAddress` gives it. */
  address: string;
  port?: number;
}

export interface ImportRequest {
  files: string[];
  folder: string;
  participants: NamedParticipant[];
  /** What is to be judged; undefined: what the exported recording has. */
  vendor?: VendorProfile;
  /** A TLS key log, for captures. */
  keylog?: string;
  /** Names to versions. */
  software: Record<string, string>;
  signal: AbortSignal;
}

type Kind = 'capture' | 'har' | 'flows';

interface Source {
  path: string;
  name: string;
  kind: Kind;
  sha256: string;
}

/**
 * Nothing is left behind where it fails.
 * @throws InterchangeError, FolderError; what the signal was aborted with
 */
export async function importFiles(request: ImportRequest): Promise<Recording> {
  const { folder, signal } = request;
  const sources = request.files.map(identify);
  const [copy, same] = twins(sources);
  if (copy && same) throw new InterchangeError(`${copy.name} is the same file as ${same.name}; expected each once`);
  // Read here, so that a name that is none is told at once.
  const keylog = request.keylog === undefined ? [] : [{ name: basename(request.keylog), ...hashed(request.keylog) }];
  const imported = await readAll(sources, request);
  const origin = onlyOrigin(imported);
  const participants = participantsOf(imported, origin);
  const vendor = request.vendor ?? origin?.vendor;
  if (!vendor) throw new InterchangeError('say what to judge, with --claim ID or --vendor FILE');

  const title = `Imported from ${sources.map(({ name }) => name).join(', ')}`;
  const start: RecordingStart = {
    id: randomUUID(),
    service: origin?.service ?? { name: 'import', title },
    vendor,
    scenario: { name: 'import', seconds: 0 },
    participants,
    places: origin?.places ?? [],
    software: {
      ...request.software,
      ...(origin ? { 'exported from recording': origin.id } : {}),
      ...Object.fromEntries(
        [...sources, ...keylog].map(({ name, sha256 }) => [`imported ${name}`, `SHA-256 ${sha256}`]),
      ),
    },
  };
  const streams = imported.map(({ events }) => events[Symbol.iterator]());
  try {
    const heads = streams.map((stream) => stream.next());
    const first = Math.min(...heads.flatMap(({ done, value }) => (done ? [] : [value.time])));
    if (first === Number.POSITIVE_INFINITY)
      throw new InterchangeError(`${title}: no exchange and no stream of RTP or SRTP of a participant was found`);
    const carried = origin ? microseconds(origin, 0) : first;
    const writer = new ImportWriter(folder, Math.floor(Math.min(first, carried) / 1000) * 1000, start);
    try {
      await append(writer, merge(streams, heads), signal);
    } catch (error) {
      writer.discard();
      throw error;
    }
    const vantagePoints = imported
      .flatMap(({ vantages }) => vantages)
      .map((point) => ({ ...point, version: 'import', state: 'unknown' as const }));
    return writer.complete(vantagePoints, first);
  } finally {
    for (const stream of streams) stream.return?.();
  }
}

async function append(writer: ImportWriter, events: Iterable<Timed>, signal: AbortSignal): Promise<void> {
  let count = 0;
  for (const { time, event } of events) {
    writer.time = time;
    writer.append(event);
    if (++count % EVENTS_AT_ONCE === 0) await setImmediate();
    signal.throwIfAborted();
  }
}

/** A writer whose clock is that of what is imported. */
class ImportWriter extends RecordingWriter {
  readonly #origin: number;
  #now = 0;

  /** @param origin microseconds since 1970, whole milliseconds */
  constructor(folder: string, origin: number, start: RecordingStart) {
    super(folder, start);
    this.#origin = origin;
  }

  /** Microseconds since 1970. Time does not go back: what comes out of order counts as when it came. */
  set time(time: number) {
    this.#now = Math.max(this.#now, (time - this.#origin) / 1000);
  }

  override now(): number {
    return this.#now;
  }

  /** @param first when what was imported begins: microseconds since 1970 */
  complete(vantagePoints: Recording['vantagePoints'], first: number): Recording {
    const finished = this.finish({ vantagePoints, outcome: undefined });
    const seconds = Math.round(this.#now * 1000 - (first - this.#origin)) / 1e6;
    const recording = {
      ...finished,
      clock: { origin: new Date(this.#origin / 1000).toISOString() },
      scenario: { name: 'import', seconds },
    };
    writeFileAtomically(join(this.folder, 'recording.json'), `${JSON.stringify(recording, null, 2)}\n`);
    return recording;
  }
}

/** Two files of one content: what was seen once would count twice. */
function twins(sources: Source[]): Source[] {
  const copy = sources.find(({ sha256 }, at) => sources.findIndex((one) => one.sha256 === sha256) < at);
  return copy ? [copy, sources.find(({ sha256 }) => sha256 === copy.sha256)!] : [];
}

function hashed(path: string): { start: Uint8Array; sha256: string } {
  return using(ByteSource.open(path), digest);
}

function identify(path: string, index: number, all: string[]): Source {
  const source = ByteSource.open(path);
  try {
    const { start, sha256 } = digest(source);
    // Two files of one name are told apart by their place.
    const isNamed = all.some((other, at) => at < index && basename(other) === source.name);
    return { path, name: isNamed ? `${source.name} (${index + 1})` : source.name, kind: kindOf(source, start), sha256 };
  } finally {
    source.close();
  }
}

function digest(source: ByteSource): { start: Uint8Array; sha256: string } {
  const hash = createHash('sha256');
  let start: Uint8Array | undefined;
  while (source.offset < source.length) {
    const piece = source.need(Math.min(PIECE, source.length - source.offset), 'a file');
    start ??= piece.subarray(0, 64);
    hash.update(piece);
  }
  return { start: start ?? new Uint8Array(), sha256: hash.digest('hex') };
}

function kindOf({ name, length }: ByteSource, start: Uint8Array): Kind {
  if (isCapture(start)) return 'capture';
  if (/^(\xef\xbb\xbf)?\s*\{/.test(Buffer.from(start).toString('latin1'))) return 'har';
  if (isFlows(start)) return 'flows';
  const found = length === 0 ? 'it is empty' : `it begins with ${Buffer.from(start.subarray(0, 8)).toString('hex')}`;
  throw new InterchangeError(
    `${name} is of no kind that is read: ${found}; expected pcap, pcapng, HAR or flows of mitmproxy`,
  );
}

async function readAll(sources: Source[], { participants, keylog, signal }: ImportRequest): Promise<Imported[]> {
  const open = ({ path }: Source) => ByteSource.open(path);
  const surveys = new Map(
    sources
      .filter(({ kind }) => kind === 'capture')
      .map((source) => [source, using(open(source), (bytes) => surveyCapture(bytes))] as const),
  );
  const owners = new Map<string, string>();
  for (const { name, address, port } of participants)
    owners.set(port === undefined ? address : `${address} ${port}`, name);
  if (participants.length === 0)
    for (const { senders } of surveys.values()) for (const address of senders) owners.set(address, address);
  /** A client of HTTP is a participant, too, where it is in a local network and nobody is named. */
  const ownerOf = (address: string, port: number) =>
    owners.get(`${address} ${port}`) ??
    owners.get(address) ??
    (participants.length === 0 && isLocal(address) ? address : undefined);

  const isAlone = sources.filter(({ kind }) => kind !== 'capture').length === 1;
  const all: Imported[] = [];
  for (const source of sources) {
    const survey = surveys.get(source);
    if (survey) {
      all.push(importCapture(() => open(source), survey, owners));
      // What keywitness exported is decrypted.
      if (!survey.origin && (keylog !== undefined || survey.hasKeys))
        all.push(await decrypted(source, keylog, (address, port) => ownerOf(readAddress(address) ?? '', port), signal));
      continue;
    }
    const isShared = source.kind === 'flows' && using(open(source), clientsIn).size > 1;
    const otherwise = ownerOfFile(source, isAlone && !isShared ? participants : []);
    /** Who has an address of its own is told apart by it. */
    const ownerOfFlow = (address: string | undefined) => {
      if (address === undefined) return otherwise;
      const isOwn = !isLoopback(address) && (isShared || (participants.length === 0 && isLocal(address)));
      return owners.get(address) ?? (isOwn ? address : otherwise);
    };
    all.push(
      using(open(source), (bytes) => {
        if (source.kind === 'flows') return readFlows(bytes, ownerOfFlow);
        if (bytes.length > LARGEST_HAR)
          throw new InterchangeError(`${source.name} has ${bytes.length} bytes, expected at most ${LARGEST_HAR}`);
        return readHar(source.name, bytes.need(bytes.length, 'a HAR'), otherwise);
      }),
    );
  }
  if (keylog !== undefined && ![...surveys.values()].some(({ origin }) => !origin))
    throw new InterchangeError('--keylog is for a capture of TLS, of which there is none');
  return all;
}

function decrypted(
  { path, name }: Source,
  keylog: string | undefined,
  ownerOf: TlsCapture['ownerOf'],
  signal: AbortSignal,
): Promise<Imported> {
  const { path: program } = findTshark();
  if (!program)
    throw new InterchangeError(
      `${name}: tshark is needed to decrypt it and was not found on the PATH; install it (Debian: apt-get install tshark)`,
    );
  return decrypt(program, { path, name, keylog, ownerOf, signal });
}

/** Whose traffic it is that a file of one client has: the only participant's that is named, or the one of the file's name. */
function ownerOfFile({ name }: Source, participants: NamedParticipant[]): string {
  const names = [...new Set(participants.map((one) => one.name))];
  return names.length === 1 ? names[0]! : name.replace(/(.)\.[^.]*$/, '$1');
}

function using<T>(source: ByteSource, act: (source: ByteSource) => T): T {
  try {
    return act(source);
  } finally {
    source.close();
  }
}

function onlyOrigin(imported: Imported[]): Origin | undefined {
  const origins = imported.flatMap(({ origin }) => origin ?? []);
  expectOneRecording(
    origins.map(({ id }) => id),
    'the files are',
  );
  // A capture may have had no room for all of it.
  return origins.find(({ vendor }) => vendor) ?? origins[0];
}

function participantsOf(imported: Imported[], origin: Origin | undefined): Recording['participants'] {
  const known = origin?.participants ?? [];
  const names = [
    ...new Set([...known.map(({ name }) => name), ...imported.flatMap(({ participants }) => participants)]),
  ];
  if (names.length === 0)
    throw new InterchangeError(
      'no participant was found: no local address sends RTP; name them with --participant NAME=ADDRESS',
    );
  if (names.length > MOST_PARTICIPANTS)
    throw new InterchangeError(
      `${names.length} participants were found (${names.slice(0, 5).join(', ')}, …), expected at most ${MOST_PARTICIPANTS}; name them with --participant NAME=ADDRESS`,
    );
  const free = Array.from({ length: MOST_PARTICIPANTS }, (_, index) => index + 1).filter(
    (card) => !known.some((one) => one.card === card),
  );
  return names.map((name) => known.find((one) => one.name === name) ?? { name, card: free.shift()!, camera: false });
}

/** Of several in order of time, one in order of time. */
function* merge(streams: Iterator<Timed>[], heads: IteratorResult<Timed>[]): Generator<Timed> {
  for (;;) {
    let next = -1;
    for (const [index, head] of heads.entries())
      if (!head.done && (next < 0 || head.value.time < (heads[next] as IteratorYieldResult<Timed>).value.time))
        next = index;
    if (next < 0) return;
    yield (heads[next] as IteratorYieldResult<Timed>).value;
    heads[next] = streams[next]!.next();
  }
}
