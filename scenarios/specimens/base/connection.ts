/** Peer connections as servers of ours have them (werift). */
import { RTCPeerConnection, useAbsSendTime, useNACK, useOPUS, usePLI, useREMB, useSdesMid, useVP8 } from 'werift';

const ADDRESS = '127.0.0.1';

/** A connection of an SFU's, with VP8 and Opus, on this machine alone. */
export function createConnection(): RTCPeerConnection {
  return new RTCPeerConnection({
    // Without `iceLite` werift asks a public STUN server even where it is given none.
    iceLite: true,
    iceServers: [],
    // Of the machine's own addresses none but this one: as address to bind, and as candidate.
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: [ADDRESS],
    iceInterfaceAddresses: { udp4: ADDRESS },
    codecs: { audio: [useOPUS()], video: [useVP8({ rtcpFeedback: [useNACK(), usePLI(), useREMB()] })] },
    headerExtensions: { audio: [useSdesMid()], video: [useSdesMid(), useAbsSendTime()] },
  });
}

/** An ICE lite agent (RFC 8445, section 2.5) never checks the other side's candidates; werift would resolve their names. */
export function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=candidate:.*\r?\n/gm, '');
}
