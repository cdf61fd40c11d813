/**
 * A recording as pcapng, made of exported PDUs: RTP and RTCP as the provider's server sees them, i.e. without SRTP; the session
 * descriptions that the pages had; HTTP and WebSockets as HTTP/1.1, decrypted. Wireshark reads it without any setting. What is
 * not in the recording is made up and said to be: IP addresses are those for documentation (RFC 5737), ports are numbered.
 */
import type { RecordedEvent } from '../recording/format.ts';
import type { RecordingReader } from '../recording/reader.ts';
import { bodyOf, collectExchanges, type Exchange, sizeOf } from './exchanges.ts';
import { type Dissector, type End, LINK_UPPER_PDU, writeUpperPdu } from './exported-pdu.ts';
import { LARGEST_PART, type Part, requestText, responseText, websocketFrames } from './http-text.ts';
import { describePackets, microseconds, originOf } from './origin.ts';
import { interfaceBlock, LARGEST_PACKET, LONGEST_OPTION, OPTION, packetBlock, sectionBlock } from './pcapng.ts';
import { writePrivately } from './private-file.ts';

/** Before the description of a packet or a section that an import reads. */
export const MARK = 'keywitness ';

/** RFC 5737: TEST-NET-1 for participants, TEST-NET-2 for media, TEST-NET-3 for hosts of HTTP. */
const CLIENTS = [192, 0, 2] as const;
const MEDIA: End = { address: [198, 51, 100, 1], port: 5004 };
const HOSTS = [203, 0, 113] as const;
const CLIENT_MEDIA_PORT = 40_000;
const FIRST_PORT = 49_152;
/** Of names that are for people only, where there is no room (characters). */
const LONGEST_NAME = 200;

/** What stands in the way of writing packets: those that are too large for any reader. */
export interface PcapngCounts {
  packets: number;
  left: number;
}

/** @throws RecordingError, InterchangeError */
export function exportPcapng(reader: RecordingReader, path: string): PcapngCounts {
  const { recording } = reader;
  const names = recording.participants.map(({ name }) => name);
  const exchanges = collectExchanges(reader);
  const hosts = [...new Set(exchanges.map(({ request }) => hostOf(request.url)))];
  const bySeq = new Map<number, (add: Add) => void>();
  exchanges.forEach((exchange, index) => {
    tellExchange(exchange, index);
  });
  const counts: PcapngCounts = { packets: 0, left: 0 };

  writePrivately(path, (append) => {
    append(
      sectionBlock([
        [
          OPTION.comment,
          `made by keywitness from recording ${recording.id}; a synthetic capture: addresses and ports are not real, RTP is shown without SRTP, HTTP without TLS`,
        ],
        [OPTION.comment, `${MARK}${description()}`],
        [OPTION.userApplication, 'keywitness'],
      ]),
    );
    for (const name of names) append(interfaceBlock(LINK_UPPER_PDU, name, describePackets(name, recording)));
    for (const event of reader.events()) {
      const face = names.indexOf(event.participant ?? '');
      if (face < 0) continue;
      const add: Add = (dissector, direction, transport, far, near, payload, comment) => {
        const client: End = { address: [...CLIENTS, 1 + (face % 254)], port: near };
        const [source, destination] = direction === 'send' ? [client, far] : [far, client];
        const data = writeUpperPdu({ dissector, transport, source, destination, payload });
        if (data.length > LARGEST_PACKET) counts.left++;
        else {
          append(packetBlock(face, microseconds(recording, event.t), direction, data, comment));
          counts.packets++;
        }
      };
      if (event.type === 'rtp' || event.type === 'rtcp') tellMedia(event, add);
      else if (event.type === 'rtc.description') tellDescription(event, add);
      else bySeq.get(event.seq)?.(add);
    }
  });
  return counts;

  function tellMedia(event: RecordedEvent<'rtp' | 'rtcp'>, add: Add): void {
    // What crossed the network sealed is no RTP to a reader, and its addresses are real ones.
    if (event.vantage !== 'rtp') return;
    add(event.type, event.direction, 'udp', MEDIA, CLIENT_MEDIA_PORT, reader.body(event.body));
  }

  function tellDescription({ realm, connection, side, kind, sdp }: RecordedEvent<'rtc.description'>, add: Add): void {
    const comment = `${MARK}${JSON.stringify({ realm, connection, side, kind })}`;
    const direction = side === 'local' ? 'send' : 'receive';
    if (Buffer.byteLength(comment) <= LONGEST_OPTION)
      add('sdp', direction, 'udp', MEDIA, CLIENT_MEDIA_PORT, Buffer.from(sdp), comment);
  }

  /** Plans the packets of an exchange, each to be written where its event stands. */
  function tellExchange(exchange: Exchange, index: number): void {
    const { request, response } = exchange;
    const far: End = { address: [...HOSTS, 1 + (hosts.indexOf(hostOf(request.url)) % 254)], port: 80 };
    const near = FIRST_PORT + (index % (65_536 - FIRST_PORT));
    bySeq.set(request.seq, (add) => {
      const body = partOf(exchange, 'request');
      add('http', 'send', 'tcp', far, near, requestText(request.method, request.url, request.headers, body));
    });
    if (response)
      bySeq.set(response.seq, (add) => {
        const body = partOf(exchange, 'response');
        add('http', 'receive', 'tcp', far, near, responseText(response.status, response.headers, body));
      });
    for (const message of exchange.messages)
      bySeq.set(message.seq, (add) => {
        const { direction, binary, body } = message;
        for (const frame of websocketFrames(reader.body(body), binary, direction === 'send'))
          add('websocket', direction, 'tcp', far, near, frame);
      });
  }

  function partOf(exchange: Exchange, of: 'request' | 'response'): Part {
    return { bytes: bodyOf(reader, exchange, of, LARGEST_PART), size: sizeOf(exchange, of) };
  }

  function description(): string {
    const origin = { ...originOf(recording), descriptions: descriptionsIn(reader) };
    const hasRoom = (text: string) => Buffer.byteLength(text) + MARK.length <= LONGEST_OPTION;
    const whole = JSON.stringify(origin);
    if (hasRoom(whole)) return whole;
    // Statements are for whoever imports it to name again.
    const part = { ...origin, vendor: undefined, places: undefined };
    const without = JSON.stringify(part);
    if (hasRoom(without)) return without;
    const { service, scenario } = origin;
    // What says whose packets are whose stays as it is, or is refused.
    return JSON.stringify({
      ...part,
      service: { name: service.name.slice(0, LONGEST_NAME), title: service.title.slice(0, LONGEST_NAME) },
      scenario: { ...scenario, name: scenario.name.slice(0, LONGEST_NAME) },
    });
  }
}

/** Undefined where a page was not seen to the end: then more may have been made than were recorded. */
function descriptionsIn(reader: RecordingReader): number | undefined {
  const { vantagePoints, participants } = reader.recording;
  const isSeen = ({ name }: { name: string }) =>
    vantagePoints.some(
      ({ vantage, participant, state }) => vantage === 'page' && participant === name && state === 'alive',
    );
  if (!participants.every(isSeen)) return undefined;
  let count = 0;
  for (const { type } of reader.events()) if (type === 'rtc.description') count++;
  return count;
}

type Add = (
  dissector: Dissector,
  direction: 'send' | 'receive',
  transport: 'tcp' | 'udp',
  far: End,
  near: number,
  payload: Uint8Array,
  comment?: string,
) => void;

function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return '';
  }
}
