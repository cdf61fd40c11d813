/**
 * HTTP/1.1, HTTP/2 and WebSockets out of a capture of TLS, by way of Wireshark's `tshark`, with a key log that the client wrote
 * (https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html), or that stands in the capture. Bodies are taken as they
 * crossed, content coding and all.
 */
import { spawn } from 'node:child_process';
import type { NewEvent } from '../recording/format.ts';
import { Held } from './held.ts';
import { PdmlReader, type Tag } from './pdml.ts';
import { InterchangeError } from './source.ts';
import { type Imported, isStatus, type Timed } from './timed.ts';

/** How long tshark may read (ms): it takes seconds for a call, and hours for what was made to be slow. */
const LONGEST_READ = 30 * 60_000;
const MOST_EXCHANGES = 200_000;
/** Characters of what tshark says where it fails. */
const KEPT = 2000;
/** Frame types (RFC 9113, 6.1 and 6.2). */
const HTTP2 = { data: '0', headers: '1' } as const;
/** RFC 6455, 5.2. */
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8 } as const;

export interface TlsCapture {
  path: string;
  name: string;
  /** A key log; without it, the one in the capture. */
  keylog?: string;
  /** Whose exchange it is, by the client's address and port; undefined for nobody's. */
  ownerOf(address: string, port: number): string | undefined;
  signal: AbortSignal;
  /** How long tshark may take (ms); half an hour if it isn't said. */
  longest?: number;
}

/** @throws InterchangeError where tshark can't read the file, or not in time; what the signal was aborted with */
export async function decrypt(program: string, capture: TlsCapture): Promise<Imported> {
  const { path, name, keylog, signal, longest = LONGEST_READ } = capture;
  const args = ['-n', '-r', path, '-T', 'pdml', '-Y', 'http or http2 or websocket'];
  args.push('-J', 'frame ip ipv6 tcp http http2 websocket data', '-o', 'http.decompress_body:FALSE');
  if (keylog !== undefined) args.push('-o', `tls.keylog_file:${keylog}`);
  const isLate = AbortSignal.timeout(longest);
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any([signal, isLate]),
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  // Whoever reads its output first is told of its failure there.
  ended.catch(() => {});
  const reader = new PdmlReader();
  const traffic = new Traffic(capture);
  try {
    for await (const piece of child.stdout.setEncoding('utf8')) for (const tag of reader.push(piece)) traffic.see(tag);
    const code = await ended;
    signal.throwIfAborted();
    const last = said.split('\n').findLast((line) => line.trim() !== '' && !line.startsWith('Running as user'));
    if (code !== 0) throw new Error(`it ended with exit code ${code}: ${last ?? 'it says nothing'}`);
  } catch (error) {
    child.kill('SIGKILL');
    signal.throwIfAborted();
    if (isLate.aborted)
      throw new InterchangeError(
        `tshark did not read ${name} within ${longest / 60_000} minutes; cut out the call, as with editcap -A -B`,
      );
    throw error instanceof InterchangeError
      ? error
      : new InterchangeError(`tshark could not read ${name}: ${(error as Error).message}`);
  }
  return traffic.end();
}

interface Packet {
  /** Microseconds since 1970. */
  time: number;
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  stream: string;
}

/** What one dissector says of one message or frame, field by field. */
interface Layer {
  protocol: 'http' | 'http2' | 'websocket';
  fields: Map<string, Tag[]>;
}

interface Exchange {
  name: string;
  participant: string;
  client: string;
  url: string;
  headers: [string, string][];
  /** Pieces of HTTP/2's bodies so far. */
  pieces: Record<'request' | 'response', Buffer[]>;
  /** A WebSocket's message whose last frame hasn't come, by who sends it. */
  partial: Map<string, { binary: boolean; pieces: Buffer[] }>;
}

/** Turns tags into events; public for its tests. */
export class Traffic {
  readonly #capture: Pick<TlsCapture, 'name' | 'ownerOf'>;
  readonly #events: Timed[] = [];
  readonly #owners = new Map<string, number>();
  /** HTTP/1.1: requests of a connection that have no reply yet. HTTP/2: by connection and stream. WebSockets: by connection. */
  readonly #waiting = new Map<string, Exchange[]>();
  readonly #streams = new Map<string, Exchange>();
  readonly #sockets = new Map<string, Exchange>();
  #packet = blankPacket();
  #layer: Layer | undefined;
  readonly #held: Held;
  #count = 0;
  /** Messages whose content was not shown. */
  #unread = 0;

  /** @param most how many bytes may be held, if not as many as of other files */
  constructor(capture: Pick<TlsCapture, 'name' | 'ownerOf'>, most?: number) {
    this.#capture = capture;
    this.#held = new Held(capture.name, most);
  }

  see(tag: Tag): void {
    const { element, name, show } = tag;
    if (element === 'packet') {
      this.#endLayer();
      this.#packet = blankPacket();
    } else if (element === 'proto') {
      // What dissects a WebSocket's payload further stands after it.
      if (name === 'fake-field-wrapper') return;
      this.#endLayer();
      if (name === 'http' || name === 'http2' || name === 'websocket')
        this.#layer = { protocol: name, fields: new Map() };
    } else if (this.#layer) {
      const same = this.#layer.fields.get(name);
      if (same) same.push(tag);
      else this.#layer.fields.set(name, [tag]);
    } else if (name === 'frame.time_epoch') this.#packet.time = Math.round(Number(show) * 1e6) || 0;
    else if (name === 'ip.src' || name === 'ipv6.src') this.#packet.source = show;
    else if (name === 'ip.dst' || name === 'ipv6.dst') this.#packet.destination = show;
    else if (name === 'tcp.srcport') this.#packet.sourcePort = Number(show);
    else if (name === 'tcp.dstport') this.#packet.destinationPort = Number(show);
    else if (name === 'tcp.stream') this.#packet.stream = show;
  }

  end(): Imported {
    this.#endLayer();
    this.#events.sort((a, b) => a.time - b.time);
    const beside = this.#unread > 0 ? `, without ${this.#unread} messages that tshark does not show` : '';
    return {
      events: this.#events,
      participants: [...this.#owners.keys()],
      vantages: [...this.#owners].map(([participant, count]) => ({
        ...{ vantage: 'proxy' as const, participant },
        detail: `imported from ${this.#capture.name}, decrypted by tshark: ${count} exchanges${beside}; whether that is all that crossed is not known`,
      })),
    };
  }

  #endLayer(): void {
    const layer = this.#layer;
    this.#layer = undefined;
    if (layer?.protocol === 'http') this.#http(layer);
    else if (layer?.protocol === 'http2') this.#http2(layer);
    else if (layer?.protocol === 'websocket') this.#websocket(layer);
  }

  #http({ fields }: Layer): void {
    const { stream } = this.#packet;
    const body = codedIn(fields) ?? bytesOf(fields, 'http.file_data') ?? bytesOf(fields, 'data.data');
    const waiting = this.#waiting.get(stream) ?? [];
    this.#waiting.set(stream, waiting);
    const method = shown(fields, 'http.request.method');
    if (method !== undefined) {
      const headers = linesOf(fields, 'http.request.line');
      const url = shown(fields, 'http.request.full_uri') ?? shown(fields, 'http.request.uri') ?? '';
      const version = shown(fields, 'http.request.version')?.replace('HTTP/', '') ?? '1.1';
      const exchange = this.#open(method, url, version, headers);
      if (!exchange) return;
      waiting.push(exchange);
      this.#whole(exchange, 'request', body);
      return;
    }
    const status = Number(shown(fields, 'http.response.code'));
    const exchange = waiting[0];
    if (!exchange || !isStatus(status)) return;
    // Interim replies come before the one that counts (RFC 9110, 15.2).
    if (status < 200 && status !== 101) return;
    waiting.shift();
    this.#reply(exchange, status, '1.1', linesOf(fields, 'http.response.line'));
    this.#whole(exchange, 'response', body);
    if (status !== 101) return;
    this.#sockets.set(stream, exchange);
    const { participant, name, url, headers } = exchange;
    const address = url.replace(/^http/, 'ws');
    this.#add({ participant, vantage: 'proxy', type: 'ws.opened', socket: name, url: address, headers });
  }

  #http2({ fields }: Layer): void {
    const key = `${this.#packet.stream}/${shown(fields, 'http2.streamid')}`;
    const type = shown(fields, 'http2.type');
    let exchange = this.#streams.get(key);
    if (type === HTTP2.headers) {
      const values = fields.get('http2.header.value') ?? [];
      const all = (fields.get('http2.header.name') ?? []).map((tag, at): [string, string] => [
        textOf(tag),
        values[at] ? textOf(values[at]) : '',
      ]);
      const pseudo = new Map(all.filter(([name]) => name.startsWith(':')));
      const headers = all.filter(([name]) => !name.startsWith(':'));
      const method = pseudo.get(':method');
      if (method !== undefined && !exchange) {
        const url = `${pseudo.get(':scheme')}://${pseudo.get(':authority')}${pseudo.get(':path') ?? ''}`;
        exchange = this.#open(method, url, '2.0', headers);
        if (exchange) this.#streams.set(key, exchange);
      } else {
        const status = Number(pseudo.get(':status'));
        if (exchange && isStatus(status) && status >= 200) this.#reply(exchange, status, '2.0', headers);
      }
    }
    if (!exchange) return;
    const of = this.#packet.source === exchange.client ? 'request' : 'response';
    if (type === HTTP2.data) {
      // With a body's last frame tshark shows all of it; and without its coding, where there is one.
      const whole = bytesOf(fields, 'http2.body.reassembled.data');
      const piece = codedIn(fields) ?? bytesOf(fields, 'http2.data.data');
      const padding = Number(shown(fields, 'http2.pad_length')) || 0;
      const length = Number(shown(fields, 'http2.length')) - (padding > 0 ? padding + 1 : 0);
      if (whole) {
        for (const { length } of exchange.pieces[of].splice(0)) this.#held.release(length);
        this.#keep(exchange.pieces[of], whole);
      } else if (piece && piece.length !== length) this.#unread++;
      else if (piece) this.#keep(exchange.pieces[of], piece);
    }
    if (shown(fields, 'http2.flags.end_stream') !== '1') return;
    this.#body(exchange, of, exchange.pieces[of].splice(0));
  }

  #websocket({ fields }: Layer): void {
    const exchange = this.#sockets.get(this.#packet.stream);
    if (!exchange) return;
    const { name: socket, participant, client, partial } = exchange;
    const isSent = this.#packet.source === client;
    const sender = isSent ? 'client' : 'server';
    const opcode = Number(shown(fields, 'websocket.opcode'));
    const common = { participant, vantage: 'proxy', socket } as const;
    if (opcode === OPCODE.close) {
      this.#sockets.delete(this.#packet.stream);
      const code = Number(shown(fields, 'websocket.payload.close.status_code'));
      const reason = shown(fields, 'websocket.payload.close.reason');
      this.#add({
        ...{ ...common, type: 'ws.closed' },
        ...(Number.isInteger(code) && code > 0 ? { code } : {}),
        ...(reason ? { reason } : {}),
      });
      return;
    }
    if (opcode !== OPCODE.text && opcode !== OPCODE.binary && opcode !== OPCODE.continuation) return;
    const payload =
      bytesOf(fields, 'websocket.payload.text') ??
      bytesOf(fields, 'websocket.payload.continue') ??
      bytesOf(fields, 'data.data');
    if (!payload && Number(shown(fields, 'websocket.payload_length')) > 0) {
      this.#unread++;
      partial.delete(sender);
      return;
    }
    const message =
      opcode === OPCODE.continuation ? partial.get(sender) : { binary: opcode === OPCODE.binary, pieces: [] };
    if (!message) return;
    this.#keep(message.pieces, payload ?? Buffer.alloc(0));
    partial.set(sender, message);
    if (shown(fields, 'websocket.fin') !== '1') return;
    partial.delete(sender);
    const direction = isSent ? 'send' : 'receive';
    const body = Buffer.concat(message.pieces);
    this.#add({ ...common, type: 'ws.message', direction, binary: message.binary, body });
  }

  #open(method: string, url: string, version: string, headers: [string, string][]): Exchange | undefined {
    const participant = this.#capture.ownerOf(this.#packet.source, this.#packet.sourcePort);
    if (participant === undefined) return undefined;
    if (this.#count >= MOST_EXCHANGES)
      throw new InterchangeError(`${this.#capture.name} holds more than ${MOST_EXCHANGES} exchanges`);
    const name = `${participant}-${this.#capture.name}-${++this.#count}`;
    this.#owners.set(participant, (this.#owners.get(participant) ?? 0) + 1);
    this.#add({ participant, vantage: 'proxy', type: 'http.request', exchange: name, method, url, version, headers });
    const pieces = { request: [], response: [] };
    return { name, participant, client: this.#packet.source, url, headers, pieces, partial: new Map() };
  }

  #reply({ name, participant }: Exchange, status: number, version: string, headers: [string, string][]): void {
    this.#add({ participant, vantage: 'proxy', type: 'http.response', exchange: name, status, version, headers });
  }

  #whole(exchange: Exchange, of: 'request' | 'response', body: Buffer | undefined): void {
    const pieces: Buffer[] = [];
    if (body) this.#keep(pieces, body);
    this.#body(exchange, of, pieces);
  }

  /** @param pieces that are counted already */
  #body({ name, participant }: Exchange, of: 'request' | 'response', pieces: Buffer[]): void {
    const body = Buffer.concat(pieces);
    if (body.length === 0) return;
    this.#add({ participant, vantage: 'proxy', type: 'http.body', exchange: name, of, last: true, body });
  }

  /** Counted where it comes, since what it is a piece of may have no end. */
  #keep(pieces: Buffer[], piece: Buffer): void {
    this.#held.add(piece.length);
    pieces.push(piece);
  }

  #add(event: NewEvent): void {
    this.#held.add('url' in event ? event.url.length : 0);
    if ('headers' in event) this.#held.addHeaders(event.headers);
    this.#events.push({ time: this.#packet.time, event });
  }
}

function blankPacket(): Packet {
  return { time: 0, source: '', destination: '', sourcePort: 0, destinationPort: 0, stream: '' };
}

function shown(fields: Layer['fields'], name: string): string | undefined {
  return fields.get(name)?.[0]?.show;
}

function bytesOf(fields: Layer['fields'], name: string): Buffer | undefined {
  const tag = fields.get(name)?.[0];
  return tag && tag.value !== '' ? Buffer.from(tag.value, 'hex') : undefined;
}

/** A body with its coding on, of which tshark makes a field without a name. */
function codedIn(fields: Layer['fields']): Buffer | undefined {
  const tag = fields.get('')?.find(({ show }) => show.startsWith('Content-encoded entity body'));
  return tag && tag.value !== '' ? Buffer.from(tag.value, 'hex') : undefined;
}

function textOf({ show, value }: Tag): string {
  return value === '' ? show : Buffer.from(value, 'hex').toString('utf8');
}

/** `Name: value` and the line's end. */
function linesOf(fields: Layer['fields'], name: string): [string, string][] {
  return (fields.get(name) ?? []).flatMap((tag): [string, string][] => {
    const match = /^([^:]+):[ \t]*(.*?)[ \t\r\n]*$/s.exec(textOf(tag));
    return match ? [[match[1]!, match[2]!]] : [];
  });
}
