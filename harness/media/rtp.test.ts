import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRtcp, parseRtp, type RtpPacket, unwrapRed, unwrapRtx } from './rtp.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('parseRtp', () => {
  it('reads the fixed header and leaves the payload', () => {
    expect(parseRtp(hex('80 e0 1234 9abcdef0 cafebabe 010203'))).toEqual({
      payloadType: 96,
      marker: true,
      sequenceNumber: 0x1234,
      timestamp: 0x9abcdef0,
      ssrc: 0xcafebabe,
      payload: hex('010203'),
    });
  });

  it('skips contributing sources and header extensions, and takes padding off', () => {
    const packet = hex('b2 6f 0001 00000002 00000003 aaaaaaaa bbbbbbbb bede0001 10ff0000 0a0b 000003');
    expect(parseRtp(packet)).toMatchObject({ payloadType: 111, marker: false, payload: hex('0a0b') });
  });

  it('gives an empty payload for a packet of padding only', () => {
    expect(parseRtp(hex('a0 60 0001 00000002 00000003 00000004'))?.payload).toHaveLength(0);
  });

  it.each([
    ['too short', '80 60 0001 00000002 000000'],
    ['another version', '40 60 0001 00000002 00000003'],
    ['RTCP', '80 c8 0006 00000001 00000002 00000003'],
    ['contributing sources beyond the end', '81 60 0001 00000002 00000003'],
    ['an extension beyond the end', '90 60 0001 00000002 00000003 bede0002 00000000'],
    ['padding of no bytes', 'a0 60 0001 00000002 00000003 00'],
    ['padding beyond the header', 'a0 60 0001 00000002 00000003 02'],
  ])('refuses %s', (_, packet) => {
    expect(parseRtp(hex(packet))).toBeUndefined();
  });

  it('never throws, and its payload is a part of the packet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (packet) => {
        const parsed = parseRtp(packet);
        return !parsed || parsed.payload.length <= packet.length - 12;
      }),
    );
  });
});

describe('isRtcp', () => {
  it('goes by the packet types of RFC 5761', () => {
    const ofType = (type: number) => isRtcp(Uint8Array.of(0x80, type, 0, 0));
    expect([191, 192, 200, 206, 223, 224].map(ofType)).toEqual([false, true, true, true, true, false]);
  });
});

const carrying = (payload: string): RtpPacket => ({
  payloadType: 97,
  marker: true,
  sequenceNumber: 7,
  timestamp: 8,
  ssrc: 9,
  payload: hex(payload),
});

describe('unwrapRtx', () => {
  it('restores the packet that is repeated', () => {
    expect(unwrapRtx(carrying('0102 aabb'), 96, 5)).toEqual({
      ...carrying('aabb'),
      payloadType: 96,
      ssrc: 5,
      sequenceNumber: 0x0102,
    });
  });

  it('finds nothing in padding', () => {
    expect(unwrapRtx(carrying(''), 96, 5)).toBeUndefined();
    expect(unwrapRtx(carrying('0102'), 96, 5)).toBeUndefined();
  });
});

describe('unwrapRed', () => {
  it('takes the primary block where nothing is redundant', () => {
    expect(unwrapRed(carrying('6f aabb'))).toEqual({ ...carrying('aabb'), payloadType: 111 });
  });

  it('skips the redundant block', () => {
    // Type 111, timestamp offset 960, 3 bytes: 1 1101111 00001111 000000|00 00000011
    expect(unwrapRed(carrying('ef 0f 00 03 6f 010203 aabb'))?.payload).toEqual(hex('aabb'));
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
        const inner = unwrapRed({ ...carrying(''), payload });
        return !inner || inner.payload.length < payload.length;
      }),
    );
    expect(unwrapRed(carrying('ef 0f 03 ff 6f 01'))).toBeUndefined();
  });
});
