import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Connections } from './connections.ts';
import { type Crossing, Crossings, content, LONGEST_CONTENT } from './crossings.ts';
import { Trace } from './fixtures/trace.ts';

const text = 'the key is 0123456789abcdef, said the server. '.repeat(200);
const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const crossingsOf = (trace: Trace) => trace.into(new Crossings(trace, trace.into(new Connections(['alice'])))).all;
const string = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();

function exchange(trace: Trace, pieces: Uint8Array[], headers: [string, string][] = [], of = 'response' as const) {
  trace.add('http.request', {
    exchange: 'e',
    method: 'POST',
    url: 'https://meet.example:8443/join?room=7#key=secret',
    version: '1.1',
    headers: [['cookie', 'sid=1']],
  });
  trace.add('http.response', { exchange: 'e', status: 200, headers });
  for (const [index, body] of pieces.entries())
    trace.add('http.body', { exchange: 'e', of, body, last: index === pieces.length - 1 });
}

function reply(pieces: Uint8Array[], ...headers: [string, string][]): Crossing {
  const trace = new Trace();
  exchange(trace, pieces, headers);
  return crossingsOf(trace)[2]!;
}

describe('crossings of HTTP', () => {
  it('are the address with its headers, the headers of the reply, and the bodies', () => {
    const trace = new Trace();
    trace.add('http.request', {
      exchange: 'e',
      method: 'POST',
      url: 'https://meet.example/join?room=7',
      version: '2.0',
      headers: [['authorization', 'Bearer x']],
    });
    trace.add('http.body', { exchange: 'e', of: 'request', body: utf8('{"name":"alice"}'), last: true });
    trace.add('http.response', { exchange: 'e', status: 200, headers: [['set-cookie', 'a=b']] });
    trace.add('http.body', { exchange: 'e', of: 'response', body: utf8('{"key":1}'), last: true });
    const all = crossingsOf(trace);
    expect(all.map(({ direction, what, evidence, host }) => [direction, what, evidence, host])).toEqual([
      ['send', 'the address and headers of POST https://meet.example/join', [0], 'meet.example'],
      ['send', 'the body of POST https://meet.example/join', [1], 'meet.example'],
      ['receive', 'the headers of the reply to POST https://meet.example/join', [2], 'meet.example'],
      ['receive', 'the reply to POST https://meet.example/join', [3], 'meet.example'],
    ]);
    expect(all.map((crossing) => string(content(crossing)))).toEqual([
      'method: POST\nurl: https://meet.example/join?room=7\nauthorization: Bearer x\n',
      '{"name":"alice"}',
      'set-cookie: a=b\n',
      '{"key":1}',
    ]);
  });

  it('are why a WebSocket was closed and how peer connections were set up, too', () => {
    const trace = new Trace();
    trace.add('ws.opened', { socket: 's', url: 'wss://meet.example/', headers: [] });
    trace.add('ws.closed', { socket: 's', code: 4000, reason: 'a reason' });
    const configuration = { iceServers: [{ urls: 'turn:t.example', username: 'u', credential: 'c' }] };
    trace.add('rtc.opened', { realm: 'r', connection: 'c', configuration });
    const all = crossingsOf(trace);
    expect(all.slice(1).map((crossing) => string(content(crossing)))).toEqual([
      'reason: a reason\n',
      `configuration: ${JSON.stringify(configuration)}\n`,
    ]);
  });

  it('hold no fragment of an address, as that stays in the browser', () => {
    const trace = new Trace();
    exchange(trace, []);
    trace.add('ws.opened', { socket: 's', url: 'wss://meet.example/ws#key=secret', headers: [] });
    const all = crossingsOf(trace);
    expect(all).toHaveLength(3);
    for (const crossing of all) expect(string(content(crossing)) + crossing.what).not.toMatch(/secret/);
  });

  it('join a body that came in pieces, and name each piece', () => {
    const bytes = utf8(text);
    const crossing = reply([bytes.subarray(0, 5), bytes.subarray(5, 6), new Uint8Array(), bytes.subarray(6)]);
    expect(string(content(crossing))).toBe(text);
    expect(crossing.evidence).toEqual([2, 3, 5]);
    expect(crossing.t).toBe(2);
  });

  it('keep two exchanges at a time apart', () => {
    const trace = new Trace();
    for (const name of ['a', 'b'])
      trace.add('http.request', { exchange: name, method: 'PUT', url: `https://${name}/`, version: '2', headers: [] });
    for (const name of ['a', 'b', 'a', 'b'])
      trace.add('http.body', { exchange: name, of: 'request', body: utf8(name), last: false });
    const bodies = crossingsOf(trace).slice(2);
    expect(bodies.map((crossing) => [crossing.host, string(content(crossing))])).toEqual([
      ['a', 'aa'],
      ['b', 'bb'],
    ]);
  });

  it('pass over bodies and replies of exchanges that were not seen to begin', () => {
    const trace = new Trace();
    trace.add('http.response', { exchange: 'x', status: 200, headers: [] });
    trace.add('http.body', { exchange: 'x', of: 'response', body: utf8('y'), last: true });
    expect(crossingsOf(trace)).toEqual([]);
  });
});

describe('content', () => {
  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['GZIP', gzipSync],
    ['gzip, br', (bytes) => brotliCompressSync(gzipSync(bytes))],
    ['identity', (bytes) => bytes],
    ['', (bytes) => bytes],
  ])('decodes %j', (coding, encode) => {
    const wire = Uint8Array.from(encode(utf8(text)));
    const crossing = reply([wire.subarray(0, 9), wire.subarray(9)], ['Content-Encoding', coding]);
    expect(string(content(crossing))).toBe(text);
    expect(Buffer.from(crossing.wire()).equals(wire)).toBe(true);
  });

  it('decodes codings in two fields as one list', () => {
    const wire = gzipSync(deflateSync(utf8(text)));
    const fields: [string, string][] = [
      ['content-encoding', 'deflate'],
      ['content-encoding', 'gzip'],
    ];
    expect(string(content(reply([wire], ...fields)))).toBe(text);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ])('gives what a cut-off body in %s held', (coding, encode) => {
    // Lines that do not repeat, so that half of the bytes hold about half of them.
    const lines = Array.from({ length: 3000 }, (_, index) => `${Math.imul(index, 2654435761)}\n`).join('');
    const wire = encode(utf8(lines));
    const held = string(content(reply([wire.subarray(0, wire.length / 2)], ['content-encoding', coding])))!;
    expect(held.length).toBeGreaterThan(lines.length / 8);
    expect(lines.startsWith(held)).toBe(true);
  });

  it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('gives up on what would grow beyond its bound: %s', (coding, encode) => {
    const bomb = encode(new Uint8Array(LONGEST_CONTENT + 1));
    expect(bomb.length).toBeLessThan(100_000);
    expect(content(reply([bomb], ['content-encoding', coding]))).toBeUndefined();
    const fits = encode(new Uint8Array(LONGEST_CONTENT));
    expect(content(reply([fits], ['content-encoding', coding]))).toHaveLength(LONGEST_CONTENT);
  });

  it('decodes Zstandard (made with zstd 1.5, -19), and gives up on a bomb of it', () => {
    const made = 'KLUv/QRotQEA5AJ7ImtleSI6IkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaIiwicGFkIjoiYSJ9AQAEFJQBa1kOUA==';
    const plain = `{"key":"ABCDEFGHIJKLMNOPQRSTUVWXYZ","pad":"${'a'.repeat(68)}"}`;
    const decoded = content(reply([Buffer.from(made, 'base64')], ['content-encoding', 'zstd']));
    expect(Buffer.from(decoded!).toString()).toBe(plain);
    // Frames (RFC 8878, 3.1.1) of blocks that repeat one byte 128 KiB long, without content size or checksum.
    const block = [...Array(500).keys()].flatMap((at) => {
      const header = (131072 << 3) | (1 << 1) | (at === 499 ? 1 : 0);
      return [header & 255, (header >> 8) & 255, (header >> 16) & 255, 0];
    });
    const bomb = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, ...block]);
    expect(content(reply([bomb], ['content-encoding', 'zstd']))).toBeUndefined();
  });

  it('is undefined for a coding that is not known, and for what is not in its coding', () => {
    // The magic number of Zstandard (RFC 8878, 3.1.1).
    const zstd = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 1, 2, 3);
    expect(content(reply([zstd], ['content-encoding', 'zstd']))).toBeUndefined();
    expect(content(reply([utf8(text)], ['content-encoding', 'gzip']))).toBeUndefined();
    expect(content(reply([utf8(text)], ['content-encoding', new Array(500).fill('gzip').join()]))).toBeUndefined();
  });

  it('is undefined for a body beyond the bound', () => {
    expect(content(reply([new Uint8Array(LONGEST_CONTENT + 1)]))).toBeUndefined();
  });
});

describe('crossings of WebSockets', () => {
  it('are the address and each message, with who sent it', () => {
    const trace = new Trace();
    const common = { socket: 's', binary: false, participant: 'bob' };
    trace.add('ws.opened', { ...common, url: 'wss://meet.example/ws?t=1', headers: [['origin', 'o']] } as never);
    trace.add('ws.message', { ...common, direction: 'send', body: utf8('hello') });
    trace.add('ws.message', { ...common, direction: 'receive', body: utf8('key') });
    trace.add('ws.message', { ...common, socket: 'unseen', direction: 'receive', body: utf8('late') });
    const all = crossingsOf(trace);
    expect(all.map((crossing) => [crossing.direction, crossing.what, string(content(crossing))])).toEqual([
      [
        'send',
        'the address and headers of WebSocket wss://meet.example/ws',
        'url: wss://meet.example/ws?t=1\norigin: o\n',
      ],
      ['send', 'a message to WebSocket wss://meet.example/ws', 'hello'],
      ['receive', 'a message from WebSocket wss://meet.example/ws', 'key'],
      ['receive', 'a message from a WebSocket', 'late'],
    ]);
    expect(all.map(({ host, participant }) => [host, participant])).toEqual([
      ['meet.example', 'bob'],
      ['meet.example', 'bob'],
      ['meet.example', 'bob'],
      ['', 'bob'],
    ]);
  });

  it.each([
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
  ])('give up on what is followed by more than the compressed stream: %s', (coding, bytes) => {
    expect(string(content(reply([bytes], ['content-encoding', coding])))).toBe(text);
    const more = Buffer.concat([bytes, Buffer.alloc(3), Buffer.from('the key')]);
    expect(content(reply([more], ['content-encoding', coding]))).toBeUndefined();
  });

  describe('of data channels', () => {
    /** Alice sends something on a connection whose far end has the certificate `far`; Bob's browser has `BB`. */
    function sent(far: string | undefined) {
      const trace = new Trace();
      const described = (participant: string, side: 'local' | 'remote', print: string) =>
        trace.add('rtc.description', {
          participant,
          realm: 'r',
          connection: participant,
          side,
          kind: 'offer',
          sdp: `v=0\r\na=fingerprint:sha-256 ${print}\r\n`,
        });
      described('alice', 'local', 'AA');
      described('bob', 'local', 'BB');
      if (far) described('alice', 'remote', far);
      const [realm, connection, label] = ['r', 'alice', 'chat'];
      trace.add('rtc.data', { realm, connection, label, direction: 'send', binary: false, body: utf8('secret') });
      return crossingsOf(trace).map(({ what, wire }) => [what, Buffer.from(wire()).toString()]);
    }
    it('hold their labels and protocols, which cross when the connection stands', () => {
      const opened = (sdp: string) => {
        const trace = new Trace();
        const common = { participant: 'alice', realm: 'r', connection: 'c' };
        trace.add('rtc.opened', { ...common, configuration: {} });
        trace.add('rtc.channel', { ...common, direction: 'send', label: 'the key', protocol: 'the rest' });
        if (sdp) trace.add('rtc.description', { ...common, side: 'remote', kind: 'answer', sdp });
        const crossings = trace.into(new Crossings(trace, trace.into(new Connections(['alice']))));
        return [crossings.all.map(({ wire }) => Buffer.from(wire()).toString()).slice(1), crossings.unplaced];
      };
      expect(opened('a=fingerprint:sha-256 CC\r\n')).toEqual([['label: the key\nprotocol: the rest\n'], 0]);
      expect(opened('v=0\r\n')).toEqual([[], 1]);
      expect(opened('')).toEqual([[], 0]);
    });

    const message = ['a message to the data channel "chat"', 'secret'];

    it('are those that go to a server', () => expect(sent('CC')).toEqual([message]));
    it('are not those of which nobody knows where they go', () => expect(sent(undefined)).toEqual([]));
    it('are not those that go from browser to browser', () => expect(sent('BB')).toEqual([]));
  });
});
