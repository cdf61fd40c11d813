/** What every engine has to do: each case runs with each engine. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { find } from '../../../tools/services/mitmproxy.mjs';
import { RecordingReader } from '../../recording/reader.ts';
import { RecordingWriter } from '../../recording/writer.ts';
import { ENGINES, type Engine } from './engines.ts';
import {
  Collected,
  get,
  held,
  large,
  listening,
  MEGABYTE,
  once,
  open,
  openWebSocket,
  raw,
  type Servers,
  secureTunnel,
  sha256,
  socks,
  startServers,
  tunnel,
} from './fixtures/traffic.ts';
import type { Proxies, ProxyOptions } from './proxies.ts';

// Nothing here is to depend on how fast the machine is.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const mitmproxy = find();
const engines: { name: Engine; missing?: string }[] = [
  { name: 'mockttp' },
  { name: 'mitmproxy', ...(mitmproxy.ok ? {} : { missing: mitmproxy.problem }) },
];
let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.close());

for (const { name, missing } of engines)
  describe.skipIf(missing !== undefined)(`${name}${missing ? ` (${missing})` : ''}`, () => {
    const start = ENGINES[name];
    describe('the proxies of a run', () => {
      let seen: Collected;
      let proxies: Proxies;
      let alice: number;
      beforeEach(async () => {
        seen = new Collected();
        held.length = 0;
        proxies = await start({
          participants: ['alice', 'bob'],
          hosts: { 'meet.zoom-2020.test': '127.0.0.1', 'beijing.zoom-2020.test': '127.0.0.3' },
          trust: [servers.trusted],
          reach: 'loopback',
          sink: seen,
        });
        alice = proxies.port('alice');
      });
      afterEach(() => proxies.stop());

      it('record a request over TLS, its answer, and who answered', async () => {
        const url = `https://localhost:${servers.secure.port}/a?b=c`;
        const { status, body } = await get(
          alice,
          url,
          { method: 'POST', headers: { 'x-mine': 'Yes' } },
          Buffer.from('hello'),
        );
        expect([status, body.toString()]).toEqual([200, 'you asked for /a?b=c']);

        const last = await seen.until('http.body', (event) => event.of === 'response' && event.last);
        const exchange = 'alice-1';
        expect(last.exchange).toBe(exchange);
        expect(seen.all('http.request')).toEqual([
          {
            ...{
              participant: 'alice',
              vantage: 'proxy',
              type: 'http.request',
              exchange,
              method: 'POST',
              url,
              version: '1.1',
            },
            headers: expect.arrayContaining([['x-mine', 'Yes']]),
          },
        ]);
        expect(seen.body(exchange, 'request').toString()).toBe('hello');
        expect(seen.all('http.response')).toEqual([
          {
            ...{ participant: 'alice', vantage: 'proxy', type: 'http.response', exchange, status: 200, version: '1.1' },
            headers: expect.arrayContaining([
              ['set-cookie', 'a=1'],
              ['set-cookie', 'b=2'],
              ['x-server', 'yes'],
            ]),
          },
        ]);
        expect(seen.body(exchange, 'response').toString()).toBe('you asked for /a?b=c');
        const [peer, ...more] = seen.all('tls.peer');
        expect(more).toEqual([]);
        expect(peer).toMatchObject({
          participant: 'alice',
          host: 'localhost',
          port: servers.secure.port,
          address: '127.0.0.1',
        });
        expect(peer).toMatchObject({ protocol: 'TLSv1.3', authorized: true });
        expect(peer!.cipher).toMatch(/^TLS_/);
        expect(peer!.certificate!.subject).toContain('CN=localhost');
        expect(peer!.certificate!.issuer).toContain('CN=');
        expect(Date.parse(peer!.certificate!.validTo)).toBeGreaterThan(Date.now());
      });

      it('sign for every host with the CA whose public key they name, and listen on 127.0.0.1 only', async () => {
        const socket = await secureTunnel(alice, new URL(`https://localhost:${servers.secure.port}/`));
        // mitmproxy shows no CA, but gives the leaf the CA's own key. Chromium takes either.
        const { raw: leaf, issuerCertificate: issuer } = socket.getPeerCertificate(true);
        const keys = [leaf, issuer?.raw ?? leaf].map((certificate) =>
          new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' }),
        );
        const digests = keys.map((key) => createHash('sha256').update(key).digest('base64'));
        expect(digests).toContain(proxies.spki);
        socket.destroy();
        expect(proxies.version).toMatch(new RegExp(`^${name} \\d+\\.\\d+`));

        const elsewhere = net.connect(alice, '127.0.0.2');
        await expect(new Promise((_, reject) => elsewhere.once('error', reject))).rejects.toThrow('ECONNREFUSED');
      });

      it('record plain HTTP', async () => {
        await get(alice, `http://127.0.0.1:${servers.plain.port}/x`);
        await seen.until('http.body', (event) => event.last);
        expect(seen.all('http.request')).toMatchObject([
          { method: 'GET', url: `http://127.0.0.1:${servers.plain.port}/x` },
        ]);
        expect(seen.all('tcp.peer')).toEqual([
          {
            participant: 'alice',
            vantage: 'proxy',
            type: 'tcp.peer',
            host: '127.0.0.1',
            port: servers.plain.port,
            address: '127.0.0.1',
          },
        ]);
      });

      it('record bodies of 20 MB whole, both ways, each direction once', async () => {
        const base = `https://localhost:${servers.secure.port}`;
        const [down, up] = await Promise.all([
          get(alice, `${base}/large`),
          get(alice, `${base}/digest`, { method: 'PUT' }, large),
        ]);
        expect(sha256(down.body)).toBe(sha256(large));
        expect(up.body.toString()).toBe(sha256(large));
        for (const [path, of] of [
          ['/large', 'response'],
          ['/digest', 'request'],
        ] as const) {
          const { exchange } = await seen.until('http.request', (event) => event.url.endsWith(path));
          await seen.until('http.body', (event) => event.exchange === exchange && event.of === of && event.last);
          expect(sha256(seen.body(exchange, of))).toBe(sha256(large));
        }
      });

      it('record bodies as they cross: still content-encoded', async () => {
        await get(alice, `https://localhost:${servers.secure.port}/gzip`);
        const { exchange } = await seen.until('http.body', (event) => event.last);
        expect(seen.body(exchange, 'response')).toEqual(gzipSync('squeezed'));
      });

      it('speak HTTP/2 on both sides, many streams at once', async () => {
        const socket = await secureTunnel(alice, new URL(`https://localhost:${servers.modern.port}/`), ['h2']);
        const session = http2.connect(`https://localhost:${servers.modern.port}`, { createConnection: () => socket });
        const bodies = await Promise.all(
          ['/large', '/1', '/2', '/3'].map(async (path) => {
            const pieces: Buffer[] = [];
            for await (const piece of session.request({ ':path': path })) pieces.push(piece as Buffer);
            return Buffer.concat(pieces);
          }),
        );
        expect(sha256(bodies[0]!)).toBe(sha256(large));
        expect(bodies.slice(1).map(String)).toEqual(['/1', '/2', '/3'].map((path) => `you asked for ${path}`));
        for (const [index, path] of ['/large', '/1', '/2', '/3'].entries()) {
          const request = await seen.until('http.request', (event) => event.url.endsWith(path));
          expect(request.version).toBe('2.0');
          expect(request.headers.filter(([name]) => name.startsWith(':'))).toEqual([]);
          await seen.until('http.body', (event) => event.exchange === request.exchange && event.last);
          expect(sha256(seen.body(request.exchange, 'response'))).toBe(sha256(bodies[index]!));
        }
        expect(seen.all('http.response').map(({ version }) => version)).toEqual(['2.0', '2.0', '2.0', '2.0']);
        expect(new Set(seen.all('tls.peer').map(({ alpn }) => alpn))).toEqual(new Set(['h2']));
        session.destroy();
      });

      it('pass on and record a stream of server-sent events while it runs', async () => {
        const response = await open(alice, `https://localhost:${servers.secure.port}/events`);
        const pieces = response[Symbol.asyncIterator]();
        expect(String((await pieces.next()).value)).toBe('data: first\n\n');
        const piece = await seen.until('http.body', (event) => event.of === 'response');
        expect([Buffer.from(piece.body).toString(), piece.last]).toEqual(['data: first\n\n', false]);
        held[0]!();
        expect(String((await pieces.next()).value)).toBe('data: second\n\n');
        await seen.until('http.body', (event) => event.last && event.of === 'response');
        expect(seen.body(piece.exchange, 'response').toString()).toBe('data: first\n\ndata: second\n\n');
      });

      // mitmproxy takes such an answer for the final one.
      it.skipIf(name === 'mitmproxy')('record informational answers before the final one', async () => {
        await get(alice, `https://localhost:${servers.secure.port}/hints`);
        await seen.until('http.body', (event) => event.last);
        expect(seen.all('http.response').map(({ status }) => status)).toEqual([103, 200]);
      });

      it('record WebSocket messages both ways: text, binary, 1 MB, decompressed, and how it closed', async () => {
        const address = `wss://localhost:${servers.secure.port}/chat`;
        const client = await openWebSocket(alice, address);
        await once(client, 'open');
        expect(client.extensions).toContain('permessage-deflate');
        const million = randomBytes(MEGABYTE);
        for (const message of ['größe', Buffer.from([0, 255]), million]) {
          const back = new Promise<Buffer>((resolve) => client.once('message', (data) => resolve(data as Buffer)));
          client.send(message);
          expect(sha256(await back)).toBe(sha256(Buffer.from(message)));
        }
        client.send('close');
        await once(client, 'close');

        const closed = await seen.until('ws.closed');
        expect(closed).toMatchObject({ participant: 'alice', socket: 'alice-1', code: 4001, reason: 'as you wish' });
        const [opened] = seen.all('ws.opened');
        expect(opened).toMatchObject({ socket: 'alice-1', url: address });
        expect(opened!.headers).toContainEqual(['cookie', 'who=alice']);
        expect(seen.all('http.request')).toMatchObject([{ exchange: 'alice-1', url: address }]);
        expect(seen.all('http.response')).toMatchObject([{ exchange: 'alice-1', status: 101 }]);
        const messages = seen.all('ws.message').map((event) => [event.direction, event.binary, sha256(event.body)]);
        const expected = [
          [false, 'größe'],
          [true, Buffer.from([0, 255])],
          [true, million],
        ] as const;
        expect(messages).toEqual([
          ...expected.flatMap(([binary, bytes]) =>
            ['send', 'receive'].map((direction) => [direction, binary, sha256(Buffer.from(bytes as Buffer))]),
          ),
          ['send', false, sha256(Buffer.from('close'))],
        ]);
      });

      it('record a WebSocket that the server rejects, and one that breaks', async () => {
        const rejected = await openWebSocket(alice, `wss://localhost:${servers.secure.port}/no`);
        const response = await new Promise<http.IncomingMessage>((resolve) =>
          rejected.once('unexpected-response', (_, message) => resolve(message)),
        );
        expect(response.statusCode).toBe(401);
        rejected.on('error', () => {}).terminate();
        const recorded = await seen.until('http.response', (event) => event.status === 401);
        expect(recorded.headers).toContainEqual(['x-why', 'no']);

        const broken = await openWebSocket(alice, `wss://localhost:${servers.secure.port}/`);
        await once(broken, 'open');
        broken.terminate();
        expect(await seen.until('ws.closed')).toMatchObject({ socket: 'alice-2', code: 1006 });
      });

      it('resolve the names of the run to the addresses given, for TLS and for plain HTTP', async () => {
        const beijing = await listening(
          http.createServer((_, response) => response.end('from Beijing')),
          '127.0.0.3',
        );
        await get(alice, `http://beijing.zoom-2020.test:${beijing.port}/key`);
        await get(alice, `https://meet.zoom-2020.test:${servers.secure.port}/`);
        expect(await seen.until('tcp.peer')).toMatchObject({ host: 'beijing.zoom-2020.test', address: '127.0.0.3' });
        const peer = await seen.until('tls.peer');
        expect(peer).toMatchObject({ host: 'meet.zoom-2020.test', address: '127.0.0.1', authorized: true });
        expect(peer.certificate!.subject).toContain('CN=meet.zoom-2020.test');
        beijing.server.close();
        beijing.server.closeAllConnections();
      });

      it('keep participants apart, also when both reach the same server at once', async () => {
        const ask = (who: string) =>
          Promise.all(
            Array.from({ length: 5 }, (_, n) =>
              get(proxies.port(who), `https://localhost:${servers.secure.port}/${who}/${n}`),
            ),
          );
        await Promise.all([ask('alice'), ask('bob')]);
        await proxies.stop();
        for (const who of ['alice', 'bob']) {
          const own = seen.events.filter((event) => event.participant === who);
          const urls = own.flatMap((event) => (event.type === 'http.request' ? [new URL(event.url).pathname] : []));
          expect(urls.sort()).toEqual([0, 1, 2, 3, 4].map((n) => `/${who}/${n}`));
          expect(own.filter((event) => event.type === 'tls.peer')).toHaveLength(5);
          for (const event of own) if ('exchange' in event) expect(event.exchange).toMatch(new RegExp(`^${who}-\\d+$`));
        }
        expect(seen.events.filter((event) => event.participant === null)).toEqual([]);
        expect(() => proxies.port('carol')).toThrow('carol has no proxy; there are alice, bob');
      });

      describe('out of reach', () => {
        const refusedAll = (...urls: string[]) => {
          expect(seen.all('http.refused').map(({ url }) => url)).toEqual(urls);
          for (const type of [
            'http.request',
            'http.response',
            'http.body',
            'tls.peer',
            'tcp.peer',
            'ws.opened',
          ] as const)
            expect(seen.all(type)).toEqual([]);
        };

        it('refuse HTTP over TLS and plain HTTP with 403 and nothing in it', async () => {
          const urls = ['https://example.com/collect?id=7', 'http://example.com/x', 'http://192.0.2.1:8080/y'];
          for (const url of urls) {
            const { status, body } = await get(alice, url, { method: 'POST' }, Buffer.from('a secret'));
            expect([status, body.length]).toEqual([403, 0]);
          }
          await proxies.stop();
          refusedAll(...urls);
          expect(seen.all('http.refused')[0]).toMatchObject({
            participant: 'alice',
            reason: expect.stringContaining('example.com'),
          });
        });

        it('refuse WebSockets with 403', async () => {
          const client = await openWebSocket(alice, 'wss://example.com/chat');
          const message = await new Promise<string>((resolve) =>
            client.once('error', (error) => resolve(error.message)),
          );
          expect(message).toContain('403');
          await proxies.stop();
          refusedAll('wss://example.com/chat');
        });

        it('refuse by where the tunnel leads, whatever the Host header says', async () => {
          const socket = await tunnel(alice, '192.0.2.1:80');
          socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
          expect(await text(socket)).toMatch(/^HTTP\/1\.1 403 /);
          await proxies.stop();
          expect(seen.all('http.refused')).toHaveLength(1);
          expect(seen.all('tcp.peer')).toEqual([]);
        });

        it('refuse SOCKS, with HTTP in it or anything else', async () => {
          const web = await socks(alice, [192, 0, 2, 1], 80);
          web.write('GET /s HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n');
          expect(await text(web)).toMatch(/^HTTP\/1\.1 403 /);
          const other = await socks(alice, [192, 0, 2, 1], 80);
          other.on('error', () => {}).write('SSH-2.0-client\r\n');
          await once(other.resume(), 'close');
          await seen.until('http.refused', (event) => event.url.startsWith('tcp:'));
          await proxies.stop();
          refusedAll('http://192.0.2.1/s', 'tcp://192.0.2.1:80');
        });

        it('refuse a tunnel for another protocol', async () => {
          const socket = await tunnel(alice, 'turn.example.com:3478');
          socket.on('error', () => {});
          socket.write(Buffer.from('0001000021 12a442'.replace(' ', ''), 'hex'));
          await once(socket, 'close');
          await seen.until('http.refused');
          refusedAll('tcp://turn.example.com:3478');
        });
      });

      it('take SOCKS on the same port', async () => {
        const socket = await socks(alice, [127, 0, 0, 1], servers.plain.port);
        socket.write('GET /socks HTTP/1.1\r\nHost: name.localhost\r\nConnection: close\r\n\r\n');
        expect(await text(socket)).toContain('you asked for /socks');
        await seen.until('http.request', (event) => new URL(event.url).pathname === '/socks');
        expect(await seen.until('tcp.peer')).toMatchObject({
          participant: 'alice',
          host: '127.0.0.1',
          port: servers.plain.port,
        });
      });

      it('pass and record a tunnel for another protocol within reach', async () => {
        const socket = await tunnel(alice, `127.0.0.1:${servers.echo.port}`);
        const bytes = Buffer.from('\x00\x01\x00\x00 STUN or so');
        const back = new Promise<Buffer>((resolve) => socket.once('data', resolve));
        socket.write(bytes);
        expect(await back).toEqual(bytes);
        socket.destroy();
        await seen.until('http.body', (event) => event.of === 'response' && event.last);
        expect(seen.all('http.request')).toMatchObject([
          { method: 'CONNECT', url: `tcp://127.0.0.1:${servers.echo.port}` },
        ]);
        expect(seen.body('alice-1', 'request')).toEqual(bytes);
        expect(seen.body('alice-1', 'response')).toEqual(bytes);
        expect(seen.all('tcp.peer')).toMatchObject([{ participant: 'alice', port: servers.echo.port }]);
      });

      it('fail visibly where the server is not trusted', async () => {
        await expect(get(alice, `https://localhost:${servers.untrusted.port}/`)).rejects.toThrow();
        const aborted = await seen.until('http.aborted', (event) => event.exchange === 'alice-1');
        expect(aborted.reason).toMatch(/certificate/);
        expect(await seen.until('tls.peer')).toMatchObject({ port: servers.untrusted.port, authorized: false });

        const client = await openWebSocket(alice, `wss://localhost:${servers.untrusted.port}/`);
        await once(
          client.on('error', () => {}),
          'close',
        );
        expect((await seen.until('http.aborted', (event) => event.exchange === 'alice-2')).reason).toMatch(
          /certificate/,
        );
        expect(seen.all('http.response')).toEqual([]);
      });

      it('say so when an exchange is cut off, with what had crossed and not a byte of their own', async () => {
        await expect(get(alice, `https://localhost:${servers.secure.port}/cut`)).rejects.toThrow('aborted');
        const { exchange } = await seen.until('http.aborted');
        await proxies.stop();
        expect(seen.body(exchange, 'response').toString()).toBe('so far');
        expect(seen.all('http.body').some((event) => event.of === 'response' && event.last)).toBe(false);
      });

      it('say so when the participant leaves in the middle, and when nobody listens', async () => {
        const response = await open(alice, `https://localhost:${servers.secure.port}/events`);
        response.once('error', () => {}).destroy();
        expect(await seen.until('http.aborted')).toMatchObject({ exchange: 'alice-1' });
        const { server, port } = await listening(net.createServer());
        server.close();
        await expect(get(alice, `http://127.0.0.1:${port}/`)).rejects.toThrow();
        const aborted = await seen.until('http.aborted', (event) => event.exchange === 'alice-2');
        expect(aborted.reason).toMatch(/ECONNREFUSED|Connect call failed/);
      });

      it('tell of a client that does not trust them', async () => {
        const socket = await tunnel(alice, `localhost:${servers.secure.port}`);
        const client = tls.connect({ socket, servername: 'localhost' });
        await expect(new Promise((_, reject) => client.once('error', reject))).rejects.toThrow('certificate');
        expect(await seen.until('tls.refused')).toMatchObject({ participant: 'alice', host: 'localhost' });
      });

      it('survive whatever clients and servers send', async () => {
        const rude = await listening(
          net.createServer((socket) => {
            socket.on('error', () => {});
            socket.once('data', (request) => {
              const [, path] = request.toString().split(' ');
              if (path === '/garbage') socket.end(randomBytes(1000));
              else if (path === '/reset') socket.resetAndDestroy();
              else if (path === '/headers') socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(MEGABYTE)}\r\n\r\n`);
              else if (path === '/split') socket.end('HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 1\r\n\r\n1');
              else socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n');
            });
          }),
        );
        for (const path of ['garbage', 'reset', 'headers', 'split', 'chunks'])
          await get(alice, `http://127.0.0.1:${rude.port}/${path}`).catch(() => {});
        rude.server.close();

        const hello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), randomBytes(509)]);
        const bytes: (Uint8Array | string)[] = [
          ...[
            '',
            '\0',
            '\r\n\r\n',
            'GET',
            'GET / HTTP/9.9\r\n\r\n',
            'GET http:// HTTP/1.1\r\n\r\n',
            'FOO bar baz\r\n\r\n',
          ],
          ...[
            'GET http://[::1/ HTTP/1.1\r\n\r\n',
            'GET http://a:b/ HTTP/1.1\r\n\r\n',
            'GET ftp://localhost/ HTTP/1.1\r\n\r\n',
          ],
          `GET / HTTP/1.1\r\nx: ${'x'.repeat(MEGABYTE)}\r\n\r\n`,
          `GET http://localhost:${servers.plain.port}/ HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
          ...['CONNECT x HTTP/1.1\r\n\r\n', 'CONNECT localhost:99999 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n'],
          ...[
            'CONNECT :0 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n',
            'CONNECT localhost:a HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n',
          ],
          'CONNECT localhost:a HTTP/1.1\r\n\r\n\x01\x02\x03\x04',
          'CONNECT localhost:99999 HTTP/1.1\r\n\r\n\x01\x02\x03\x04',
          Buffer.concat([Buffer.from('CONNECT a_b:443 HTTP/1.1\r\n\r\n'), hello]),
          ...[hello, hello.subarray(0, 100), randomBytes(5000)],
          'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\0\0\0\0\0\0garbage garbage garbage',
          ...[
            Buffer.from([5, 1]),
            Buffer.from([5, 1, 9]),
            Buffer.from([5, 1, 0, 5, 9, 0, 9]),
            Buffer.from([4, 1, 0, 80, 127]),
          ],
          `GET / HTTP/1.1\r\nHost: 127.0.0.1:${alice}\r\nConnection: close\r\n\r\n`,
        ];
        for (const each of bytes) await raw(alice, each);

        const { status } = await get(alice, `https://localhost:${servers.secure.port}/after`);
        expect(status).toBe(200);
        const { state, detail } = await proxies.health();
        expect(state, detail).toBe('alive');
        // mitmproxy says nothing of requests that are not HTTP.
        expect(seen.all('http.aborted').length).toBeGreaterThan(name === 'mitmproxy' ? 4 : 10);
      });

      it('are healthy while they run, and have told all once they have stopped', async () => {
        await get(alice, `https://localhost:${servers.secure.port}/`);
        expect((await proxies.health()).state).toBe('alive');
        await Promise.all([proxies.stop(), proxies.stop()]);
        await proxies.stop();
        expect(await proxies.health()).toEqual({ state: 'lost', detail: 'the proxies were stopped' });
        expect(seen.all('vantage.lost')).toEqual([]);
        const late = net.connect(alice, '127.0.0.1');
        await expect(new Promise((_, reject) => late.once('error', reject))).rejects.toThrow('ECONNREFUSED');
      });
    });

    it('what the proxies tell makes a valid recording', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'keywitness-proxy-'));
      const writer = new RecordingWriter(folder, {
        ...{
          id: 'x',
          service: { name: 's', title: 's' },
          scenario: { name: 's', seconds: 0 },
          places: [],
          software: {},
        },
        vendor: {
          vendor: 'v',
          statements: [{ quote: 'q', source: 's', date: '2020-04-03', claims: [{ claim: 'c', params: {} }] }],
        },
        participants: [{ name: 'alice', card: 1, camera: true }],
      });
      const proxies = await start({
        participants: ['alice'],
        reach: 'loopback',
        trust: [servers.trusted],
        sink: writer,
      });
      const alice = proxies.port('alice');
      await get(alice, `https://localhost:${servers.secure.port}/`);
      await get(alice, 'http://example.com/');
      await get(alice, `http://127.0.0.1:${servers.plain.port}/`);
      await get(alice, `https://localhost:${servers.untrusted.port}/`).catch(() => {});
      const client = await openWebSocket(alice, `wss://localhost:${servers.secure.port}/`);
      await once(client, 'open');
      client.send('close');
      await once(client, 'close');
      await raw(alice, 'FOO bar baz\r\n\r\n');
      await proxies.stop();
      writer.finish({ vantagePoints: [], outcome: { connected: true } });
      const reader = new RecordingReader(folder);
      const types = new Set([...reader.events()].map(({ type }) => type));
      reader.close();
      rmSync(folder, { recursive: true });
      expect([...types].sort()).toEqual([
        ...['http.aborted', 'http.body', 'http.refused', 'http.request', 'http.response', 'tcp.peer', 'tls.peer'],
        ...['ws.closed', 'ws.message', 'ws.opened'],
      ]);
    });

    describe('where the proxies cannot start, one line says why', () => {
      const startWith = (options: Partial<ProxyOptions>) =>
        start({ participants: ['alice'], reach: 'loopback', sink: new Collected(), ...options });

      it('for a name that leads away from this machine', () =>
        expect(startWith({ hosts: { 'meet.test': '192.0.2.1' } })).rejects.toThrow(
          'the proxies cannot start: meet.test stands for 192.0.2.1, expected a loopback address',
        ));
      it('for a participant named twice', () =>
        expect(startWith({ participants: ['alice', 'alice'] })).rejects.toThrow('a participant is named twice'));
      it('for a certificate that is none', () =>
        expect(startWith({ trust: ['nonsense'] })).rejects.toThrow(/^the proxies cannot start: .*PEM.*$/));
      it('for a process that ends at once', async () => {
        const [variable, value, reason] = {
          mockttp: ['NODE_OPTIONS', '--no-such-option', /exit 9.*--no-such-option/],
          mitmproxy: ['KEYWITNESS_MITMDUMP', '/bin/false', /exit 1/],
        }[name] as [string, string, RegExp];
        vi.stubEnv(variable, value);
        const failed = startWith({}).catch((error: Error) => error.message);
        const message = await failed.finally(() => vi.unstubAllEnvs());
        expect(message).toMatch(/^the proxies cannot start: .*$/);
        expect(message).toMatch(reason);
      });
    });

    it('the proxies end when the process that started them is killed', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'keywitness-proxy-'));
      const script = join(folder, 'parent.mts');
      writeFileSync(
        script,
        `import { ENGINES } from ${JSON.stringify(new URL('./engines.ts', import.meta.url).href)};
     const proxies = await ENGINES[${JSON.stringify(name)}]({ participants: ['alice'], reach: 'loopback', sink: { append() {} } });
     console.log(proxies.port('alice'));`,
      );
      const parent = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const port = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
      const connection = net.connect(port, '127.0.0.1');
      await once(connection, 'connect');
      connection.on('error', () => {});
      parent.kill('SIGKILL');
      await once(connection.resume(), 'close');
      const knock = () =>
        new Promise<string>((resolve) => {
          const late = net.connect(port, '127.0.0.1', () => late.destroy());
          late.once('error', ({ message }) => resolve(message)).once('close', () => resolve('closed'));
        });
      // The end of a process takes its sockets one after the other.
      await expect.poll(knock).toContain('ECONNREFUSED');
      rmSync(folder, { recursive: true });
    });
  });
