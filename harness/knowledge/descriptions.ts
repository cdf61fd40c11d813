/** How much of what participants sent is the browser's own session descriptions (RFC 8866), which carry no media. */
import type { Connections } from './connections.ts';
import { type Crossing, content } from './crossings.ts';

/** Line ends, as they are and as one JSON text in another has them. */
const LINE_END = /\r?\n|\\+r\\+n|\\+n/;
/** Shorter lines (characters) are not worth looking for. */
const SHORTEST = 8;
/** Longer messages (bytes) carry more than descriptions. */
const LONGEST = 1 << 20;

/** A longer line (characters) is none that a browser writes by itself, but the list of payload types. */
const LONGEST_LINE = 300;
/** Lines that browsers write of their own (RFC 8866, 8839, 8122, 5576). Of `fmtp`, a browser keeps what it doesn't know. */
const KNOWN = [
  /^[vostcmb]=/,
  /^a=(?:candidate|fingerprint|ice-ufrag|ice-pwd|ice-options|rtpmap|rtcp-fb|extmap|mid|msid|msid-semantic|group|setup|rtcp|rtcp-xr|ssrc-group|sctp-port|max-message-size|rid|simulcast):/,
  /^a=ssrc:\d{1,10} (?:cname|msid):/,
  /^a=(?:sendrecv|sendonly|recvonly|inactive|rtcp-mux|rtcp-rsize|extmap-allow-mixed|end-of-candidates)$/,
  /^a=fmtp:\d{1,3} (?:\d{1,3}(?:\/\d{1,3}){0,7}|(?:(?:apt|minptime|useinbandfec|usedtx|stereo|sprop-stereo|maxaveragebitrate|maxplaybackrate|cbr|level-asymmetry-allowed|packetization-mode|profile-level-id|level-idx|profile|tier|profile-id|level-id|tier-flag|tx-mode)=[0-9a-zA-Z]{1,8}(?:;|$)){1,16})$/,
];

/**
 * Bytes by participant: lines of its own local descriptions, which are the browser's, that stand word for word in what it sent; of one
 * message no more than a description is long. Lines of another form may be the page's: it can change a description before it sets it.
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
  return new Set(all.filter((line) => line.length >= SHORTEST && isKnown(line)));
}

function isKnown(line: string): boolean {
  return line.length <= LONGEST_LINE && KNOWN.some((form) => form.test(line));
}
