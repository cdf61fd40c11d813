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

  it('is the provider’s for who is alone in a call, and not known of a call of nobody', () => {
    const call = new Call();
    call.describe('alice', 'a', 'local', 'AA');
    call.describe('alice', 'a', 'remote', 'BB');
    expect(call.connections('alice').routeOf('alice', 'a')).toBe('provider');
    expect(call.connections().routeOf('alice', 'a')).toBe('unknown');
  });
});

describe('a connection within the browser', () => {
  /** Two connections of one page, told of each other, and one to the server. */
  function looped(video = 'a=ssrc:8 cname:x'): Call {
    const call = new Call();
    for (const [name, local, remote] of [
      ['from', 'AA', 'BB'],
      ['to', 'BB', 'AA'],
    ] as const) {
      call.describe('alice', name, 'local', local, name === 'from' ? 7 : 0);
      call.describe('alice', name, 'remote', remote);
    }
    const sdp = `a=fingerprint:sha-256 DD\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n${video}\r\n`;
    const server = { participant: 'alice', realm: 'r', connection: 'server', kind: 'offer' };
    call.add('rtc.description', { ...server, side: 'local', sdp });
    call.describe('alice', 'server', 'remote', 'CC');
    call.describe('bob', 'b', 'local', 'EE');
    return call;
  }
  const joined = (call: Call) => {
    call.transport('alice', 'from', 'sha-256 AA', 'sha-256 BB');
    call.transport('alice', 'to', 'sha-256 BB', 'sha-256 AA');
    return call.connections('alice', 'bob');
  };

  it('is one whose far end is another connection of the same page; what goes to the server is not', () => {
    const connections = joined(looped());
    expect(['from', 'to', 'server'].map((name) => connections.routeOf('alice', name))).toEqual([
      'own',
      'own',
      'provider',
    ]);
    expect(connections.sending('alice', 7)).toBe(connections.named('alice', 'from'));
  });

  it('is not known to be one before DTLS joined the two', () => {
    expect(looped().connections('alice', 'bob').routeOf('alice', 'from')).toBe('unknown');
    const apart = looped();
    apart.transport('alice', 'from', 'sha-256 AA', 'sha-256 CC');
    apart.transport('alice', 'to', 'sha-256 BB', 'sha-256 AA');
    expect(apart.connections('alice', 'bob').routeOf('alice', 'from')).toBe('unknown');
  });

  it.each(['a=sendonly', 'a=ssrc:8 cname:x\r\na=rid:h send'])(
    'does not get a stream that may be on one that keeps its streams to itself: %s',
    (video) => {
      expect(joined(looped(video)).sending('alice', 7)).toBeUndefined();
      expect(joined(looped('a=recvonly')).sending('alice', 7)).toBeDefined();
    },
  );
});
