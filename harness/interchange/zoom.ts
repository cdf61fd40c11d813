/**
 * What Zoom's clients put before RTP on their way to and from Zoom's servers: O. Michel, S. Sengupta, H. Kim, R. Netravali, J.
 * Rexford, "Enabling Passive Measurement of Zoom Performance in Production Networks", IMC 2022, section 4; offsets as in that
 * paper's Wireshark dissector (Princeton-Cabernet/zoom-analysis, wireshark/zoom.lua).
 *
 * - SFU encapsulation, 8 bytes: type (5: media follows), sequence number (2), 4 bytes unknown, direction (0 to, 4 from Zoom).
 * - Media encapsulation: its first byte says what follows, and with that where it begins.
 *
 * What goes straight from client to client has no SFU encapsulation and no port of its own, and isn't read here.
 */

/** Of Zoom's servers (UDP). */
export const ZOOM_PORT = 8801;
const SFU_HEADER = 8;
const SFU_MEDIA = 5;

/** Where RTP or RTCP begins in what follows the SFU encapsulation; undefined where neither does. */
function mediaAt(inner: Uint8Array): number | undefined {
  switch (inner[0]) {
    case 1:
      return 26;
    // Screen, from a server.
    case 13:
      return inner[7] === 0x1e ? 27 : undefined;
    // Audio.
    case 15:
      return 19;
    // Video, with its frame's number and how many packets it has, or without.
    case 16:
      return inner[20] === 2 ? 24 : 20;
    // Screen, from a client.
    case 30:
      return 20;
    // RTCP.
    case 33:
    case 34:
    case 35:
      return 16;
    default:
      return undefined;
  }
}

/** The RTP or RTCP packet in a datagram of {@link ZOOM_PORT}, to be told apart as others are; undefined where it has none. */
export function unwrapZoom(payload: Uint8Array): Uint8Array | undefined {
  if (payload[0] !== SFU_MEDIA || payload.length < SFU_HEADER) return undefined;
  const inner = payload.subarray(SFU_HEADER);
  const at = mediaAt(inner);
  return at === undefined || at >= inner.length ? undefined : inner.subarray(at);
}
