import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopbackAddress, isReachable } from './reach.ts';

const hosts = new Map([['meet.zoom-2020.test', '127.0.0.1']]);
const reachable = (host: string) => isReachable(host, 'loopback', hosts);

describe('reach loopback', () => {
  it.each([
    ...['127.0.0.1', '127.255.255.254', '::1', '[::1]', '0:0:0:0:0:0:0:1', 'localhost', 'LOCALHOST', 'localhost.'],
    ...['a.localhost', 'meet.zoom-2020.test', 'MEET.zoom-2020.test.'],
  ])('holds %s', (host) => expect(reachable(host)).toBe(true));

  it.each([
    ...['example.com', 'localhost.example.com', 'notlocalhost', 'zoom-2020.test', 'x.meet.zoom-2020.test'],
    ...['126.255.255.255', '128.0.0.0', '10.0.0.1', '0.0.0.0', '::', '::2', 'fe80::1%lo', '::1%lo', '[::ffff:8.8.8.8]'],
    // Forms that some resolvers read as 127.0.0.1: they would be looked up.
    ...['127.1', '0x7f000001', '2130706433', '0177.0.0.1', ''],
  ])('does not hold %s', (host) => expect(reachable(host)).toBe(false));

  it('decides about anything without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV6(), fc.ipV4Extended(), fc.domain()),
        (host) => typeof reachable(host) === 'boolean',
      ),
    );
  });

  it('holds an IPv4 address if and only if its first octet is 127', () => {
    fc.assert(fc.property(fc.ipV4(), (address) => isLoopbackAddress(address) === address.startsWith('127.')));
  });
});

it('reach anywhere holds everything', () => {
  fc.assert(fc.property(fc.string(), (host) => isReachable(host, 'anywhere', new Map())));
});
