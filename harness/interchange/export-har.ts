/** A recording's HTTP and WebSockets as HAR 1.2, each body once and without its content coding where that can be taken off. */
import { isUtf8 } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { RecordedEvent } from '../recording/format.ts';
import type { RecordingReader } from '../recording/reader.ts';
import { bodyOf, collectExchanges, type Exchange, sizeOf } from './exchanges.ts';
import { writeTime } from './har.ts';
import { microseconds, originOf } from './origin.ts';
import { writePrivately } from './private-file.ts';

/** A body that grows beyond this (bytes) stays as it crossed. */
const LONGEST_CONTENT = 32 << 20;
/** A body or message above this (bytes) is left out: as JSON it may take six times as much, and no text may be longer. */
const LARGEST_BODY = 64 << 20;

/**
 * Writes the file; `_participant` of an entry says whose it is, `_keywitness` of the log and, for who puts files together,
 * `_recording` of each entry which recording it is from.
 * @returns how many exchanges it holds
 * @throws RecordingError, InterchangeError
 */
export function exportHar(reader: RecordingReader, path: string): number {
  const { recording } = reader;
  const exchanges = collectExchanges(reader);
  const peers = peersIn(reader);
  const addresses = new Map(peers.map(({ host, address }) => [host, address]));
  writePrivately(path, (append) => {
    const log = {
      version: '1.2',
      creator: { name: 'keywitness', version: recording.software.keywitness ?? 'unknown' },
      pages: [],
      comment: `made by keywitness from recording ${recording.id}`,
      _keywitness: { origin: originOf(recording), peers },
    };
    append(`{"log":${JSON.stringify(log).slice(0, -1)},"entries":[`);
    exchanges.forEach((exchange, index) => {
      if (index > 0) append(',');
      const { request, response, ...rest } = entry(exchange);
      // Each body in a piece of its own, and left open for the messages, of which there may be many: no text may be too long.
      append(`\n{"request":${JSON.stringify(request)}`);
      append(`,"response":${JSON.stringify(response)}`);
      append(`,${JSON.stringify(rest).slice(1, -1)}`);
      if (exchange.opened) {
        append(',"_resourceType":"websocket","_webSocketMessages":[');
        exchange.messages.forEach((message, at) => {
          append(`${at > 0 ? ',' : ''}${JSON.stringify(messageOf(message))}`);
        });
        append(']');
      }
      append('}');
    });
    append(']}}\n');
  });
  return exchanges.length;

  function entry(exchange: Exchange) {
    const { request, response, bodies, closed, aborted } = exchange;
    const answer = response?.t ?? aborted?.t ?? bodies.request.end;
    // The request's body may end after the reply has begun.
    const sent = Math.max(0, Math.min(bodies.request.end, answer) - request.t);
    const timings = {
      send: sent,
      wait: Math.max(0, answer - request.t - sent),
      receive: Math.max(0, (response ? bodies.response.end : answer) - answer),
    };
    const server = addresses.get(hostOf(request.url));
    return {
      startedDateTime: writeTime(microseconds(recording, request.t)),
      time: timings.send + timings.wait + timings.receive,
      request: {
        method: request.method,
        url: request.url,
        httpVersion: `HTTP/${request.version}`,
        cookies: [],
        headers: request.headers.map(([name, value]) => ({ name, value })),
        queryString: queryOf(request.url),
        headersSize: -1,
        bodySize: sizeOf(exchange, 'request'),
        ...postDataOf(exchange),
      },
      response: {
        status: response?.status ?? 0,
        statusText: STATUS_CODES[response?.status ?? 0] ?? '',
        httpVersion: response?.version ? `HTTP/${response.version}` : '',
        cookies: [],
        headers: response?.headers.map(([name, value]) => ({ name, value })) ?? [],
        content: contentOf(exchange),
        redirectURL: headerOf(response?.headers, 'location') ?? '',
        headersSize: -1,
        bodySize: response ? sizeOf(exchange, 'response') : -1,
        ...(aborted ? { _error: aborted.reason || 'aborted' } : {}),
      },
      cache: {},
      timings,
      ...(server === undefined ? {} : { serverIPAddress: server }),
      _participant: exchange.participant,
      _recording: recording.id,
      ...(closed ? { _webSocketClosed: closedOf(closed) } : {}),
    };
  }

  function closedOf({ t, code, reason }: RecordedEvent<'ws.closed'>) {
    return { time: microseconds(recording, t) / 1e6, code, reason };
  }

  /** As Chrome's developer tools write them. */
  function messageOf({ direction, t, binary, body }: RecordedEvent<'ws.message'>) {
    const bytes = body.length > LARGEST_BODY ? Buffer.alloc(0) : Buffer.from(reader.body(body));
    const common = {
      type: direction,
      time: microseconds(recording, t) / 1e6,
      opcode: binary ? 2 : 1,
      ...leftOf(body.length),
    };
    if (!binary && isUtf8(bytes)) return { ...common, data: bytes.toString('utf8') };
    return { ...common, data: bytes.toString('base64'), ...(binary ? {} : { _encoding: 'base64' }) };
  }

  /** As it crossed: `_coded` where a content coding is in force. */
  function postDataOf(exchange: Exchange) {
    if (exchange.bodies.request.pieces.length === 0) return {};
    const { headers } = exchange.request;
    const left = leftOf(sizeOf(exchange, 'request'));
    if (left.comment) return { postData: { mimeType: headerOf(headers, 'content-type') ?? '', text: '', ...left } };
    const bytes = bodyOf(reader, exchange, 'request');
    const coded = headerOf(headers, 'content-encoding') === undefined ? {} : { _coded: true };
    const text = isUtf8(bytes)
      ? { text: bytes.toString('utf8') }
      : { text: bytes.toString('base64'), _encoding: 'base64' };
    return { postData: { mimeType: headerOf(headers, 'content-type') ?? '', ...text, ...coded } };
  }

  function contentOf(exchange: Exchange) {
    const mimeType = headerOf(exchange.response?.headers, 'content-type') ?? 'x-unknown';
    const size = sizeOf(exchange, 'response');
    if (size > LARGEST_BODY) return { size, mimeType, ...leftOf(size) };
    const crossed = exchange.response ? bodyOf(reader, exchange, 'response') : Buffer.alloc(0);
    if (crossed.length === 0) return { size: 0, mimeType };
    const coding = headerOf(exchange.response?.headers, 'content-encoding')?.toLowerCase();
    const decoded = decode(crossed, coding);
    const bytes = decoded ?? crossed;
    return {
      size: bytes.length,
      ...(decoded && coding ? { compression: bytes.length - crossed.length } : {}),
      mimeType,
      ...(isUtf8(bytes) ? { text: bytes.toString('utf8') } : { text: bytes.toString('base64'), encoding: 'base64' }),
      ...(decoded ? {} : { _coded: true }),
    };
  }
}

/** Undefined where it is of a coding that isn't read here, of several, cut off, or too long. */
function decode(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  const bounds = { maxOutputLength: LONGEST_CONTENT };
  try {
    if (coding === undefined || coding === 'identity') return bytes;
    if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(bytes, bounds);
    if (coding === 'deflate') return inflateSync(bytes, bounds);
    if (coding === 'br') return brotliDecompressSync(bytes, bounds);
  } catch {
    // As it crossed.
  }
  return undefined;
}

function leftOf(size: number): { comment?: string } {
  return size > LARGEST_BODY ? { comment: `left out by keywitness: ${size} bytes` } : {};
}

function headerOf(headers: readonly (readonly [string, string])[] | undefined, wanted: string): string | undefined {
  return headers?.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function queryOf(url: string): { name: string; value: string }[] {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? '';
  return [...new URLSearchParams(query)].map(([name, value]) => ({ name, value }));
}

/** Who the proxies reached. */
function peersIn(reader: RecordingReader): RecordedEvent<'tls.peer' | 'tcp.peer'>[] {
  const peers = [];
  for (const event of reader.events()) if (event.type === 'tls.peer' || event.type === 'tcp.peer') peers.push(event);
  return peers;
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return '';
  }
}
