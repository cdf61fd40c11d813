import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type DemoServer, serveDemos } from './demos.ts';

describe.skipIf(!existsSync('/usr/share/janus/demos/videoroomtest.html'))('the demo pages', () => {
  let server: DemoServer;
  let folder: string;
  let socket: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keywitness-demos-'));
    socket = join(folder, 'janus.sock');
    server = await serveDemos(socket);
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Unlike fetch, sends the path as it is. */
  const get = (path: string, method = 'GET') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const { hostname, port } = new URL(server.origin);
      const sent = request({ hostname, port, path, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      });
      sent.on('error', reject);
      sent.end();
    });

  test('are the installed ones, with the libraries that their links lead to', async () => {
    expect((await get('/videoroomtest.html?room=1')).body).toContain('<title>Janus WebRTC Server');
    expect((await get('/javascript/jquery/jquery.min.js')).body).toContain('jQuery');
  });

  test('find Janus where they come from, without any STUN server', async () => {
    const { body } = await get('/settings.js');
    expect(body).toContain("'ws://' + location.host + '/janus'");
    expect(body).toContain('iceServers = []');
  });

  test.each([
    ['/missing.html', 404],
    ['/', 404],
    ['/css', 404],
    ['/../../../../etc/passwd', 404],
    ['/..%2f..%2f..%2f..%2fetc%2fpasswd', 404],
    ['/..%2f..%2fdoc/janus/copyright', 404],
    ['/%00', 404],
    ['/%ff', 404],
    ['//', 404],
  ])('give away nothing else: %s', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  test('only answer to GET', async () => {
    expect((await get('/videoroomtest.html', 'POST')).status).toBe(405);
  });

  test('pass WebSockets to /janus on, and end them when they close', async () => {
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'janus-protocol' });
    const http = createServer();
    http.on('upgrade', (message, stream, head) =>
      sockets.handleUpgrade(message, stream as Socket, head, (ws) =>
        ws.on('message', (data) => ws.send(`echo ${data}`)),
      ),
    );
    await new Promise<void>((resolve) => http.listen(socket, resolve));
    const own = await serveDemos(socket);
    const client = new WebSocket(`${own.origin.replace('http', 'ws')}/janus`, 'janus-protocol');
    const answer = new Promise<string>((resolve) => client.on('message', (data) => resolve(String(data))));
    await new Promise((resolve) => client.on('open', resolve));
    client.send('hello');
    expect(await answer).toBe('echo hello');
    const closed = new Promise((resolve) => client.on('close', resolve));
    await own.close();
    await closed;
    await new Promise((resolve) => http.close(resolve));
  });

  test('refuse WebSockets to anywhere else, and where Janus is gone', async () => {
    for (const path of ['/other', '/janus']) {
      const client = new WebSocket(server.origin.replace('http', 'ws') + path);
      const error = await new Promise<Error>((resolve) => client.on('error', resolve));
      expect(error.message).toMatch(/hang up|ECONNRESET/);
    }
  });
});
