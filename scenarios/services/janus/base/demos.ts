/** The web server for Debian's unmodified Janus demo pages; all that differs is `settings.js`, as their authors mean it to. */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { extname, join } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';

/** Where Debian's package `janus-demos` puts them. Links in it lead to JavaScript packages elsewhere in `SHARE`. */
const DEMOS = '/usr/share/janus/demos/';
const SHARE = '/usr/share/';

/** Read by all demo pages: where Janus is, and that there are no STUN or TURN servers. */
const SETTINGS = `var server = 'ws://' + location.host + '/janus';
var iceServers = [];
var token = null;
var apisecret = null;
`;

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

export interface DemoServer {
  /** `http://127.0.0.1:PORT`; a secure context for browsers, so that pages may use cameras. */
  origin: string;
  close(): Promise<void>;
}

/**
 * Serves the demo pages, and passes WebSocket connections to `/janus` on to Janus.
 * @param socket the Unix socket of Janus's WebSocket API.
 * @param more JavaScript at the end of `settings.js`, for a client that is to differ.
 * @throws Error of one line where the pages aren't installed.
 */
export async function serveDemos(socket: string, more = ''): Promise<DemoServer> {
  await stat(join(DEMOS, 'videoroomtest.html')).catch(() => {
    throw new Error("The Janus demo pages aren't installed: install Debian's package `janus-demos`");
  });
  const server = createServer((request, response) => {
    answer(request, response, SETTINGS + more).catch(() => response.destroy());
  });
  // A server forgets the connections that it upgraded, so closing it would leave them open.
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    if (request.url !== '/janus') {
      client.destroy();
      return;
    }
    const janus = connect(socket);
    for (const stream of [client, janus]) {
      upgraded.add(stream);
      stream.on('close', () => upgraded.delete(stream));
    }
    const headers = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2)
      headers.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}\r\n`);
    janus.write(`GET /janus HTTP/1.1\r\n${headers.join('')}\r\n`, 'latin1');
    janus.write(head);
    pipeline(client, janus, client, () => {
      client.destroy();
      janus.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const stream of upgraded) stream.destroy();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, settings: string): Promise<void> {
  const refuse = (status: number) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`);
  if (request.method !== 'GET') return void refuse(405);
  const path = pathOf(request.url ?? '');
  if (path === '/settings.js') return void response.setHeader('content-type', TYPES['.js']!).end(settings);
  const file = path === undefined ? undefined : await findFile(path);
  if (!file) return void refuse(404);
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
  pipeline(createReadStream(file), response, () => {});
}

/** The decoded path of a request target; none if it is malformed. */
function pathOf(target: string): string | undefined {
  try {
    return decodeURIComponent(new URL(target, 'http://127.0.0.1').pathname);
  } catch {
    return undefined;
  }
}

/** The file that a path means, links resolved; none if it is no file or lies elsewhere. */
async function findFile(path: string): Promise<string | undefined> {
  const named = join(DEMOS, path);
  if (!named.startsWith(DEMOS)) return undefined;
  try {
    const file = await realpath(named);
    return file.startsWith(SHARE) && (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}
