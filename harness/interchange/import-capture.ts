/**
 * RTP and RTCP out of a capture. Of captures that keywitness made it is known whose packets they are and that they are without
 * SRTP. Of all others RTP is found by its streams, and may be SRTP: it is recorded as what crossed the wire, vantage `wire`.
 */
import { isRtcp, parseRtp } from '../media/rtp.ts';
import type { NewEvent } from '../recording/format.ts';
import { type Captured, readCapture } from './capture.ts';
import { type Datagram, datagramIn, isKnownLink, isLocal } from './datagrams.ts';
import { MARK } from './export-pcapng.ts';
import { LINK_UPPER_PDU, readUpperPdu } from './exported-pdu.ts';
import { expectOneRecording, type Origin, readOrigin, recordingIn } from './origin.ts';
import { type ByteSource, InterchangeError } from './source.ts';
import type { Imported, Timed } from './timed.ts';
import { unwrapZoom, ZOOM_PORT } from './zoom.ts';

/**
 * So many packets with one SSRC between the same ends are a stream. By chance, of what begins as RTP does, two in 2^32 have the
 * same one.
 */
const FEWEST_PACKETS = 8;
/** Streams and would-be streams that are told apart. */
const MOST_STREAMS = 1 << 16;
/** `TLSK`: a TLS key log (draft-ietf-opsawg-pcapng, 4.7). */
const TLS_KEYS = 0x544c534b;
/** What Wireshark says of a file that it made of several (wiretap/merge.c). */
const MERGED = 'File created by merging';

/** What a first reading of a capture finds. */
export interface CaptureSurvey {
  name: string;
  origin: Origin | undefined;
  /** Whether interfaces say which recording they are from. Exports of before did not. */
  hasIds: boolean;
  /** Session descriptions of an export. */
  descriptions: number;
  /** How many packets each stream has, by its ends and SSRC; and the ends of those that are streams, in both directions. */
  streams: Map<string, number>;
  ends: Set<string>;
  /** Addresses in a local network that sent a stream. */
  senders: string[];
  /** A TLS key log stands in the file. */
  hasKeys: boolean;
}

/** Who a participant is on the wire: by address, or by address and port as `ADDRESS PORT`. */
export type Owners = ReadonlyMap<string, string>;

/** @throws InterchangeError */
export function surveyCapture(source: ByteSource): CaptureSurvey {
  const found: CaptureSurvey = {
    ...{
      name: source.name,
      origin: undefined,
      hasIds: false,
      descriptions: 0,
      streams: new Map(),
      ends: new Set(),
      senders: [],
    },
    hasKeys: false,
  };
  let packets = 0;
  let sections = 0;
  let isMerged = false;
  const ids = new Set<string>();
  const foreign = new Set<number>();
  const senders = new Set<string>();
  const seeFace = (description: string) => {
    const id = recordingIn(description);
    if (id === undefined) return;
    found.hasIds = true;
    ids.add(id);
  };
  for (const item of readCapture(source, seeFace)) {
    if (item.kind === 'section') {
      const origin = originIn(item.comments);
      if (!origin) continue;
      found.origin ??= origin;
      ids.add(origin.id);
      isMerged ||= ++sections > 1 || item.comments.some((comment) => comment.includes(MERGED));
    } else if (item.kind === 'secrets') found.hasKeys ||= item.type === TLS_KEYS;
    else {
      packets++;
      if (isDescription(item)) found.descriptions++;
      if (!isKnownLink(item.link) && item.link !== LINK_UPPER_PDU) foreign.add(item.link);
      const rtp = rtpIn(item);
      if (!rtp || rtp.isRtcp) continue;
      const count = (found.streams.get(rtp.key) ?? 0) + 1;
      if (count === 1 && found.streams.size >= MOST_STREAMS) continue;
      found.streams.set(rtp.key, count);
      if (count !== FEWEST_PACKETS) continue;
      const { source: from, destination: to } = rtp.datagram;
      found.ends.add(endsOf(from, to)).add(endsOf(to, from));
      if (isLocal(from.address)) senders.add(from.address);
    }
  }
  if (packets > 0 && foreign.size > 0 && found.streams.size === 0 && !found.origin)
    throw new InterchangeError(
      `${source.name} holds packets of link type ${[...foreign].slice(0, 5).join(', ')}, expected Ethernet, Linux cooked, raw IP or loopback`,
    );
  expectOneRecording(ids, `${source.name} holds`);
  if (isMerged && !found.hasIds)
    throw new InterchangeError(
      `${source.name} was put together of several files, and does not say which recording its packets are from; export them anew, and import one recording at a time`,
    );
  found.senders = [...senders];
  return found;
}

/** Reads a capture again, for its events. */
export function importCapture(open: () => ByteSource, survey: CaptureSurvey, owners: Owners): Imported {
  const { origin, name } = survey;
  const own = origin?.participants.map((one) => one.name) ?? [];
  // Streams are known by now; which of them a participant has is worked out from their ends.
  const onWire = new Set<string>();
  for (const [key, count] of survey.streams)
    if (count >= FEWEST_PACKETS)
      for (const end of key.split('/')[0]!.split('>')) {
        const owner = ownerOf(owners, end);
        if (owner !== undefined) onWire.add(owner);
      }
  return {
    origin,
    participants: [...own, ...onWire],
    vantages: [
      ...own.map((participant) => ({
        vantage: 'rtp' as const,
        participant,
        detail: `imported from ${name}, an export of keywitness${knowsRoutes(survey) ? '' : ', without all of its session descriptions: where media went is not known'}`,
      })),
      ...[...onWire].map((participant) => ({
        vantage: 'wire' as const,
        participant,
        detail: `imported from ${name}: packets as they crossed the network, which may be SRTP; whether these are all is not known`,
      })),
    ],
    events: eventsIn(open, survey, owners, own),
  };
}

function* eventsIn(
  open: () => ByteSource,
  survey: CaptureSurvey,
  owners: Owners,
  own: readonly string[],
): Generator<Timed> {
  const source = open();
  try {
    let made = false;
    for (const item of readCapture(source)) {
      if (item.kind === 'section') made = originIn(item.comments) !== undefined;
      if (item.kind !== 'packet') continue;
      if (item.link === LINK_UPPER_PDU) {
        const isOwn = survey.hasIds ? recordingIn(item.description) === survey.origin?.id : made;
        const isLeft = !isOwn || !own.includes(item.face) || (isDescription(item) && !knowsRoutes(survey));
        const event = isLeft ? undefined : fromExport(item);
        if (event) yield { time: item.time, event };
      } else yield* fromWire(item, survey, owners);
    }
  } finally {
    source.close();
  }
}

type Packet = Extract<Captured, { kind: 'packet' }>;

function isDescription({ link, data }: Packet): boolean {
  return link === LINK_UPPER_PDU && readUpperPdu(data)?.dissector === 'sdp';
}

/**
 * Whether all session descriptions are there. What went to nobody whose description is there is taken for the provider's; of
 * a file from which some were filtered that would accuse providers of what went straight to a participant.
 */
function knowsRoutes({ origin, descriptions }: CaptureSurvey): boolean {
  return origin?.descriptions === descriptions;
}

/** HTTP and WebSockets are left: they may be cut, and stand whole in the HAR. */
function fromExport({ face, direction, data, comments }: Packet): NewEvent | undefined {
  const pdu = readUpperPdu(data);
  if (!pdu || !direction) return undefined;
  const common = { participant: face, direction };
  if (pdu.dissector === 'rtp' || pdu.dissector === 'rtcp')
    return mediaEvent({ ...common, vantage: 'rtp' }, pdu.payload);
  if (pdu.dissector !== 'sdp') return undefined;
  const about = jsonIn(comments) as Record<string, unknown> | undefined;
  const { realm, connection, side, kind } = about ?? {};
  if (typeof realm !== 'string' || typeof connection !== 'string' || typeof kind !== 'string') return undefined;
  if (side !== 'local' && side !== 'remote') return undefined;
  const sdp = Buffer.from(pdu.payload).toString('utf8');
  return { participant: face, vantage: 'page', type: 'rtc.description', realm, connection, side, kind, sdp };
}

function* fromWire(item: Packet, { streams, ends }: CaptureSurvey, owners: Owners): Generator<Timed> {
  const rtp = rtpIn(item);
  if (!rtp) return;
  const { source, destination } = rtp.datagram;
  const isStream = rtp.isRtcp ? ends.has(endsOf(source, destination)) : (streams.get(rtp.key) ?? 0) >= FEWEST_PACKETS;
  if (!isStream) return;
  for (const [end, direction] of [
    [source, 'send'],
    [destination, 'receive'],
  ] as const) {
    const participant = ownerOf(owners, endOf(end));
    const event =
      participant === undefined ? undefined : mediaEvent({ participant, direction, vantage: 'wire' }, rtp.packet);
    if (event) yield { time: item.time, event };
  }
}

function mediaEvent(
  common: { participant: string; direction: 'send' | 'receive'; vantage: 'rtp' | 'wire' },
  body: Uint8Array,
): NewEvent<'rtp' | 'rtcp'> | undefined {
  if (isRtcp(body)) return { ...common, type: 'rtcp', payloadType: body[1]!, body };
  const packet = parseRtp(body);
  if (!packet) return undefined;
  const { payload: _, ...header } = packet;
  return { ...common, type: 'rtp', ...header, body };
}

interface Found {
  datagram: Datagram;
  packet: Uint8Array;
  isRtcp: boolean;
  /** Its ends and SSRC; of RTCP, its ends. */
  key: string;
}

/** The RTP or RTCP packet in a captured one, as far as it alone tells. SRTP's header is RTP's (RFC 3711, 3.1). */
function rtpIn({ link, data }: Packet): Found | undefined {
  const datagram = link === LINK_UPPER_PDU ? undefined : datagramIn(link, data);
  if (!datagram) return undefined;
  const { source, destination, payload } = datagram;
  const isZoom = source.port === ZOOM_PORT || destination.port === ZOOM_PORT;
  const packet = (isZoom && unwrapZoom(payload)) || payload;
  const ends = endsOf(source, destination);
  if (isRtcp(packet)) return { datagram, packet, isRtcp: true, key: ends };
  const rtp = parseRtp(packet);
  return rtp && { datagram, packet, isRtcp: false, key: `${ends}/${rtp.ssrc}` };
}

type Place = Datagram['source'];

function endOf({ address, port }: Place): string {
  return `${address} ${port}`;
}

function endsOf(a: Place, b: Place): string {
  return `${endOf(a)}>${endOf(b)}`;
}

function ownerOf(owners: Owners, end: string): string | undefined {
  return owners.get(end) ?? owners.get(end.split(' ')[0]!);
}

function originIn(comments: string[]): Origin | undefined {
  return readOrigin(jsonIn(comments));
}

function jsonIn(comments: string[]): unknown {
  const text = comments.find((comment) => comment.startsWith(`${MARK}{`))?.slice(MARK.length);
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
