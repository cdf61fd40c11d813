/**
 * The provider's view of signalling: everything that crossed a participant's connection to the provider, in order. What
 * crosses is known to the provider whichever way it went. Data channels count, but for those of a connection that goes straight to
 * another participant.
 */
import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { Decompress as ZstdDecompress } from 'fzstd';
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Connections, Route } from './connections.ts';

/** Reads bodies; a RecordingReader is one. */
export interface Bodies {
  body(body: Body): Uint8Array;
}

/** One message that crossed: a body, a WebSocket message, or an address with its headers. */
export interface Crossing {
  /** Event numbers; the first is where it began. */
  evidence: number[];
  /** ms since the clock origin. */
  t: number;
  participant: string;
  direction: 'send' | 'receive';
  host: string;
  /** For people: what it was, e.g. `the reply to POST https://host/join`. */
  what: string;
  /** The bytes as they crossed; `content` decodes them. */
  wire(): Uint8Array;
  /** HTTP content codings in force, outermost last. */
  codings: ContentCoding[];
  /** Of a message that is in one body: SHA-256 of it, in hex. */
  digest?: string;
  /** A coding that isn't read here is in force, e.g. zstd: nothing can be said of the content. */
  unreadable?: string;
}

const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;
export type ContentCoding = (typeof CODINGS)[number];

const ZSTD_STEP = 16 * 1024;

/** Nobody has a use for more layers than this; each may be as large as {@link LONGEST_CONTENT}. */
const MOST_CODINGS = 3;

/** A body longer than this (bytes) is not examined, and said to be so. */
export const LONGEST_CONTENT = 32 << 20;

/**
 * A crossing's bytes without their content coding (RFC 9110, 8.4.1), or undefined where they cannot be decoded within
 * {@link LONGEST_CONTENT}.
 */
export function content(crossing: Crossing): Uint8Array | undefined {
  let bytes = crossing.wire();
  if (crossing.unreadable && bytes.length > 0) return undefined;
  try {
    for (const coding of crossing.codings.toReversed()) bytes = decompress(bytes, coding);
  } catch {
    return undefined;
  }
  return bytes.length > LONGEST_CONTENT ? undefined : bytes;
}

/** Takes one coding off. @throws Error where the bytes aren't of that coding, or give more than {@link LONGEST_CONTENT}. */
export function decompress(bytes: Uint8Array, coding: ContentCoding): Uint8Array {
  const bounds = { maxOutputLength: LONGEST_CONTENT, info: true };
  // A body that was cut off when the call ended still shows what it held.
  const lenient = { ...bounds, finishFlush: constants.Z_SYNC_FLUSH };
  if (coding === 'gzip') return whole(bytes, gunzipSync(bytes, lenient));
  if (coding === 'zstd') return unzstd(bytes);
  if (coding === 'br')
    return whole(bytes, brotliDecompressSync(bytes, { ...bounds, finishFlush: constants.BROTLI_OPERATION_FLUSH }));
  // "deflate" is zlib (RFC 1950), but some servers send the raw stream (RFC 1951).
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8;
  return whole(bytes, isZlib ? inflateSync(bytes, lenient) : inflateRawSync(bytes, lenient));
}

/** What stands behind the end of a compressed stream is seen by none but who looks for it. @throws Error where there is some. */
function whole(bytes: Uint8Array, result: unknown): Uint8Array {
  // With `info`, Node gives the stream's engine beside its output; the types don't say so.
  const { buffer, engine } = result as { buffer: Uint8Array; engine: { bytesWritten: number } };
  if (engine.bytesWritten < bytes.length) throw new Error('more follows behind the compressed stream');
  return buffer;
}

/** RFC 8878; Node itself can from 22.15 on. */
function unzstd(bytes: Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const stream = new ZstdDecompress((piece) => {
    length += piece.length;
    if (length > LONGEST_CONTENT) throw new Error(`more than ${LONGEST_CONTENT} bytes`);
    pieces.push(piece);
  });
  // In small steps, so that the bound holds before a bomb has gone off.
  for (let at = 0; at < bytes.length; at += ZSTD_STEP)
    stream.push(bytes.subarray(at, at + ZSTD_STEP), at + ZSTD_STEP >= bytes.length);
  return Buffer.concat(pieces);
}

type Codings = Pick<Crossing, 'codings' | 'unreadable'>;

interface Exchange {
  participant: string;
  name: string;
  host: string;
  codings: Record<'request' | 'response', Codings>;
  open: Partial<Record<'request' | 'response', { pieces: Body[]; crossing: Crossing }>>;
}

/** `opens`: it goes out once the connection stands, and not before. */
type Found = Crossing & { connection?: string; opens?: boolean };

/** Gathers crossings from a recording's events, fed in order. */
export class Crossings {
  readonly #found: Found[] = [];
  readonly #bodies: Bodies;
  readonly #connections: Connections;
  readonly #exchanges = new Map<string, Exchange>();
  readonly #sockets = new Map<string, { name: string; host: string }>();
  /** Connections that were seen from the start and never connected. */
  readonly #unconnected = new Set<string>();

  /** @param connections fed with the same events. */
  constructor(bodies: Bodies, connections: Connections) {
    this.#bodies = bodies;
    this.#connections = connections;
  }

  /** Once all events were seen: what is known to have crossed. */
  get all(): Crossing[] {
    return this.#by((route) => route === 'provider');
  }

  /** How many messages may have crossed, or may have gone straight to a participant. */
  get unplaced(): number {
    return this.#by((route) => route === 'unknown').length;
  }

  #by(wanted: (route: Route) => boolean) {
    const routes = new Map<string, Route>();
    return this.#found.filter(({ participant, connection, opens }) => {
      if (!connection) return wanted('provider');
      // Pages make connections that go nowhere, to see what the browser can.
      if (opens && this.#unconnected.has(`${participant} ${connection}`))
        if (!this.#connections.named(participant, connection)?.remote.length) return false;
      const route = routes.get(connection) ?? this.#connections.routeOf(participant, connection);
      routes.set(connection, route);
      return wanted(route);
    });
  }

  see(event: RecordedEvent): void {
    const participant = event.participant ?? '';
    const common = { evidence: [event.seq], t: event.t, participant, codings: [] as ContentCoding[] };
    switch (event.type) {
      case 'http.request': {
        // The fragment never leaves the browser; cut it should an engine report it.
        const url = event.url.split('#')[0]!;
        const name = `${event.method} ${url.split('?')[0]}`;
        this.#exchanges.set(event.exchange, {
          participant,
          name,
          host: hostOf(url),
          codings: { request: codingsOf(event.headers), response: { codings: [] } },
          open: {},
        });
        this.#text({ ...common, direction: 'send', host: hostOf(url), what: `the address and headers of ${name}` }, [
          ['method', event.method],
          ['url', url],
          ...event.headers,
        ]);
        break;
      }
      case 'http.response': {
        const exchange = this.#exchanges.get(event.exchange);
        if (!exchange) break;
        exchange.codings.response = codingsOf(event.headers);
        this.#text(
          {
            ...common,
            direction: 'receive',
            host: exchange.host,
            what: `the headers of the reply to ${exchange.name}`,
          },
          event.headers,
        );
        break;
      }
      case 'http.body':
        this.#piece(event);
        break;
      case 'ws.opened': {
        const url = event.url.split('#')[0]!;
        const name = `WebSocket ${url.split('?')[0]}`;
        this.#sockets.set(event.socket, { name, host: hostOf(url) });
        this.#text({ ...common, direction: 'send', host: hostOf(url), what: `the address and headers of ${name}` }, [
          ['url', url],
          ...event.headers,
        ]);
        break;
      }
      case 'ws.closed': {
        if (!event.reason) break;
        const socket = this.#sockets.get(event.socket);
        const what = `the reason for closing ${socket?.name ?? 'a WebSocket'}`;
        this.#text({ ...common, direction: 'send', host: socket?.host ?? '', what }, [['reason', event.reason]]);
        break;
      }
      case 'rtc.opened': {
        this.#unconnected.add(`${participant} ${event.connection}`);
        // User names and passwords of TURN servers go to these (RFC 8656).
        const what = 'the configuration of a peer connection';
        this.#text({ ...common, direction: 'send', host: '', what }, [
          ['configuration', JSON.stringify(event.configuration)],
        ]);
        break;
      }
      case 'rtc.state':
        if (event.state === 'connected') this.#unconnected.delete(`${participant} ${event.connection}`);
        break;
      case 'rtc.channel': {
        const what = `the label and protocol of a data channel that was ${event.direction === 'send' ? 'opened' : 'offered'}`;
        this.#text(
          { ...common, direction: event.direction, host: '', what, opens: true, connection: event.connection },
          [
            ['label', event.label],
            ['protocol', event.protocol],
          ],
        );
        break;
      }
      case 'rtc.data': {
        const way = event.direction === 'send' ? 'to' : 'from';
        this.#found.push({
          ...common,
          direction: event.direction,
          host: '',
          what: `a message ${way} the data channel ${JSON.stringify(event.label.slice(0, 50))}`,
          wire: () => this.#bodies.body(event.body),
          digest: event.body.sha256,
          connection: event.connection,
        });
        break;
      }
      case 'ws.message': {
        const socket = this.#sockets.get(event.socket);
        this.#found.push({
          ...common,
          direction: event.direction,
          host: socket?.host ?? '',
          what: `a message ${event.direction === 'send' ? 'to' : 'from'} ${socket?.name ?? 'a WebSocket'}`,
          wire: () => this.#bodies.body(event.body),
          digest: event.body.sha256,
        });
        break;
      }
    }
  }

  #text(crossing: Omit<Found, 'wire'>, lines: readonly (readonly [string, string])[]): void {
    const bytes = Buffer.from(lines.map(([name, value]) => `${name}: ${value}\n`).join(''));
    this.#found.push({ ...crossing, wire: () => bytes });
  }

  #piece(event: RecordedEvent<'http.body'>): void {
    const exchange = this.#exchanges.get(event.exchange);
    if (!exchange || event.body.length === 0) return;
    let open = exchange.open[event.of];
    if (!open) {
      const pieces: Body[] = [];
      const crossing: Crossing = {
        evidence: [],
        t: event.t,
        participant: exchange.participant,
        direction: event.of === 'request' ? 'send' : 'receive',
        host: exchange.host,
        what: event.of === 'request' ? `the body of ${exchange.name}` : `the reply to ${exchange.name}`,
        wire: () => Buffer.concat(pieces.map((piece) => this.#bodies.body(piece))),
        ...exchange.codings[event.of],
      };
      open = exchange.open[event.of] = { pieces, crossing };
      this.#found.push(crossing);
    }
    open.pieces.push(event.body);
    open.crossing.evidence.push(event.seq);
  }
}

/** Content-Encoding (RFC 9110, 8.4); several fields are one list (5.2). */
function codingsOf(headers: readonly (readonly [string, string])[]): Codings {
  const names = headers
    .filter(([name]) => name.toLowerCase() === 'content-encoding')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim().replace(/^x-gzip$/, 'gzip'))
    .filter((name) => name !== '' && name !== 'identity');
  const foreign = names.find((name) => !(CODINGS as readonly string[]).includes(name));
  if (foreign !== undefined) return { codings: [], unreadable: foreign };
  if (names.length > MOST_CODINGS) return { codings: [], unreadable: `${names.length} layers` };
  return { codings: names as ContentCoding[] };
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return '';
  }
}
