import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../recording/format.ts';
import { RtpDumpReader, RtpRecorder } from './rtp-dump.ts';

const PREAMBLE = '[21482:21537:1124/012330.032406:VERBOSE1:third_party/webrtc/pc/srtp_session.cc:549] \n\n';
const RTP = '80 e0 12 34 9a bc de f0 ca fe ba be 01 02 ';
const RTCP = '80 c8 00 06 00 00 00 01 ';

const sent = (hex: string): string => `${PREAMBLE}O 00:00:30.029 0000 ${hex}# RTP_DUMP\n`;
const received = (hex: string): string => sent(hex).replace('\n\nO', '\n\nI');
const read = (text: string) => new RtpDumpReader().push(Buffer.from(text));
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('RtpDumpReader', () => {
  it('finds the packets among the other lines', () => {
    const log = `DevTools listening on ws://127.0.0.1:1/\n${sent(RTP)}[1:2:ERROR:x.cc(1)] oh\n${received(RTCP)}`;
    expect(read(log)).toEqual([
      { direction: 'send', packet: bytes(RTP) },
      { direction: 'receive', packet: bytes(RTCP) },
    ]);
  });

  it('finds the same however the stream is cut', () => {
    const log = Buffer.from(`x\n${sent(RTP)}${received(RTCP)}y\n${sent(RTP)}`);
    const whole = new RtpDumpReader().push(log);
    expect(whole).toHaveLength(3);
    fc.assert(
      fc.property(fc.array(fc.nat(log.length)), (cuts) => {
        const reader = new RtpDumpReader();
        const places = [0, ...cuts.sort((a, b) => a - b), log.length];
        const pieces = places.slice(1).map((end, at) => log.subarray(places[at], end));
        expect(pieces.flatMap((piece) => reader.push(piece))).toEqual(whole);
        expect(reader.malformed).toBe(0);
      }),
    );
  });

  it('keeps what it was given, even if the buffer is used again', () => {
    const reader = new RtpDumpReader();
    const log = Buffer.from(sent(RTP));
    const buffer = Buffer.alloc(20);
    const packets = [];
    for (let at = 0; at < log.length; at += 20) {
      const piece = buffer.subarray(0, log.copy(buffer, 0, at, at + 20));
      packets.push(...reader.push(piece));
      buffer.fill(0x20);
    }
    expect(packets).toEqual([{ direction: 'send', packet: bytes(RTP) }]);
  });

  it.each([
    ['an odd digit', sent(RTP.replace('80', '8'))],
    ['another character', sent(RTP.replace('80', 'g0'))],
    ['no packet', sent('')],
    ['a broken head', sent(RTP).replace('O 00', 'X 00')],
    ['a line that the dump did not announce', sent(RTP).replace(PREAMBLE, '')],
    [
      'a console message that looks like a packet',
      `[1:1:1124/01:INFO:CONSOLE:2] "a\n${sent(RTP).replace(PREAMBLE, '')}`,
    ],
  ])('counts %s and reads on', (_, log) => {
    const reader = new RtpDumpReader();
    expect(reader.push(Buffer.from(log + received(RTCP)))).toEqual([{ direction: 'receive', packet: bytes(RTCP) }]);
    expect(reader.malformed).toBe(1);
  });

  it('shows how the first such line looks, without what is in the packet', () => {
    const reader = new RtpDumpReader();
    reader.push(Buffer.from(`${sent(RTP).replace(' \n\n', ' half a line\n\n')}${sent('zz ')}`));
    expect(reader.malformed).toBe(2);
    expect(reader.shape).toMatch(/srtp_session.cc:549\] half a line ⏎ O 00:00:30.029 0000 … # RTP_DUMP$/);
    expect(reader.shape).not.toContain('ca fe');
  });

  it('gives up a line without end, and reads on after it', () => {
    const reader = new RtpDumpReader();
    const endless = Buffer.alloc(1 << 16, '80 ');
    for (let piece = 0; piece < 100; piece++) expect(reader.push(endless)).toEqual([]);
    expect(reader.push(Buffer.from(`\n${sent(RTP)}`))).toHaveLength(1);
  });

  it('never throws on other bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), (noise) => Array.isArray(new RtpDumpReader().push(noise))));
  });
});

describe('RtpRecorder', () => {
  it('appends an event for each packet, and counts', () => {
    const events: NewEvent[] = [];
    const recorder = new RtpRecorder('alice', { append: (event) => events.push(event) });
    recorder.push(Buffer.from(sent(RTP) + received(RTCP) + sent('00 01 ') + sent('zz ')));
    expect(events).toEqual([
      {
        participant: 'alice',
        vantage: 'rtp',
        type: 'rtp',
        direction: 'send',
        ssrc: 0xcafebabe,
        payloadType: 96,
        sequenceNumber: 0x1234,
        timestamp: 0x9abcdef0,
        marker: true,
        body: bytes(RTP),
      },
      { participant: 'alice', vantage: 'rtp', type: 'rtcp', direction: 'receive', payloadType: 200, body: bytes(RTCP) },
    ]);
    expect(recorder.counts).toEqual({ rtp: 1, rtcp: 1, other: 1, malformed: 1, shape: expect.any(String) });
  });
});
