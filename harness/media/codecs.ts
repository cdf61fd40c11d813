/** What a session description (RFC 8866) says of RTP: which payload type is which codec, which SSRC is which medium. */
import { parse } from 'sdp-transform';

export interface Codec {
  /** As in `a=rtpmap`: `VP8`, `opus`, `rtx`, `red`; its case is the sender's. */
  name: string;
  medium: 'audio' | 'video';
  /** Hz. */
  clockRate: number;
  /** For `rtx` (RFC 4588, 8.1): the payload type that it repeats. */
  apt?: number;
}

export interface RtpMap {
  payloadTypes: Map<number, Codec>;
  /** Media of the SSRCs that a description lists; those of RTX streams too. */
  ssrcs: Map<number, 'audio' | 'video'>;
  /** SSRC of an RTX stream to the SSRC that it repeats (FID groups; RFC 5576, 4.2). */
  repeats: Map<number, number>;
}

/** A description longer than this (characters) is not read; the largest of real meetings stay well below. */
const LONGEST_SDP = 1 << 20;
/** Nor is a line longer than this. */
const LONGEST_LINE = 1 << 14;

/**
 * Reads descriptions, local or remote, of one peer connection; where they differ the later one holds. Never throws: what
 * is no description adds nothing.
 */
export function readRtpMap(descriptions: Iterable<string>): RtpMap {
  const map: RtpMap = { payloadTypes: new Map(), ssrcs: new Map(), repeats: new Map() };
  for (const sdp of descriptions) add(map, sdp);
  return map;
}

function add(map: RtpMap, sdp: string): void {
  for (const section of sections(sdp)) {
    const medium = section.type;
    if (medium !== 'audio' && medium !== 'video') continue;
    for (const { payload, codec, rate } of section.rtp ?? []) {
      if (!isCount(payload, 127)) continue;
      const clockRate = isCount(rate, 0xffffffff) ? rate : 0;
      map.payloadTypes.set(payload, { name: String(codec), medium, clockRate });
    }
    for (const { payload, config } of section.fmtp ?? []) {
      const codec = map.payloadTypes.get(payload);
      const apt = /(?:^|;)\s*apt=(\d{1,3})(?:;|$)/.exec(String(config))?.[1];
      if (codec && apt !== undefined && isCount(Number(apt), 127)) codec.apt = Number(apt);
    }
    for (const { id } of section.ssrcs ?? []) if (isCount(Number(id), 0xffffffff)) map.ssrcs.set(Number(id), medium);
    for (const { semantics, ssrcs } of section.ssrcGroups ?? []) {
      const [media, rtx] = String(ssrcs).split(' ').map(Number);
      if (semantics === 'FID' && isCount(media, 0xffffffff) && isCount(rtx, 0xffffffff)) map.repeats.set(rtx, media);
    }
  }
}

function sections(sdp: string): ReturnType<typeof parse>['media'] {
  if (sdp.length > LONGEST_SDP) return [];
  try {
    const lines = sdp.split(/\r\n|\r|\n/).filter((line) => line.length <= LONGEST_LINE);
    return parse(lines.join('\r\n')).media ?? [];
  } catch {
    return [];
  }
}

function isCount(value: unknown, largest: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest;
}
