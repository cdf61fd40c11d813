import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createAuthority } from '../../scenarios/specimens/base/certificates.ts';
import { find as findTshark } from '../../tools/services/tshark.mjs';
import { pcap, writeFiles } from './fixtures/captures.ts';
import { told } from './fixtures/recordings.ts';
import { Relay } from './fixtures/tls.ts';
import { importFiles } from './import.ts';
import { interfaceBlock, packetBlock, secretsBlock, sectionBlock } from './pcapng.ts';
import { PdmlReader, type Tag } from './pdml.ts';
import { InterchangeError } from './source.ts';
import { decrypt, Traffic } from './tshark.ts';

const base = mkdtempSync(join(tmpdir(), 'keywitness-tls-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const vendor = {
  vendor: 'Example',
  statements: [{ quote: 'x', source: 'x', date: '2026-01-01', claims: [{ claim: 'key-delivery', params: {} }] }],
};
const JSON_TYPE = { 'content-type': 'application/json' };

/** Real connections to a server on this machine: HTTP/1.1, HTTP/2 and a WebSocket with compression. */
async function capture() {
  const { key, cert } = await (await createAuthority('test')).issue('meet.test');
  const server = createSecureServer({ key, cert, allowHTTP1: true }, (incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece) => pieces.push(Buffer.from(piece)));
    incoming.on('end', () => {
      const sent = Buffer.concat(pieces);
      const got = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString();
      outgoing.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' });
      outgoing.end(gzipSync(JSON.stringify({ key: 'Zm9v', got, pad: 'x'.repeat(5000) })));
    });
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  server.on('upgrade', (incoming, socket, head) =>
    sockets.handleUpgrade(incoming, socket, head, (client) =>
      client.on('message', () => {
        client.send('y'.repeat(20_000));
        client.send(Buffer.from([1, 0, 255]));
        client.close(1000, 'bye');
      }),
    ),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = new Relay((server.address() as AddressInfo).port);
  const port = await relay.listen();
  const keys: Buffer[] = [];
  const note = (line: Buffer) => keys.push(line);
  const options = { rejectUnauthorized: false, servername: 'meet.test' };

  const agent = new Agent({ ...options, keepAlive: true, maxSockets: 1 });
  agent.on('keylog', note);
  for (const body of ['{"name":"ü"}', '{"again":1}']) {
    const headers = { ...JSON_TYPE, host: 'meet.test' };
    const sent = request({ host: '127.0.0.1', port, path: '/join?a=1', method: 'POST', agent, headers });
    sent.end(body);
    const [reply] = await once(sent, 'response');
    await once(reply.resume(), 'end');
  }
  agent.destroy();
  const session = connectHttp2(`https://127.0.0.1:${port}`, options);
  (session.socket as unknown as NodeJS.EventEmitter).on('keylog', note);
  // One whose coding is longer than what it holds, and one where it is shorter.
  const headers = { ':method': 'POST', ':authority': 'meet.test', 'content-encoding': 'gzip', ...JSON_TYPE };
  for (const [path, pad] of [
    ['/h2/1', ''],
    ['/h2/2', 'x'.repeat(3000)],
  ]) {
    const stream = session.request({ ...headers, ':path': path });
    stream.end(gzipSync(`{"path":"${path}${pad}"}`));
    await once(stream.resume(), 'end');
  }
  session.close();
  const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, {
    headers: { host: 'meet.test' },
    createConnection: () =>
      connect({ ...options, host: '127.0.0.1', port, ALPNProtocols: ['http/1.1'] }).on('keylog', note),
  });
  await once(socket, 'open');
  socket.send('hello ü');
  await once(socket, 'close');
  relay.close();
  server.close();
  return { packets: relay.packets(), keys: Buffer.concat(keys) };
}

describe.skipIf(!findTshark().ok)('a capture of TLS, with its keys (skipped where tshark is not installed)', () => {
  let call: Awaited<ReturnType<typeof capture>>;
  beforeAll(async () => {
    call = await capture();
  });

  async function importing(files: Record<string, Uint8Array>, keylog?: string) {
    const folder = mkdtempSync(join(base, 'x-'));
    const paths = writeFiles(folder, files);
    const out = join(folder, 'back.kw');
    const { signal } = new AbortController();
    const recording = await importFiles({
      ...{ files: paths.filter((path) => !path.endsWith('.keys')), folder: out, participants: [], vendor, signal },
      ...{ software: {}, keylog: keylog && join(folder, keylog) },
    });
    return { recording, events: told(out) };
  }

  function check(events: Record<string, unknown>[]) {
    const of = (type: string) => events.filter((event) => event.type === type);
    expect(of('http.request').map(({ method, url, version }) => `${method} ${url} ${version}`)).toEqual([
      'POST https://meet.test/join?a=1 1.1',
      'POST https://meet.test/join?a=1 1.1',
      'POST https://meet.test/h2/1 2.0',
      'POST https://meet.test/h2/2 2.0',
      'GET https://meet.test/ws 1.1',
    ]);
    const bytes = ({ body }: Record<string, unknown>) => Buffer.from(body as string, 'hex');
    // As they crossed: the coding that their headers name is still on.
    const plain = (event: Record<string, unknown>) => {
      const found = bytes(event);
      return (found[0] === 0x1f ? gunzipSync(found) : found).toString();
    };
    const told = (side: string) => of('http.body').filter(({ of }) => of === side);
    const sent = ['{"name":"ü"}', '{"again":1}', '{"path":"/h2/1"}', `{"path":"/h2/2${'x'.repeat(3000)}"}`];
    expect(told('request').map(plain)).toEqual(sent);
    expect(told('request').map((event) => bytes(event)[0])).toEqual([0x7b, 0x7b, 0x1f, 0x1f]);
    expect(told('response').map((event) => JSON.parse(gunzipSync(bytes(event)).toString()).got)).toEqual(sent);
    for (const { status, headers } of of('http.response'))
      if (status === 200) expect(headers).toContainEqual(['content-encoding', 'gzip']);
    expect(of('ws.opened')).toMatchObject([{ url: 'wss://meet.test/ws', participant: '10.0.0.5' }]);
    expect(
      of('ws.message').map(({ direction, binary, ...event }) => [direction, binary, bytes(event).toString()]),
    ).toEqual([
      ['send', false, 'hello ü'],
      ['receive', false, 'y'.repeat(20_000)],
      ['receive', true, Buffer.from([1, 0, 255]).toString()],
    ]);
    expect(of('ws.closed')[0]).toMatchObject({ code: 1000, reason: 'bye' });
  }

  it('is read by tshark', async () => {
    const { recording, events } = await importing(
      { 'call.pcap': pcap(call.packets), 'call.keys': call.keys },
      'call.keys',
    );
    check(events);
    expect(recording.vantagePoints).toMatchObject([{ vantage: 'proxy', participant: '10.0.0.5', state: 'unknown' }]);
    expect(recording.software['imported call.keys']).toMatch(/^SHA-256 [0-9a-f]{64}$/);
  });

  it('is read by tshark where the keys stand in the capture', async () => {
    const blocks = call.packets.map(({ time, data }) => packetBlock(0, time, 'send', data));
    const file = Buffer.concat([
      sectionBlock([]),
      interfaceBlock(1, 'eth0', ''),
      secretsBlock(0x544c534b, call.keys),
      ...blocks,
    ]);
    check((await importing({ 'call.pcapng': file })).events);
  });

  it('is said to need tshark where that is not', async () => {
    const { PATH } = process.env;
    process.env.PATH = '/nonexistent';
    try {
      const act = importing({ 'call.pcap': pcap(call.packets), 'call.keys': call.keys }, 'call.keys');
      await expect(act).rejects.toThrow(
        /^call\.pcap: tshark is needed to decrypt it and was not found on the PATH; install it/,
      );
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('is refused in one line where tshark fails', async () => {
    const tshark = join(base, 'tshark');
    writeFileSync(tshark, '#!/bin/sh\necho "The file is no good." >&2\nexit 2\n', { mode: 0o700 });
    const { signal } = new AbortController();
    const act = decrypt(tshark, { path: 'x', name: 'call.pcap', ownerOf: () => 'alice', signal });
    await expect(act).rejects.toThrow(InterchangeError);
    await expect(act).rejects.toThrow(
      /^tshark could not read call\.pcap: it ended with exit code 2: The file is no good\.$/,
    );
  });
});

it('gives tshark so much time, and no more', async () => {
  const tshark = join(base, 'slow');
  writeFileSync(tshark, '#!/bin/sh\ntrap "" TERM\nwhile :; do :; done\n', { mode: 0o700 });
  const { signal } = new AbortController();
  const act = decrypt(tshark, { path: 'x', name: 'call.pcap', ownerOf: () => 'alice', signal, longest: 60 });
  await expect(act).rejects.toThrow(/^tshark did not read call\.pcap within 0\.001 minutes; cut out the call/);
  await expect(act).rejects.toThrow(InterchangeError);
});

describe('Traffic holds no more than it may', () => {
  const piece = Buffer.alloc(1000, 1).toString('hex');
  type Field = [name: string, show: string, value?: string];
  const ENDS: Field[] = [
    ...([
      ['ip.src', '10.0.0.1'],
      ['tcp.stream', '0'],
    ] as Field[]),
  ];
  /** A packet that holds one message or frame. */
  const seePacket = (traffic: Traffic, protocol: string, ...fields: Field[]) => {
    const see = (element: Tag['element'], name: string, show = '', value = '') =>
      traffic.see({ element, name, show, value });
    see('packet', '');
    for (const field of ENDS) see('field', ...field);
    see('proto', protocol);
    for (const field of fields) see('field', ...field);
  };
  const limited = () => new Traffic({ name: 'x', ownerOf: () => 'alice' }, 10_000);
  const hex = (text: string) => Buffer.from(text).toString('hex');
  const openHttp2 = (traffic: Traffic, ...headers: [string, string][]) =>
    seePacket(
      traffic,
      'http2',
      ...([
        ['http2.streamid', '1'],
        ['http2.type', '1'],
      ] as Field[]),
      ...[[':method', 'POST'], ...headers].flatMap(([name = '', value = '']): Field[] => [
        ['http2.header.name', '', hex(name)],
        ['http2.header.value', '', hex(value)],
      ]),
    );
  const more = /^x holds more than 10000 bytes of headers, bodies and messages$/;

  it.each<[string, (traffic: Traffic) => void, (traffic: Traffic, at: number) => void]>([
    [
      'a message of a WebSocket that has no end',
      (traffic) => {
        seePacket(traffic, 'http', ['http.request.method', 'GET']);
        seePacket(traffic, 'http', ['http.response.code', '101']);
      },
      (traffic, at) =>
        seePacket(
          traffic,
          'websocket',
          ...([
            ['websocket.opcode', at === 0 ? '2' : '0'],
            ['websocket.fin', '0'],
            ['data.data', '', piece],
          ] as Field[]),
        ),
    ],
    [
      'a body of HTTP/2 that has no end',
      (traffic) => openHttp2(traffic),
      (traffic) =>
        seePacket(
          traffic,
          'http2',
          ...([
            ['http2.streamid', '1'],
            ['http2.type', '0'],
            ['http2.length', '1000'],
          ] as Field[]),
          ['http2.data.data', '', piece],
        ),
    ],
    [
      'headers',
      () => {},
      (traffic) => seePacket(traffic, 'http', ['http.request.method', 'GET'], ['http.request.line', `x: ${piece}\n`]),
    ],
  ])('of %s', (_, open, next) => {
    const traffic = limited();
    open(traffic);
    for (let at = 0; at < 4; at++) next(traffic, at);
    const act = () => {
      for (let at = 4; at < 12; at++) next(traffic, at);
      traffic.end();
    };
    expect(act).toThrow(InterchangeError);
    expect(act).toThrow(more);
  });

  it('counts a body once that is shown in pieces and whole', () => {
    const traffic = limited();
    openHttp2(traffic);
    const data: Field[] = [
      ['http2.streamid', '1'],
      ['http2.type', '0'],
      ['http2.length', '1000'],
    ];
    for (let at = 0; at < 7; at++) seePacket(traffic, 'http2', ...data, ['http2.data.data', '', piece]);
    seePacket(
      traffic,
      'http2',
      ...data,
      ['http2.body.reassembled.data', '', piece.repeat(8)],
      ['http2.flags.end_stream', '1'],
    );
    expect([...traffic.end().events].at(-1)?.event).toMatchObject({ type: 'http.body', body: Buffer.alloc(8000, 1) });
  });
});

describe('PdmlReader', () => {
  const text =
    '<pdml>\n<packet>\n<proto name="http"><field name="x" show="a &lt;b&gt; &amp;quot; &quot;\n" value="61"/>\n</proto></packet>';
  const expected: Tag[] = [
    { element: 'packet', name: '', show: '', value: '' },
    { element: 'proto', name: 'http', show: '', value: '' },
    { element: 'field', name: 'x', show: 'a <b> &quot; "\n', value: '61' },
  ];

  it('finds the same tags however its input is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const reader = new PdmlReader();
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((end, at) => text.slice(places[at], end));
        expect(pieces.flatMap((piece) => [...reader.push(piece)])).toEqual(expected);
      }),
    );
  });

  it('never throws on other text', () => {
    fc.assert(fc.property(fc.string(), (noise) => void [...new PdmlReader().push(noise)]));
  });
});

it('Traffic takes no status for one that is none', () => {
  const traffic = new Traffic({ name: 'x', ownerOf: () => 'alice' });
  for (const [element, name, show] of [
    ...([
      ['packet', '', ''],
      ['proto', 'http', ''],
      ['field', 'http.request.method', 'GET'],
    ] as const),
    ...([
      ['packet', '', ''],
      ['proto', 'http', ''],
      ['field', 'http.response.code', '1e40'],
    ] as const),
  ])
    traffic.see({ element, name, show, value: '' });
  expect([...traffic.end().events].map(({ event }) => event.type)).toEqual(['http.request']);
});

it('Traffic never throws, whatever order fields come in', () => {
  const name = fc.constantFrom(
    ...['http.request.method', 'http.response.code', 'http.request.line', 'http.file_data', 'http2.type', 'tcp.stream'],
    ...['http2.streamid', 'http2.header.name', 'http2.header.value', 'http2.data.data', 'http2.flags.end_stream'],
    ...['websocket.opcode', 'websocket.fin', 'websocket.payload.text', 'frame.time_epoch', 'ip.src', 'data.data'],
  );
  const show = fc.constantFrom('0', '1', '2', '8', '101', '200', ':method', ':status', 'GET', 'x: y\n');
  const tag = fc.record({
    element: fc.constantFrom('packet' as const, 'proto' as const, 'field' as const, 'field' as const),
    name: fc.oneof(name, fc.constantFrom('http', 'http2', 'websocket', 'tcp')),
    show,
    value: fc.constantFrom('', '61', 'zz', '3a6d6574686f64'),
  });
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 60 }), (tags) => {
      const traffic = new Traffic({ name: 'x', ownerOf: () => 'alice' });
      for (const one of tags) traffic.see(one);
      traffic.end();
    }),
    { numRuns: 500 },
  );
});
