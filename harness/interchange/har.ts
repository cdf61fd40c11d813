/**
 * HAR 1.2: HTTP archives, as browsers' developer tools save them (Jan Odvarko's specification; W3C draft of 2012-08-14,
 * https://w3c.github.io/web-performance/specs/HAR/Overview.html). WebSocket messages stand in `_webSocketMessages`, as Chrome's
 * developer tools write them. Names that begin with an underscore are no part of the specification.
 */
import { z } from 'zod';
import { type NewEvent, parseEvent } from '../recording/format.ts';
import { microseconds, type Origin, readOrigin } from './origin.ts';
import { InterchangeError } from './source.ts';
import type { Imported, Timed } from './timed.ts';

/** A file is read whole, as JSON wants it. */
export const LARGEST_HAR = 256 << 20;
const MOST_ENTRIES = 200_000;

const text = z.string();
const pairs = z.array(z.object({ name: text, value: text }));
/** ms; -1 where it is not known. */
const time = z.number();

const messageSchema = z.object({
  type: z.enum(['send', 'receive']),
  /** Seconds since 1970. */
  time: z.number(),
  /** RFC 6455, 5.2: 1 is text, 2 binary; other frames are not messages. */
  opcode: z.number(),
  data: text,
  _encoding: z.literal('base64').optional(),
});

const entrySchema = z.object({
  startedDateTime: text,
  time: time.optional(),
  request: z.object({
    method: text,
    url: text,
    httpVersion: text.default(''),
    headers: pairs,
    postData: z
      .object({
        text: text.optional(),
        encoding: text.optional(),
        _encoding: text.optional(),
        _coded: z.boolean().optional(),
      })
      .optional(),
  }),
  response: z.object({
    status: z.number().int(),
    httpVersion: text.default(''),
    headers: pairs,
    content: z
      .object({
        size: z.number().optional(),
        text: text.optional(),
        encoding: text.optional(),
        _coded: z.boolean().optional(),
      })
      .optional(),
    _error: text.nullish(),
    _fetchedViaServiceWorker: z.unknown().optional(),
  }),
  timings: z
    .object({
      blocked: time.optional(),
      dns: time.optional(),
      connect: time.optional(),
      send: time.optional(),
      wait: time.optional(),
      receive: time.optional(),
    })
    .optional(),
  _participant: text.optional(),
  _recording: text.optional(),
  _fromCache: z.unknown().optional(),
  _fetchType: z.unknown().optional(),
  _wasFulfilled: z.unknown().optional(),
  _wasAborted: z.unknown().optional(),
  _webSocketMessages: z.array(messageSchema).nullish(),
  _webSocketClosed: z
    .object({ time: z.number(), code: z.number().int().optional(), reason: text.optional() })
    .optional(),
});
type Entry = z.infer<typeof entrySchema>;

const harSchema = z.object({
  log: z.object({ version: text, entries: z.array(z.unknown()), _keywitness: z.unknown().optional() }),
});

/**
 * Reads a HAR.
 * @param participant whose entries are that don't say
 * @throws InterchangeError
 */
export function readHar(name: string, bytes: Uint8Array, participant: string): Imported {
  let json: unknown;
  try {
    json = JSON.parse(
      Buffer.from(bytes)
        .toString('utf8')
        .replace(/^\uFEFF/, ''),
    );
  } catch (error) {
    throw new InterchangeError(`${name} is no HAR: ${(error as Error).message}`);
  }
  const parsed = harSchema.safeParse(json);
  if (!parsed.success) throw new InterchangeError(`${name} is no HAR: ${told(parsed.error)}`);
  const { version, entries, _keywitness: made } = parsed.data.log;
  if (!version.startsWith('1.'))
    throw new InterchangeError(`${name} is HAR ${JSON.stringify(version)}, expected version 1.x`);
  if (entries.length > MOST_ENTRIES)
    throw new InterchangeError(`${name} holds ${entries.length} entries, expected at most ${MOST_ENTRIES}`);

  const { origin: from, peers } = (made ?? {}) as { origin?: unknown; peers?: unknown };
  const origin = readOrigin(from);
  const events: Timed[] = origin && Array.isArray(peers) ? peers.flatMap((one) => readPeer(one, origin)) : [];
  const owners = new Set<string>();
  /** Of an export each entry says the same; of others' files none says anything. */
  const recordings = new Set<string | undefined>(origin ? [origin.id] : []);
  let absent = 0;
  let inside = 0;
  entries.forEach((raw, index) => {
    const one = entrySchema.safeParse(raw);
    if (!one.success) throw new InterchangeError(`${name}: log.entries.${index}: ${told(one.error)}`);
    recordings.add(one.data._recording);
    if (!hasCrossed(one.data)) {
      inside++;
      return;
    }
    const owner = one.data._participant ?? participant;
    owners.add(owner);
    const { size = 0, text } = one.data.response.content ?? {};
    if (size > 0 && text === undefined) absent++;
    tellEntry(one.data, owner, `${owner}-${name}-${index + 1}`, `${name}: log.entries.${index}`, events);
  });
  if (recordings.size > 1)
    throw new InterchangeError(
      `${name} was put together of several files, expected one recording's; import each by itself`,
    );
  events.sort((a, b) => a.time - b.time);
  const beside = [
    absent > 0 ? `, ${absent} of them without the body of the reply` : '',
    inside > 0 ? `, without ${inside} that stayed in the browser` : '',
  ].join('');
  return {
    origin,
    events,
    participants: [...owners],
    vantages: [...owners].map((owner) => ({
      vantage: 'proxy' as const,
      participant: owner,
      detail: `imported from ${name}: ${entries.length - inside} exchanges${beside}; whether that is all that crossed is not known`,
    })),
  };
}

/** Of Safari's `_fetchType` (WebKit's HARBuilder.js). */
const FROM_NETWORK = 'Network Load';

/**
 * Whether an entry came from the network. Browsers write others beside: pages' own addresses as `blob:`, and what their cache (Chrome's
 * `_fromCache`), a service worker (Chrome's `_fetchedViaServiceWorker`; what it fetches itself is another entry), or a script
 * of Playwright's (`_wasFulfilled`, `_wasAborted`) answered.
 */
function hasCrossed({ request, response, _fromCache, _fetchType, _wasFulfilled, _wasAborted }: Entry): boolean {
  if (!/^(https?|wss?):/i.test(request.url)) return false;
  if (typeof _fetchType === 'string' && _fetchType !== FROM_NETWORK) return false;
  return !_fromCache && !response._fetchedViaServiceWorker && !_wasFulfilled && !_wasAborted;
}

function tellEntry(entry: Entry, participant: string, exchange: string, where: string, events: Timed[]): void {
  const { request, response, timings = {} } = entry;
  const common = { participant, vantage: 'proxy' } as const;
  const start = readTime(entry.startedDateTime);
  if (start === undefined)
    throw new InterchangeError(
      `${where}.startedDateTime: ${entry.startedDateTime}: expected a time as ISO 8601 has it`,
    );
  const known = (...all: (number | undefined)[]) => all.reduce<number>((sum, one) => sum + Math.max(0, one ?? 0), 0);
  const answered = start + known(timings.blocked, timings.dns, timings.connect, timings.send, timings.wait) * 1000;
  const ended = Math.max(
    answered,
    start + Math.max(known(entry.time) * 1000, answered - start + known(timings.receive) * 1000),
  );
  const add = (time: number, event: NewEvent) => events.push({ time: Math.round(valid(time, where)), event });

  const { postData } = request;
  const url = request.url.split('#')[0]!;
  const version = request.httpVersion.replace(/^HTTP\//i, '') || 'unknown';
  const sent = uncoded(request.headers, postData);
  add(start, { ...common, type: 'http.request', exchange, method: request.method, url, version, headers: sent });
  if (postData?.text)
    add(start, {
      ...{ ...common, type: 'http.body', exchange, of: 'request', last: true },
      body: bytesOf(postData.text, postData.encoding ?? postData._encoding),
    });
  if (response.status <= 0 || response._error) {
    add(ended, { ...common, type: 'http.aborted', exchange, reason: response._error || 'no reply' });
    if (response.status <= 0) return;
  }
  const got = uncoded(response.headers, response.content);
  const responseVersion = response.httpVersion.replace(/^HTTP\//i, '') || undefined;
  add(answered, {
    ...{ ...common, type: 'http.response', exchange, status: response.status, headers: got },
    ...(responseVersion ? { version: responseVersion } : {}),
  });
  // When the last of it had come: what a participant sent meanwhile counts as sent before.
  if (response.content?.text)
    add(ended, {
      ...{ ...common, type: 'http.body', exchange, of: 'response', last: true },
      body: bytesOf(response.content.text, response.content.encoding),
    });
  const messages = entry._webSocketMessages ?? [];
  if (response.status !== 101 && messages.length === 0) return;
  add(answered, { ...common, type: 'ws.opened', socket: exchange, url, headers: sent });
  for (const { type, time, opcode, data, _encoding } of messages) {
    // Control frames (RFC 6455, 5.5) stand among them in some files.
    if (opcode !== 1 && opcode !== 2) continue;
    const binary = opcode === 2;
    const body = bytesOf(data, binary ? 'base64' : _encoding);
    add(Math.max(answered, time * 1e6), {
      ...common,
      ...{ type: 'ws.message', socket: exchange, direction: type, binary, body },
    });
  }
  const closed = entry._webSocketClosed;
  if (closed) {
    const { time, code, reason } = closed;
    add(Math.max(answered, time * 1e6), {
      ...{ ...common, type: 'ws.closed', socket: exchange },
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
    });
  }
}

/** Headers as they hold for the body as it stands in the file: browsers save it without its content coding. */
function uncoded(headers: { name: string; value: string }[], body: { text?: string; _coded?: boolean } | undefined) {
  const coded = !body?.text || body._coded;
  return headers
    .filter(({ name }) => !name.startsWith(':') && (coded || name.toLowerCase() !== 'content-encoding'))
    .map(({ name, value }): [string, string] => [name, value]);
}

function bytesOf(data: string, encoding: string | undefined): Uint8Array {
  return Buffer.from(data, encoding === 'base64' ? 'base64' : 'utf8');
}

/** Microseconds since 1970; ISO 8601 with as many decimals as there are. */
export function readTime(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)$/i.exec(text);
  if (!match) return undefined;
  const [, whole, decimals = '', zone] = match;
  const seconds = Date.parse(`${whole}${zone}`);
  return Number.isNaN(seconds) || seconds < 0
    ? undefined
    : seconds * 1000 + Number(decimals.padEnd(6, '0').slice(0, 6));
}

/** The time of microseconds since 1970, with as many decimals. */
export function writeTime(time: number): string {
  const whole = Math.floor(time / 1e6);
  return `${new Date(whole * 1000).toISOString().slice(0, -5)}.${String(time - whole * 1e6).padStart(6, '0')}Z`;
}

/** The year 9999 in microseconds. */
const LAST = 253_402_300_799_000_000;

function valid(time: number, where: string): number {
  if (time >= 0 && time <= LAST) return time;
  throw new InterchangeError(`${where}: a time is ${time / 1e6} s after 1970, expected one before the year 10000`);
}

/** Who the other end of a connection was, as the recording has it. */
function readPeer(value: unknown, origin: Origin): Timed[] {
  try {
    const { seq: _, t, ...event } = parseEvent(value);
    if (event.type !== 'tls.peer' && event.type !== 'tcp.peer') return [];
    return [{ time: valid(microseconds(origin, t), 'a connection'), event }];
  } catch {
    return [];
  }
}

function told({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return [path.join('.'), message].filter(Boolean).join(': ');
}
