/** How much of what participants sent is the browser's own session descriptions (RFC 8866), which carry no media. */
import type { Connections } from './connections.ts';
import { type Crossing, content } from './crossings.ts';

/** Line ends, as they are and as one JSON text in another has them. */
const LINE_END = /\r?\n|\\+r\\+n|\\+n/;
/** Shorter lines (characters) are not worth looking for. */
const SHORTEST = 8;
/** Longer messages (bytes) carry more than descriptions. */
const LONGEST = 1 << 20;

/**
 * Bytes by participant: lines of its own local descriptions, which are the browser's, that stand word for word in what it sent; of one
 * message no more than a description is long. A page can hide next to nothing in these: a browser leaves out of a description what it
 * doesn't know.
 */
export function describedBytes(sent: readonly Crossing[], connections: Connections): Map<string, number> {
  const lines = new Map<string, Set<string>>();
  const bytes = new Map<string, number>();
  for (const crossing of sent) {
    const { participant, direction, codings } = crossing;
    // Of what is compressed, the bytes that crossed are not those of the lines.
    if (direction !== 'send' || codings.length > 0) continue;
    const own = lines.get(participant) ?? linesOf(connections, participant);
    lines.set(participant, own);
    const message = own.size > 0 ? content(crossing) : undefined;
    if (!message || message.length > LONGEST) continue;
    const parts = Buffer.from(message).toString('latin1').split(LINE_END);
    const described = parts.reduce((sum, part) => sum + (own.has(part) ? part.length : 0), 0);
    bytes.set(participant, (bytes.get(participant) ?? 0) + Math.min(described, longest(connections, participant)));
  }
  return bytes;
}

function longest(connections: Connections, participant: string): number {
  return Math.max(0, ...connections.of(participant).flatMap(({ local }) => local.map(({ length }) => length)));
}

function linesOf(connections: Connections, participant: string): Set<string> {
  const all = connections.of(participant).flatMap(({ local }) => local.flatMap((sdp) => sdp.split(/\r?\n/)));
  return new Set(all.filter((line) => line.length >= SHORTEST));
}
