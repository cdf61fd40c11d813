/** What crossed HTTP and WebSockets in a recording, exchange by exchange, as files of other tools want it. */
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { RecordingReader } from '../recording/reader.ts';

/** One request, its reply, and the messages of the WebSocket that it opened. Times in ms since the clock origin. */
export interface Exchange {
  participant: string;
  request: RecordedEvent<'http.request'>;
  /** The last one: what came before are interim replies (RFC 9110, 15.2). */
  response?: RecordedEvent<'http.response'>;
  /** Pieces in order; `end` is when the last one came. */
  bodies: Record<'request' | 'response', { pieces: Body[]; end: number }>;
  aborted?: { t: number; reason: string };
  opened: boolean;
  messages: RecordedEvent<'ws.message'>[];
  closed?: RecordedEvent<'ws.closed'>;
}

/** All of a recording, in the order of their requests; bodies stay in the recording. */
export function collectExchanges(reader: RecordingReader): Exchange[] {
  const all = new Map<string, Exchange>();
  for (const event of reader.events()) {
    if (event.type === 'http.request') {
      const blank = () => ({ pieces: [], end: event.t });
      const bodies = { request: blank(), response: blank() };
      all.set(event.exchange, {
        ...{ participant: event.participant ?? '', request: event },
        ...{ bodies, opened: false, messages: [] },
      });
      continue;
    }
    const exchange = all.get('exchange' in event ? event.exchange : 'socket' in event ? event.socket : '');
    if (!exchange) continue;
    if (event.type === 'http.response') {
      exchange.response = event;
      exchange.bodies.response.end = event.t;
    } else if (event.type === 'http.body') {
      exchange.bodies[event.of].pieces.push(event.body);
      exchange.bodies[event.of].end = event.t;
    } else if (event.type === 'http.aborted') exchange.aborted = { t: event.t, reason: event.reason };
    else if (event.type === 'ws.opened') exchange.opened = true;
    else if (event.type === 'ws.message') exchange.messages.push(event);
    else if (event.type === 'ws.closed') exchange.closed = event;
  }
  return [...all.values()];
}

/** A body as it crossed. @param most how many of its bytes are wanted; no more pieces are read than it takes */
export function bodyOf(
  reader: RecordingReader,
  { bodies }: Exchange,
  of: 'request' | 'response',
  most = Number.POSITIVE_INFINITY,
): Buffer {
  const read: Uint8Array[] = [];
  let length = 0;
  for (const piece of bodies[of].pieces) {
    if (length >= most) break;
    read.push(reader.body(piece));
    length += piece.length;
  }
  return Buffer.concat(read).subarray(0, most);
}

/** How many bytes a body has. */
export function sizeOf({ bodies }: Exchange, of: 'request' | 'response'): number {
  return bodies[of].pieces.reduce((sum, { length }) => sum + length, 0);
}
