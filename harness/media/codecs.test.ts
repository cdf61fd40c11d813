import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRtpMap } from './codecs.ts';

/** Cut down from a browser's offer. */
const OFFER = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=ssrc:1111 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc-group:FID 2222 3333
a=ssrc:2222 cname:x
a=ssrc:3333 cname:x
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=sctp-port:5000
`.replaceAll('\n', '\r\n');

describe('readRtpMap', () => {
  it('reads payload types, SSRCs, and which stream repeats which', () => {
    expect(readRtpMap([OFFER])).toEqual({
      payloadTypes: new Map([
        [111, { name: 'opus', medium: 'audio', clockRate: 48000 }],
        [63, { name: 'red', medium: 'audio', clockRate: 48000 }],
        [96, { name: 'VP8', medium: 'video', clockRate: 90000 }],
        [97, { name: 'rtx', medium: 'video', clockRate: 90000, apt: 96 }],
      ]),
      ssrcs: new Map([
        [1111, 'audio'],
        [2222, 'video'],
        [3333, 'video'],
      ]),
      repeats: new Map([[3333, 2222]]),
    });
  });

  it('lets the later description hold', () => {
    const later = OFFER.replace('rtpmap:96 VP8', 'rtpmap:96 VP9');
    expect(readRtpMap([OFFER, later]).payloadTypes.get(96)?.name).toBe('VP9');
  });

  it('gets nothing from what is no description', () => {
    const empty = { payloadTypes: new Map(), ssrcs: new Map(), repeats: new Map() };
    expect(readRtpMap([])).toEqual(empty);
    expect(readRtpMap(['', 'm=', 'a=rtpmap:96 VP8/90000', '\0'.repeat(100)])).toEqual(empty);
    expect(readRtpMap([`${OFFER}a=${'x'.repeat(2 << 20)}`])).toEqual(empty);
  });

  it('takes no numbers out of range', () => {
    const wrong = OFFER.replace('rtpmap:111', 'rtpmap:311').replace('ssrc:1111', 'ssrc:99999999999');
    const map = readRtpMap([wrong]);
    expect([...map.payloadTypes.keys()]).toEqual([63, 96, 97]);
    expect([...map.ssrcs.keys()]).toEqual([2222, 3333]);
  });

  it('never throws on damaged descriptions', () => {
    const lines = OFFER.split('\r\n');
    const line = fc.oneof(
      fc.constantFrom(...lines),
      fc.string(),
      fc.string().map((text) => `a=${text}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (damaged) => {
        const { payloadTypes } = readRtpMap([damaged.join('\r\n')]);
        return [...payloadTypes.keys()].every((type) => type >= 0 && type <= 127);
      }),
    );
  });
});
