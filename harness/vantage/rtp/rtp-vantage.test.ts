import { describe, expect, it } from 'vitest';
import { startRtpVantage } from './rtp-vantage.ts';

const PREAMBLE = '[1:2:1124/012330.032406:VERBOSE1:third_party/webrtc/pc/srtp_session.cc:549] \n\n';
const packet = `${PREAMBLE}O 00:00:30.029 0000 80 e0 12 34 9a bc de f0 ca fe ba be 01 02 # RTP_DUMP\n`;
const broken = packet.replace('80 e0', '8 e0');

function healthAfter(...lines: string[]) {
  const vantage = startRtpVantage('alice', { append() {} });
  for (const line of lines) vantage.write(Buffer.from(line));
  return vantage.health();
}

describe('the health of the rtp vantage point', () => {
  it('is alive where all could be read, also behind what a library left without a line end', () => {
    const alsa = 'ALSA lib confmisc.c:855:(parse_card) ';
    expect(healthAfter(packet, alsa, packet, "cannot find card '0'\n", packet)).toEqual({
      state: 'alive',
      detail: '3 RTP and 0 RTCP packets',
    });
  });

  it('is lost with one line that could not be read, and says how it looks', () => {
    const { state, detail } = healthAfter(packet, broken);
    expect(state).toBe('lost');
    expect(detail).toMatch(/^1 RTP and 0 RTCP packets, 1 lines that could not be read, as .*srtp_session/);
  });
});
