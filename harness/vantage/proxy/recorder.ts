/** Turns what one participant's mockttp instance tells of its traffic into events of the recording. */
import type { Destination, InitiatedRequest, Mockttp, RawHeaders } from 'mockttp';
import type { NewEvent } from '../../recording/format.ts';
import { upstreamFailure } from './upstream.ts';

/** An exchange, tunnel or WebSocket that is under way. */
interface Exchange {
  name: string;
  url: string;
  headers: [string, string][];
  kind: 'http' | 'websocket' | 'tunnel';
  destination: Destination;
  /** The provider has answered: what flows to the participant is the provider's, not the proxy's own. */
  answered: boolean;
  over: boolean;
  /** Bytes so far. */
  request: number;
  response: number;
  /** Directions whose body has ended. */
  ended: Set<'request' | 'response'>;
}

/** What mockttp tells when one begins. */
type Opened = Pick<InitiatedRequest, 'id' | 'method' | 'url' | 'httpVersion' | 'rawHeaders' | 'destination'>;
/** The upstream response's head, which mockttp tells of as it came (its rule event `passthrough-response-head`). */
interface ResponseHead {
  statusCode: number;
  httpVersion?: string;
  rawHeaders: RawHeaders;
}
interface Abort {
  error?: { code?: string; message?: string };
}

/**
 * Records a proxy's traffic. Exchanges and sockets are named `PARTICIPANT-N`, N counting from 1. A WebSocket is recorded
 * as the exchange that opens it and a socket of the same name. A tunnel that carries neither HTTP nor TLS is recorded as an
 * exchange with method CONNECT, URL `tcp://HOST:PORT`, its bytes as bodies (RFC 9110 section 9.3.6).
 *
 * The headers of `ws.opened` are the request's; messages of a compressed WebSocket (RFC 7692) are recorded decompressed.
 * Headers are without the pseudo-header fields of HTTP/2, which say again what the event says. A body of no bytes has no
 * piece. Pieces that were under way when an exchange was cut off may follow its `http.aborted`.
 */
export async function recordTraffic(
  proxy: Mockttp,
  participant: string,
  isReachable: (host: string) => boolean,
  emit: (event: NewEvent) => void,
): Promise<void> {
  const common = { participant, vantage: 'proxy' } as const;
  const exchanges = new Map<string, Exchange>();
  let count = 0;
  const nextName = () => `${participant}-${++count}`;

  const open = (kind: Exchange['kind'], opened: Opened) => {
    const { id, method, url, httpVersion: version, destination } = opened;
    if (!isReachable(destination.hostname)) {
      emit({ ...common, type: 'http.refused', url, reason: `${destination.hostname} is out of this run's reach` });
      return;
    }
    const name = nextName();
    const headers = fields(opened.rawHeaders);
    const [answered, over, ended] = [kind === 'tunnel', false, new Set<'request' | 'response'>()];
    exchanges.set(id, { name, url, headers, kind, destination, answered, over, ended, request: 0, response: 0 });
    emit({ ...common, type: 'http.request', exchange: name, method, url, version, headers });
  };
  const response = (exchange: Exchange, head: ResponseHead) =>
    emit({
      ...{ ...common, type: 'http.response', exchange: exchange.name, status: head.statusCode },
      ...(head.httpVersion ? { version: head.httpVersion } : {}),
      headers: fields(head.rawHeaders),
    });
  const piece = (id: string, of: 'request' | 'response', body: Uint8Array, last: boolean) => {
    const exchange = exchanges.get(id);
    if (!exchange || exchange.ended.has(of) || (of === 'response' && !exchange.answered)) return;
    exchange[of] += body.length;
    if (body.length > 0 || (last && exchange[of] > 0))
      emit({ ...common, type: 'http.body', exchange: exchange.name, of, body, last });
    if (!last) return;
    exchange.ended.add(of);
    if (exchange.ended.size === 2) exchanges.delete(id);
  };
  const abort = (id: string, error: Abort['error'], otherwise: string) => {
    const exchange = exchanges.get(id);
    if (!exchange || exchange.over) return;
    exchange.over = true;
    const { hostname, port } = exchange.destination;
    const opening = exchange.kind === 'websocket' && !exchange.answered;
    const reason = error?.message || error?.code || (opening && upstreamFailure(hostname, port)) || otherwise;
    if (exchange.kind === 'websocket' && !opening)
      // RFC 6455 section 7.1.5: closed without a close frame.
      emit({ ...common, type: 'ws.closed', socket: exchange.name, code: 1006, reason });
    else emit({ ...common, type: 'http.aborted', exchange: exchange.name, reason });
  };

  await proxy.on('request-initiated', (opened) => open('http', opened));
  await proxy.on('request-body-data', ({ id, content, isEnded }) => piece(id, 'request', content, isEnded));
  await proxy.on('rule-event', ({ requestId, eventType, eventData }) => {
    const exchange = exchanges.get(requestId);
    if (exchange && eventType === 'passthrough-response-head') {
      exchange.answered = true;
      response(exchange, eventData as ResponseHead);
    }
    if (exchange && eventType === 'passthrough-abort')
      abort(requestId, (eventData as Abort).error, 'the connection to the server was lost');
  });
  await proxy.on('response-information', (head) => {
    const exchange = exchanges.get(head.id);
    // 100 is the proxy's own; the others come from the server.
    if (exchange && head.statusCode !== 100) response(exchange, head);
  });
  await proxy.on('response-initiated', ({ id, statusCode }) => {
    if (!exchanges.get(id)?.answered) abort(id, undefined, `the proxy failed and answered ${statusCode} itself`);
  });
  await proxy.on('response-body-data', ({ id, content, isEnded }) => piece(id, 'response', content, isEnded));
  await proxy.on('abort', ({ id, error }) => abort(id, error, 'the participant closed the connection'));

  await proxy.on('websocket-request', (opened) => open('websocket', opened));
  await proxy.on('websocket-accepted', (head) => {
    const exchange = exchanges.get(head.id);
    if (!exchange) return;
    exchange.answered = true;
    response(exchange, head);
    emit({ ...common, type: 'ws.opened', socket: exchange.name, url: exchange.url, headers: exchange.headers });
  });
  // Ordinary responses come here too; they are recorded piece by piece above.
  await proxy.on('response', ({ body, ...head }) => {
    const exchange = exchanges.get(head.id);
    if (exchange?.kind !== 'websocket') return;
    exchange.answered = true;
    response(exchange, head);
    piece(head.id, 'response', body.buffer, true);
    exchanges.delete(head.id);
  });
  for (const [event, direction] of [
    ['websocket-message-received', 'send'],
    ['websocket-message-sent', 'receive'],
  ] as const)
    await proxy.on(event as 'websocket-message-sent', ({ streamId, isBinary, content }) => {
      const socket = exchanges.get(streamId)?.name;
      if (socket) emit({ ...common, type: 'ws.message', socket, direction, binary: isBinary, body: content });
    });
  await proxy.on('websocket-close', ({ streamId, closeCode, closeReason }) => {
    const socket = exchanges.get(streamId)?.name;
    exchanges.delete(streamId);
    if (!socket) return;
    emit({
      ...{ ...common, type: 'ws.closed', socket },
      ...(closeCode === undefined ? {} : { code: closeCode }),
      ...(closeReason ? { reason: closeReason } : {}),
    });
  });

  await proxy.on('raw-passthrough-opened', ({ id, destination }) => {
    const { hostname, port } = destination;
    const url = `tcp://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
    open('tunnel', { id, method: 'CONNECT', url, httpVersion: '1.1', rawHeaders: [], destination });
  });
  await proxy.on('raw-passthrough-data', ({ id, direction, content }) =>
    piece(id, direction === 'received' ? 'request' : 'response', content, false),
  );
  await proxy.on('raw-passthrough-closed', ({ id }) => {
    piece(id, 'request', new Uint8Array(), true);
    piece(id, 'response', new Uint8Array(), true);
  });

  await proxy.on('tls-client-error', ({ destination, tlsMetadata, failureCause }) => {
    const host = destination?.hostname ?? tlsMetadata?.sniHostname ?? '';
    emit({ ...common, type: 'tls.refused', host, reason: failureCause });
  });
  await proxy.on('client-error', ({ errorCode, request }) => {
    const url = request.url ? ` (${request.url.slice(0, 200)})` : '';
    const reason = `the participant's request was not HTTP: ${errorCode ?? 'unknown error'}${url}`;
    emit({ ...common, type: 'http.aborted', exchange: nextName(), reason });
  });
}

function fields(headers: RawHeaders): [string, string][] {
  return headers.filter(([name]) => !name.startsWith(':')).map(([name, value]) => [name, String(value)]);
}
