/** HTTP/1.1 messages (RFC 9112) and WebSocket frames (RFC 6455) as text and bytes that a packet analyser reads. */
import { STATUS_CODES } from 'node:http';

type Headers = readonly (readonly [string, string])[];

/** What says how the bytes of a body were framed; here its length says it. */
const FRAMING = ['transfer-encoding', 'content-length'];
/** Bytes of a body or a frame in one packet; the rest of the packet holds addresses and headers. */
export const LARGEST_PART = 200_000;

/** The beginning of a body, and how many bytes all of it has. */
export interface Part {
  /** At most {@link LARGEST_PART}. */
  bytes: Uint8Array;
  size: number;
}

/** @param url absolute; HTTP/2's pseudo-header fields are told in HTTP/1.1's terms */
export function requestText(method: string, url: string, headers: Headers, body: Part): Buffer {
  let target = url;
  let host = '';
  try {
    const parsed = new URL(url);
    [target, host] = [`${parsed.pathname}${parsed.search}` || '/', parsed.host];
  } catch {
    // As it stands.
  }
  const named = headers.some(([name]) => name.toLowerCase() === 'host')
    ? headers
    : [['host', host] as const, ...headers];
  return message(`${clean(method)} ${clean(target)} HTTP/1.1`, named, body);
}

export function responseText(status: number, headers: Headers, body: Part): Buffer {
  return message(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(), headers, body);
}

/** Frames of one message, cut where it is longer than {@link LARGEST_PART}; masked with zeros where it goes to a server. */
export function* websocketFrames(payload: Uint8Array, binary: boolean, toServer: boolean): Generator<Buffer> {
  for (let at = 0; at === 0 || at < payload.length; at += LARGEST_PART) {
    const part = payload.subarray(at, at + LARGEST_PART);
    const isLast = at + LARGEST_PART >= payload.length;
    const opcode = at > 0 ? 0 : binary ? 2 : 1;
    const masked = toServer ? 0x80 : 0;
    const head = Buffer.alloc(part.length < 126 ? 2 : part.length < 65536 ? 4 : 10);
    head[0] = (isLast ? 0x80 : 0) | opcode;
    head[1] = masked | (part.length < 126 ? part.length : part.length < 65536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(part.length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(part.length), 2);
    yield Buffer.concat([head, Buffer.alloc(toServer ? 4 : 0), part]);
  }
}

function message(first: string, headers: Headers, { bytes, size }: Part): Buffer {
  const lines = headers
    .filter(([name]) => !FRAMING.includes(name.toLowerCase()))
    .map(([name, value]) => `${clean(name)}: ${clean(value)}`);
  if (bytes.length < size) lines.push(`x-keywitness-cut: ${bytes.length} of ${size} bytes`);
  if (size > 0) lines.push(`content-length: ${bytes.length}`);
  const head = Buffer.from(`${[first, ...lines].join('\r\n')}\r\n\r\n`);
  // More headers than that are no packet.
  return Buffer.concat([head.subarray(0, LARGEST_HEAD), bytes]);
}

const LARGEST_HEAD = 50_000;

/** Nothing that a service sent ends a line. */
function clean(text: string): string {
  return text.replaceAll(/[\r\n\0]+/g, ' ');
}
