/** The engines hold each other to account: the same traffic through each, and what each saw is compared byte for byte. */
import { createHash, type Hash } from 'node:crypto';
import http2 from 'node:http2';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { find } from '../../../tools/services/mitmproxy.mjs';
import { ENGINES, type Engine } from './engines.ts';
import {
  Collected,
  get,
  large,
  once,
  openWebSocket,
  type Servers,
  secureTunnel,
  sha256,
  socks,
  startServers,
  tunnel,
} from './fixtures/traffic.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** One exchange, tunnel or WebSocket: all that was told of it, whatever pieces its bodies came in. */
interface Story {
  request?: { url: string };
  responses: unknown[];
  /** Length and SHA-256 of each body of which there was a byte, and whether its end was seen. */
  bodies: Partial<Record<'request' | 'response', { digest: Hash | string; length: number; ended: boolean }>>;
  /** Direction, kind, length and SHA-256. */
  messages: [string, 'binary' | 'text', number, string][];
  opened?: unknown;
  /** How a WebSocket ended. */
  closed?: unknown;
  /** Cut off; the engines have words of their own for why. */
  aborted: boolean;
}

/** Headers that an engine may write in its own way, since they are between the participant and its proxy (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection'];
/** The client draws one at random, and the other comes of it (RFC 6455 section 1.3). */
const RANDOM = ['sec-websocket-key', 'sec-websocket-accept'];
const headersOf = (headers: [string, string][]) =>
  headers
    .filter(([name]) => !HOP_BY_HOP.includes(name.toLowerCase()))
    .map(([name, value]) => [name, RANDOM.includes(name.toLowerCase()) ? 'random' : value]);

function storiesOf(seen: Collected): Story[] {
  const stories = new Map<string, Story>();
  const of = (name: string) => {
    const story = stories.get(name) ?? { responses: [], bodies: {}, messages: [], aborted: false };
    stories.set(name, story);
    return story;
  };
  for (const event of seen.events) {
    if (event.type === 'http.request')
      of(event.exchange).request = { ...event, headers: headersOf(event.headers), exchange: undefined } as {
        url: string;
      };
    if (event.type === 'http.response') of(event.exchange).responses.push([event.status, headersOf(event.headers)]);
    if (event.type === 'http.body') {
      const { bodies } = of(event.exchange);
      bodies[event.of] ??= { digest: createHash('sha256'), length: 0, ended: false };
      const body = bodies[event.of]!;
      (body.digest as Hash).update(event.body);
      body.length += event.body.length;
      body.ended = event.last;
    }
    if (event.type === 'http.aborted') of(event.exchange).aborted = true;
    if (event.type === 'ws.opened') of(event.socket).opened = [event.url, headersOf(event.headers)];
    if (event.type === 'ws.message')
      of(event.socket).messages.push([
        ...([event.direction, event.binary ? 'binary' : 'text'] as const),
        ...([event.body.length, sha256(event.body)] as const),
      ]);
    if (event.type === 'ws.closed') {
      // Where no close frame came, the engines have words of their own for why.
      const reason = event.code === 1006 ? undefined : event.reason;
      of(event.socket).closed = [event.code, reason];
    }
  }
  for (const { bodies } of stories.values())
    for (const body of Object.values(bodies)) body.digest = (body.digest as Hash).digest('hex');
  return [...stories.values()];
}

const endToEnd = (headers: object) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)));

/** What the participant got: status, headers, body. */
type Got = unknown[];

/** All traffic, one after the other, so that it has one order. */
async function speak(proxy: number, servers: Servers): Promise<Got> {
  const got: Got = [];
  const ask = async (...args: [string, object?, Uint8Array?]) => {
    const told = await get(proxy, ...args).then(
      // A refusal is the proxy's own.
      ({ status, headers, body }) => [status, status === 403 ? {} : endToEnd(headers), sha256(body)],
      () => 'broken off',
    );
    got.push(told);
  };
  for (const base of [`http://127.0.0.1:${servers.plain.port}`, `https://localhost:${servers.secure.port}`]) {
    await ask(`${base}/a?b=c&d=%20%C3%BC`, { headers: { 'X-Mixed-Case': 'Yes', cookie: 'a=1; b=2' } });
    for (const path of ['/empty', '/unchanged', '/moved', '/pieces', '/gzip', '/large', '/cut']) await ask(base + path);
    await ask(`${base}/head`, { method: 'HEAD' });
    await ask(`${base}/digest`, { method: 'POST', headers: { 'content-length': large.length } }, large);
    await ask(`${base}/digest`, { method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }, large);
    await ask(`${base}/digest`, { method: 'POST', headers: { 'content-length': 0 } });
    await ask(`${base}/a`, { method: 'DELETE' });
  }
  await ask(`https://localhost:${servers.untrusted.port}/`);
  await ask('http://127.0.0.1:1/nobody');
  await ask('https://example.com/collect?id=7', { method: 'POST' }, Buffer.from('a secret'));
  await ask('http://192.0.2.1/');

  const origin = `https://localhost:${servers.modern.port}`;
  const connection = await secureTunnel(proxy, new URL(origin), ['h2']);
  const session = http2.connect(origin, { createConnection: () => connection });
  for (const [headers, body] of [
    [{ ':path': '/two?x=1', 'x-mine': 'yes' }],
    ...['/large', '/gzip', '/empty', '/pieces'].map((path) => [{ ':path': path }]),
    [{ ':path': '/head', ':method': 'HEAD' }],
    [{ ':path': '/digest', ':method': 'POST' }, large],
    [{ ':path': '/digest', ':method': 'POST', 'content-length': 5 }, Buffer.from('hello')],
  ] as [http2.OutgoingHttpHeaders, Uint8Array?][]) {
    const stream = session.request(headers, { endStream: !body }).end(body);
    const answered = new Promise((resolve) => stream.once('response', resolve));
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    got.push([await answered, sha256(Buffer.concat(pieces))]);
  }
  session.destroy();

  for (const [end, messages] of [
    ['close', ['größe', '', Buffer.from([0, 255]), Buffer.alloc(0), large.subarray(0, 1 << 20), 'x'.repeat(70_000)]],
    ['leave', []],
    ['break', ['once']],
  ] as [string, (string | Buffer)[]][]) {
    const client = await openWebSocket(proxy, `wss://localhost:${servers.secure.port}/chat?end=${end}`);
    await once(client, 'open');
    for (const message of messages) {
      const back = new Promise<Buffer>((resolve) => client.once('message', (data) => resolve(data as Buffer)));
      client.send(message);
      got.push(sha256(await back));
    }
    const closed = new Promise((resolve) => client.once('close', (code, reason) => resolve([code, String(reason)])));
    client.on('error', () => {}).send(end);
    const how = await closed;
    // A server that breaks off says nothing; what the participant hears then is up to the proxy.
    if (end !== 'break') got.push(how);
  }
  for (const address of [`wss://localhost:${servers.secure.port}/no`, 'wss://example.com/chat']) {
    const client = await openWebSocket(proxy, address);
    got.push(await new Promise((resolve) => client.once('error', (error) => resolve(error.message))));
  }

  for (const socket of [
    await tunnel(proxy, `127.0.0.1:${servers.echo.port}`),
    await socks(proxy, [127, 0, 0, 1], servers.echo.port),
  ]) {
    const bytes = Buffer.concat([Buffer.from([0, 1, 0, 0]), large.subarray(0, 200_000)]);
    let back = 0;
    socket.write(bytes);
    for await (const piece of socket) {
      back += (piece as Buffer).length;
      if (back === bytes.length) break;
    }
    got.push(back);
  }
  return got;
}

const mitmproxy = find();
describe.skipIf(!mitmproxy.ok)(
  `the same traffic through each engine${mitmproxy.ok ? '' : ` (${mitmproxy.problem})`}`,
  () => {
    const told = new Map<Engine, { seen: Collected; stories: Story[]; got: Got; version: string }>();
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers();
      for (const name of Object.keys(ENGINES) as Engine[]) {
        const seen = new Collected();
        const proxies = await ENGINES[name]({
          ...{ participants: ['alice'], reach: 'loopback', trust: [servers.trusted], sink: seen },
        });
        const got = await speak(proxies.port('alice'), servers);
        await proxies.stop();
        told.set(name, { seen, stories: storiesOf(seen), got, version: proxies.version });
      }
    });
    afterAll(() => servers.close());
    const both = <T>(what: (of: { seen: Collected; stories: Story[]; got: Got }) => T): [T, T] => [
      what(told.get('mockttp')!),
      what(told.get('mitmproxy')!),
    ];

    it('gives the participant the same', () => {
      const [one, other] = both(({ got }) => got);
      expect(other).toEqual(one);
    });

    it('is recorded the same but for two things: each request, answer, body, message and end', () => {
      const [one, other] = both(({ stories }) => stories);
      expect(one.length).toBeGreaterThan(40);
      const differ = (of: Story[], against: Story[]) =>
        of.flatMap((story, index) => {
          const { request, closed, bodies, ...rest } = story;
          if (isDeepStrictEqual(story, against[index])) return [];
          return [{ path: new URL(request!.url).pathname, closed, bodies, rest }];
        });
      const refused = { digest: sha256(Buffer.from('nope')), length: 4, ended: true };
      const [broken, rejected] = differ(one, other);
      expect(differ(other, one)).toEqual([
        // A WebSocket that the server breaks off: to mockttp it is closed without a code.
        { ...broken, path: '/chat', closed: [1006, undefined] },
        // One that the server rejects: mockttp does not tell of the body.
        { ...rejected, path: '/no', bodies: { response: refused } },
      ]);
      expect(differ(one, other)).toMatchObject([
        { path: '/chat', closed: [undefined, undefined] },
        { path: '/no', bodies: {} },
      ]);
    });

    it('meets the same servers, and what is refused is the same', () => {
      const [one, other] = both(({ seen }) => {
        // How many connections there are is up to the engine. mockttp names no HTTP/1.1 in its handshakes, and a handshake that
        // takes up an earlier one again shows it no certificate. The test's servers make a certificate for each handshake.
        const met = new Set<string>();
        for (const { host, port, address } of seen.all('tcp.peer')) met.add(`${host}:${port} at ${address}`);
        for (const peer of seen.all('tls.peer')) {
          const { host, port, address, protocol, cipher, authorized, alpn, certificate } = peer;
          const { subject, issuer } = certificate ?? {};
          if (certificate)
            met.add(
              JSON.stringify([host, port, address, protocol, cipher, authorized, alpn === 'h2', subject, issuer]),
            );
        }
        return { met: [...met].sort(), refused: seen.all('http.refused') };
      });
      expect(other).toEqual(one);
    });
  },
);
