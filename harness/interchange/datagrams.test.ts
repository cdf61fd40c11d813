import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, datagramIn, isKnownLink, isLocal, readAddress } from './datagrams.ts';
import { ethernet, udp4 } from './fixtures/captures.ts';

const ip = udp4('10.0.0.5:5000', '8.8.8.8:443', Buffer.from('hello'));
const found = {
  source: { address: '10.0.0.5', port: 5000 },
  destination: { address: '8.8.8.8', port: 443 },
  payload: Buffer.from('hello'),
};
const filled = (length: number) => Buffer.alloc(length);
/** RFC 8200, with a hop-by-hop header before UDP. */
const ip6 = Buffer.concat([
  Buffer.from([0x60, 0, 0, 0, 0, 21, 0, 64]),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('fe800000000000000000000000000002', 'hex'),
  Buffer.from([17, 0, 0, 0, 0, 0, 0, 0]),
  Buffer.from([0x13, 0x88, 1, 0xbb, 0, 13, 0, 0]),
  Buffer.from('hello'),
]);

describe('datagramIn', () => {
  it.each([
    ['Ethernet', 1, ethernet(ip)],
    ['Ethernet in a virtual network', 1, ethernet(ip, 0x0800, true)],
    ['Ethernet with padding behind', 1, ethernet(Buffer.concat([ip, filled(20)]))],
    ['BSD loopback', 0, Buffer.concat([Buffer.from([2, 0, 0, 0]), ip])],
    ['OpenBSD loopback', 108, Buffer.concat([Buffer.from([0, 0, 0, 2]), ip])],
    ['raw IP', 101, ip],
    ['raw IP, the BSDs’ number', 12, ip],
    ['Linux cooked', 113, Buffer.concat([filled(14), Buffer.from([8, 0]), ip])],
    ['Linux cooked 2', 276, Buffer.concat([Buffer.from([8, 0]), filled(18), ip])],
  ])('reads %s', (_, link, packet) => {
    expect(isKnownLink(link)).toBe(true);
    expect(datagramIn(link, packet)).toEqual(found);
  });

  it('reads IPv6 behind an extension header', () => {
    expect(datagramIn(1, ethernet(ip6, 0x86dd))).toEqual({
      source: { address: '2001:db8:0:0:0:0:0:1', port: 5000 },
      destination: { address: 'fe80:0:0:0:0:0:0:2', port: 443 },
      payload: Buffer.from('hello'),
    });
  });

  it.each([
    ['a fragment', Buffer.from(ip).fill(0x20, 6, 7)],
    ['TCP', Buffer.from(ip).fill(6, 9, 10)],
    ['a length beyond the packet', Buffer.from(ip).fill(0xff, 24, 26)],
    ['a packet cut short', ip.subarray(0, ip.length - 1)],
    ['another version', Buffer.from(ip).fill(0x55, 0, 1)],
  ])('takes %s for no datagram', (_, packet) => {
    expect(datagramIn(101, packet)).toBeUndefined();
  });

  it('never throws', () => {
    const link = fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 147);
    const start = fc.constantFrom(ip, ip6, ethernet(ip), filled(0));
    fc.assert(
      fc.property(link, start, fc.uint8Array(), fc.nat(60), (link, head, tail, cut) => {
        datagramIn(link, Buffer.concat([head.subarray(0, cut), tail]));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('addresses', () => {
  it('reads what it writes, and what people write', () => {
    fc.assert(
      fc.property(fc.constantFrom(4, 16), fc.uint8Array({ minLength: 16, maxLength: 16 }), (length, bytes) => {
        const text = addressOf(bytes.subarray(0, length));
        expect(readAddress(text)).toBe(text);
      }),
    );
    expect(readAddress('::1')).toBe('0:0:0:0:0:0:0:1');
    expect(readAddress('2001:DB8::0a')).toBe('2001:db8:0:0:0:0:0:a');
    expect(readAddress('::')).toBe('0:0:0:0:0:0:0:0');
    for (const wrong of ['', '1.2.3', '256.1.1.1', '1::2::3', '1:2', 'g::', 'meet.example', '1:2:3:4:5:6:7::8'])
      expect(readAddress(wrong), wrong).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void readAddress(text)));
  });

  it('tells those of local networks', () => {
    for (const local of ['10.1.2.3', '192.168.0.1', '172.31.0.1', '127.0.0.1', '169.254.1.1', '100.64.0.1'])
      expect(isLocal(local), local).toBe(true);
    for (const text of ['fe80::1', 'fd00::1', '::1']) expect(isLocal(readAddress(text)!), text).toBe(true);
    for (const global of ['8.8.8.8', '172.32.0.1', '100.128.0.1', '11.0.0.1'])
      expect(isLocal(global), global).toBe(false);
    expect(isLocal(readAddress('2001:db8::1')!)).toBe(false);
  });
});
