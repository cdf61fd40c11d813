import { describe, expect, it } from 'vitest';
import { Connections } from './connections.ts';
import { Trace } from './fixtures/trace.ts';

class Call extends Trace {
  describe(participant: string, connection: string, side: 'local' | 'remote', print: string, ssrc = 0): void {
    const sdp = `v=0\r\na=fingerprint:sha-256 ${print}\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:${ssrc} cname:x\r\n`;
    this.add('rtc.description', { participant, realm: 'r', connection, side, kind: 'offer', sdp });
  }
  transport(participant: string, connection: string, localCertificate: string, remoteCertificate: string): void {
    this.add('rtc.transport', { participant, realm: 'r', connection, localCertificate, remoteCertificate });
  }
  connections(...participants: string[]): Connections {
    return this.into(new Connections(participants));
  }
}

describe('where a connection goes', () => {
  it('is told by the certificate at its far end', () => {
    const call = new Call();
    call.describe('alice', 'a', 'local', 'AA');
    call.describe('alice', 'a', 'remote', 'bb');
    call.describe('alice', 's', 'local', 'AA');
    call.describe('alice', 's', 'remote', 'CC');
    call.describe('bob', 'b', 'local', 'BB');
    const connections = call.connections('alice', 'bob');
    expect(connections.routeOf('alice', 'a')).toBe('direct');
    expect(connections.routeOf('alice', 's')).toBe('provider');
    expect(connections.routeOf('bob', 'b')).toBe('unknown');
  });

  it('is not known where a participant’s certificate was not seen: it may be the one at the far end', () => {
    const call = new Call();
    call.describe('alice', 'a', 'local', 'AA');
    call.describe('alice', 'a', 'remote', 'BB');
    expect(call.connections('alice', 'bob').routeOf('alice', 'a')).toBe('unknown');
  });

  it('is not known where not all of another participant’s page was seen: another certificate may be the one at the far end', () => {
    const call = new Call();
    call.describe('alice', 'a', 'local', 'AA');
    call.describe('alice', 'a', 'remote', 'BB');
    call.describe('bob', 'b', 'local', 'CC');
    expect(call.connections('alice', 'bob').routeOf('alice', 'a')).toBe('provider');
    expect(call.into(new Connections(['alice', 'bob'], ['bob'])).routeOf('alice', 'a')).toBe('unknown');
    call.add('vantage.lost', { participant: 'bob', reason: 'it does not answer' });
    expect(call.connections('alice', 'bob').routeOf('alice', 'a')).toBe('unknown');
  });

  it('is not told by one of two connections that a stream may be on', () => {
    const call = new Call();
    for (const [connection, far] of [
      ['a', 'BB'],
      ['s', 'CC'],
    ] as const) {
      call.describe('alice', connection, 'local', 'AA', 7);
      call.describe('alice', connection, 'remote', far);
    }
    call.describe('bob', 'b', 'local', 'BB');
    const connections = call.connections('alice', 'bob');
    expect(connections.sending('alice', 7)).toBeUndefined();
    expect(connections.route('alice')).toBe('unknown');
  });

  it('is secured once DTLS saw the certificate that another participant used', () => {
    for (const [seen, secured] of [
      ['BB', true],
      ['DD', false],
    ] as const) {
      const call = new Call();
      call.describe('alice', 'a', 'local', 'AA', 7);
      call.describe('bob', 'b', 'local', 'BB', 8);
      call.transport('alice', 'a', 'AA', seen);
      call.transport('bob', 'b', 'BB', 'AA');
      const connections = call.connections('alice', 'bob');
      expect(connections.isSecured('alice', connections.sending('alice', 7)!)).toBe(secured);
    }
  });
});
