import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytes, dictionary, flow, netstring } from './fixtures/flows.ts';
import { isFlows, readFlows } from './mitmproxy.ts';
import { ByteSource, InterchangeError } from './source.ts';
import { readNetstring, type Value } from './tnetstring.ts';

const read = (file: Uint8Array) => readFlows(ByteSource.of('x.flows', file), (address) => address ?? 'alice');
const SECOND = 1_700_000_000_000_000;

describe('readFlows', () => {
  it('reads requests, replies and bodies, as they crossed', () => {
    const { events, participants } = read(flow());
    expect(participants).toEqual(['192.168.1.7']);
    expect([...events]).toMatchObject([
      {
        time: SECOND + 250_000,
        event: { type: 'http.request', method: 'POST', url: 'https://meet.example/join?a=1', version: '1.1' },
      },
      { time: SECOND + 250_000, event: { type: 'http.body', of: 'request', body: bytes('{}') } },
      {
        time: SECOND + 500_000,
        event: { type: 'http.response', status: 200, version: '2.0', headers: [['content-type', 'text/plain']] },
      },
      { time: SECOND + 750_000, event: { type: 'http.body', of: 'response', body: bytes('reply'), last: true } },
    ]);
  });

  it('reads WebSockets, without what the proxy held back', () => {
    const websocket = dictionary({
      messages: [
        [1, true, bytes('hello'), 1700000001.5, false, false],
        [2, false, bytes('\0'), 1700000002.5, false, false],
        [1, true, bytes('dropped'), 1700000003.5, true, false],
      ],
      ...{ closed_by_client: false, close_code: 1000, close_reason: 'bye', timestamp_end: 1700000004.5 },
    });
    const { events } = read(flow({ websocket }, {}, { status_code: 101, content: bytes('') }));
    expect([...events].slice(3)).toMatchObject([
      { event: { type: 'ws.opened', url: 'wss://meet.example/join?a=1' } },
      {
        time: SECOND + 1_500_000,
        event: { type: 'ws.message', direction: 'send', binary: false, body: bytes('hello') },
      },
      { event: { type: 'ws.message', direction: 'receive', binary: true } },
      { event: { type: 'ws.closed', code: 1000, reason: 'bye' } },
    ]);
  });

  it('reads what failed, later formats, and passes by what is not HTTP', () => {
    const error = dictionary({ msg: 'refused', timestamp: 1700000000.75 });
    const later = dictionary({ peername: ['::ffff:10.0.0.1', 1, 0, 0] });
    const file = Buffer.concat([
      flow({ response: null, error, version: 21, client_conn: later }),
      netstring({ type: 'tcp', version: 21 }),
    ]);
    const { events, participants, vantages } = read(file);
    expect(participants).toEqual(['10.0.0.1']);
    expect([...events].at(-1)).toMatchObject({ event: { type: 'http.aborted', reason: 'refused' } });
    expect(vantages[0]?.detail).toContain('1 exchanges, without 1 flows that are not HTTP');
  });

  it.each([
    ['an old one', netstring({ version: [0, 18], type: 'http' }), /a flow of format 0\.18, expected 10 or later/],
    ['something else', netstring(['a', 'b']), /^x\.flows is damaged at byte 0: expected a flow of mitmproxy/],
    ['one without a time', flow({}, { timestamp_start: null }), /it has no timestamp_start/],
    [
      'a file that is cut off',
      flow().subarray(0, -20),
      /^x\.flows is cut off at byte \d+: expected \d+ bytes of a value, found/,
    ],
    [
      'a status that no recording holds',
      flow({}, {}, { status_code: 10 ** 40 }),
      /a reply without a status of three digits/,
    ],
    ['what follows and is none', Buffer.concat([flow(), bytes('garbage')]), /expected a netstring's length/],
    ['a value that is too large', bytes('999999999:'), /a value of 999999999 bytes/],
    [
      'values that are too deep',
      netstring(Array.from({ length: 50 }).reduce<Value>((inner) => [inner], null)),
      /more than 32 deep/,
    ],
  ])('refuses %s in one line', (_, file, message) => {
    expect(() => read(file)).toThrow(InterchangeError);
    expect(() => read(file)).toThrow(message);
  });

  it('holds no more than it may, of all flows together', () => {
    const large = (count: number) =>
      Buffer.concat(Array.from({ length: count }, () => flow({}, {}, { content: new Uint8Array(10_000) })));
    const read = (file: Uint8Array) => readFlows(ByteSource.of('x.flows', file), () => 'alice', 50_000);
    expect([...read(large(3)).events]).toHaveLength(12);
    expect(() => read(large(6))).toThrow(InterchangeError);
    expect(() => read(large(6))).toThrow(/^x\.flows holds more than 50000 bytes of headers, bodies and messages$/);
    // Headers take more room than their bytes in the file.
    const headers = Array.from({ length: 700 }, () => [bytes(''), bytes('')]);
    expect(() => read(flow({}, { headers }))).toThrow(/holds more than/);
  });

  it('never throws anything else, whatever it is given', () => {
    const whole = flow();
    const change = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
    const file = fc.oneof(
      change.map((changes) => {
        const copy = Buffer.from(whole);
        for (const [at, value] of changes) copy[at] = value;
        return copy;
      }),
      fc.uint8Array().map((rest) => Buffer.concat([bytes(`${rest.length}:`), rest, bytes('}')])),
    );
    fc.assert(
      fc.property(file, (file) => {
        try {
          read(file);
        } catch (error) {
          if (!(error instanceof InterchangeError)) throw error;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('tells flow files by how they begin', () => {
    expect(isFlows(flow())).toBe(true);
    for (const other of ['{"log":{}}', '12:34', 'abc', '']) expect(isFlows(bytes(other)), other).toBe(false);
  });
});

it('netstrings come back as they were written', () => {
  const leaf = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string(), fc.uint8Array());
  const { value } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }).map((one) => new Map(Object.entries(one))),
    ),
  }));
  /** Bytes as plain arrays: a view and a copy are equal. */
  const plain = (one: Value): unknown =>
    one instanceof Uint8Array
      ? { bytes: [...one] }
      : Array.isArray(one)
        ? one.map(plain)
        : one instanceof Map
          ? [...one].map(([key, inner]) => [key, plain(inner)])
          : one;
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), (values) => {
      const source = ByteSource.of('x', Buffer.concat(values.map(netstring)));
      for (const one of values) expect(plain(readNetstring(source)!)).toEqual(plain(one));
      expect(readNetstring(source)).toBeUndefined();
    }),
  );
});

/** Made by these releases as reverse proxies before a server of our own: a POST, and a WebSocket with three messages. */
it.each(['8.1.1', '11.0.2'])('reads what mitmproxy %s wrote', (release) => {
  const file = fileURLToPath(new URL(`fixtures/mitmproxy-${release}.flows`, import.meta.url));
  const source = ByteSource.open(file);
  const events = [...readFlows(source, (address) => address ?? '').events].map(({ event }) => event);
  source.close();
  expect(events.map(({ type }) => type)).toEqual([
    ...['http.request', 'http.body', 'http.response', 'http.body'],
    ...['http.request', 'http.response', 'ws.opened', 'ws.message', 'ws.message', 'ws.message', 'ws.closed'],
  ]);
  expect(events[0]).toMatchObject({ participant: '127.0.0.1', method: 'POST' });
  expect((events[0] as { url: string }).url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/join\?a=1$/);
  expect(gunzipSync((events[3] as { body: Uint8Array }).body).toString()).toContain('"key":"Zm9v"');
  expect(events.slice(7)).toMatchObject([
    { direction: 'send', binary: false, body: bytes('hello ü') },
    { direction: 'receive', binary: false, body: bytes('text reply') },
    { direction: 'receive', binary: true, body: Buffer.from([1, 0, 255]) },
    { code: 1000, reason: 'bye' },
  ]);
});
