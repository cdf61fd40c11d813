/**
 * Flow files of mitmproxy (`mitmdump -w`): one netstring a flow, its fields as `get_state` of mitmproxy/http.py and
 * mitmproxy/websocket.py give them. Read are HTTP flows and their WebSockets, of flow format 10 on (mitmproxy 7); formats differ
 * little in what is read here, so later ones are taken as they come.
 */
import type { NewEvent } from '../recording/format.ts';
import { readAddress } from './datagrams.ts';
import { Held } from './held.ts';
import type { ByteSource } from './source.ts';
import { type Imported, isStatus, type Timed } from './timed.ts';
import { readNetstring, textOf, type Value } from './tnetstring.ts';

/** WebSockets are part of their HTTP flow since (mitmproxy/io/compat.py). */
const FIRST_VERSION = 10;
const MOST_FLOWS = 200_000;
/** The year 9999 in seconds. */
const LAST = 253_402_300_799;

type Dictionary = Map<string, Value>;

/** Whether a file that begins so is one: a dictionary has no fewer bytes than this. */
export function isFlows(start: Uint8Array): boolean {
  return /^\d{2,9}:\d+:/.test(Buffer.from(start.subarray(0, 24)).toString('latin1'));
}

/**
 * The addresses of the clients whose HTTP flows a file holds; undefined among them where a flow has none.
 * @throws InterchangeError
 */
export function clientsIn(source: ByteSource): Set<string | undefined> {
  const clients = new Set<string | undefined>();
  for (const { flow, isHttp } of flowsIn(source)) if (isHttp) clients.add(clientOf(flow));
  return clients;
}

/**
 * Reads a file; its bodies are held in memory.
 * @param ownerOf whose flow it is, by its client's address
 * @param most how many bytes may be held, if not as many as of other files
 * @throws InterchangeError
 */
export function readFlows(
  source: ByteSource,
  ownerOf: (address: string | undefined) => string,
  most?: number,
): Imported {
  const events: Timed[] = [];
  const held = new Held(source.name, most);
  const owners = new Set<string>();
  let count = 0;
  let others = 0;
  for (const { at, flow, isHttp } of flowsIn(source)) {
    if (!isHttp) {
      others++;
      continue;
    }
    // What is taken of a flow's bytes keeps all of them.
    held.add(source.offset - at);
    const owner = ownerOf(clientOf(flow));
    owners.add(owner);
    const told = tellFlow(flow, owner, `${owner}-${source.name}-${++count}`, (what) => source.wrong(what, at));
    for (const one of told) {
      const { event } = one;
      held.add(0);
      if ('headers' in event) held.addHeaders(event.headers);
      events.push(one);
    }
  }
  events.sort((a, b) => a.time - b.time);
  const beside = others > 0 ? `, without ${others} flows that are not HTTP` : '';
  return {
    events,
    participants: [...owners],
    vantages: [...owners].map((participant) => ({
      ...{ vantage: 'proxy' as const, participant },
      detail: `imported from ${source.name}: ${count} exchanges${beside}; whether that is all that crossed is not known`,
    })),
  };
}

function* flowsIn(source: ByteSource): Generator<{ at: number; flow: Dictionary; isHttp: boolean }> {
  for (let count = 0; ; count++) {
    const at = source.offset;
    const flow = readNetstring(source);
    if (flow === undefined) return;
    if (count >= MOST_FLOWS) throw source.wrong(`more than ${MOST_FLOWS} flows`, at);
    if (!(flow instanceof Map) || !flow.has('version')) throw source.wrong('expected a flow of mitmproxy', at);
    const version = flow.get('version');
    if (typeof version !== 'number' || version < FIRST_VERSION)
      throw source.wrong(
        `a flow of format ${Array.isArray(version) ? version.map(String).join('.') : String(version)}, expected ${FIRST_VERSION} or later (mitmproxy 7)`,
        at,
      );
    yield { at, flow, isHttp: textOf(flow.get('type')) === 'http' };
  }
}

function tellFlow(flow: Dictionary, participant: string, exchange: string, wrong: (what: string) => Error): Timed[] {
  const events: Timed[] = [];
  const common = { participant, vantage: 'proxy' } as const;
  const add = (time: number, event: NewEvent) => events.push({ time: Math.round(time * 1e6), event });
  /** In seconds since 1970. */
  const timeOf = (from: Dictionary, ...names: string[]): number => {
    for (const name of names) {
      const time = from.get(name);
      if (time === null || time === undefined) continue;
      if (typeof time !== 'number' || !(time >= 0 && time <= LAST)) throw wrong(`${name} is no time since 1970`);
      return time;
    }
    throw wrong(`it has no ${names[0]}`);
  };
  const body = (of: 'request' | 'response', time: number, from: Dictionary) => {
    const content = from.get('content');
    if (content instanceof Uint8Array && content.length > 0)
      add(time, { ...common, type: 'http.body', exchange, of, body: content, last: true });
  };

  const request = flow.get('request');
  if (!(request instanceof Map)) throw wrong('an HTTP flow without a request');
  const response = flow.get('response');
  const socket = flow.get('websocket');
  const start = timeOf(request, 'timestamp_start');
  const headers = headersOf(request);
  const url = urlOf(request, headers, socket instanceof Map);
  const method = textOf(request.get('method'));
  add(start, { ...common, type: 'http.request', exchange, method, url, version: versionOf(request), headers });
  body('request', start, request);
  const error = flow.get('error');
  if (!(response instanceof Map)) {
    const reason = error instanceof Map ? textOf(error.get('msg')) : '';
    const time = error instanceof Map ? Math.max(start, timeOf(error, 'timestamp')) : start;
    add(time, { ...common, type: 'http.aborted', exchange, reason: reason || 'no reply' });
    return events;
  }
  const answered = Math.max(start, timeOf(response, 'timestamp_start'));
  const status = response.get('status_code');
  if (!isStatus(status)) throw wrong('a reply without a status of three digits');
  const got = headersOf(response);
  add(answered, { ...common, type: 'http.response', exchange, status, version: versionOf(response), headers: got });
  // When the last of it had come: what a participant sent meanwhile counts as sent before.
  body('response', Math.max(answered, timeOf(response, 'timestamp_end', 'timestamp_start')), response);
  if (!(socket instanceof Map)) return events;
  add(answered, { ...common, type: 'ws.opened', socket: exchange, url, headers });
  const messages = socket.get('messages');
  for (const message of Array.isArray(messages) ? messages : []) {
    const [type, fromClient, content, time, dropped] = Array.isArray(message) ? message : [];
    if (!(content instanceof Uint8Array) || typeof time !== 'number' || !(time >= 0 && time <= LAST))
      throw wrong('a WebSocket message without its content or time');
    // What the proxy held back never came to the other end.
    if (dropped === true || (type !== 1 && type !== 2)) continue;
    const direction = fromClient === true ? 'send' : 'receive';
    add(Math.max(answered, time), {
      ...{ ...common, type: 'ws.message', socket: exchange, direction, binary: type === 2, body: content },
    });
  }
  const end = socket.get('timestamp_end');
  if (typeof end !== 'number') return events;
  const code = socket.get('close_code');
  const reason = textOf(socket.get('close_reason'));
  add(Math.max(answered, timeOf(socket, 'timestamp_end')), {
    ...{ ...common, type: 'ws.closed', socket: exchange },
    ...(Number.isSafeInteger(code) ? { code: code as number } : {}),
    ...(reason ? { reason } : {}),
  });
  return events;
}

function headersOf(message: Dictionary): [string, string][] {
  const headers = message.get('headers');
  return (Array.isArray(headers) ? headers : []).flatMap((header): [string, string][] =>
    // Bytes are what HTTP's are, Latin-1 (RFC 9110, 5.5), or UTF-8 as most write it.
    Array.isArray(header) && header.length === 2 ? [[textOf(header[0]), textOf(header[1])]] : [],
  );
}

function versionOf(message: Dictionary): string {
  return textOf(message.get('http_version')).replace(/^HTTP\//i, '') || 'unknown';
}

/** As the client addressed it: transparent and reverse proxies have another host. */
function urlOf(request: Dictionary, headers: [string, string][], isSocket: boolean): string {
  const isSecure = textOf(request.get('scheme')) === 'https';
  const named = textOf(request.get('authority')) || headers.find(([name]) => name.toLowerCase() === 'host')?.[1];
  const host = named || `${textOf(request.get('host'))}:${String(request.get('port'))}`;
  const scheme = isSocket ? (isSecure ? 'wss' : 'ws') : isSecure ? 'https' : 'http';
  return `${scheme}://${host}${textOf(request.get('path'))}`.split('#')[0]!;
}

/** `address`, and `peername` since format 19. */
function clientOf(flow: Dictionary): string | undefined {
  const client = flow.get('client_conn');
  if (!(client instanceof Map)) return undefined;
  const address = client.get('peername') ?? client.get('address');
  const host = Array.isArray(address) ? textOf(address[0]) : '';
  // Sockets that take both versions write IPv4 so (RFC 4291, 2.5.5.2).
  return readAddress(host.replace(/^::ffff:(?=\d+\.)/i, ''));
}
