/** Element Call's site: its unmodified files, its `config.json`, and the service that gives out tokens for LiveKit. */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { pipeline } from 'node:stream';
import { find } from '../../../../tools/services/element-call.mjs';
import type { Answer } from './token-service.ts';

const MOST_BYTES = 1 << 14;
/** Below which the token service is, as Element's guide has it (docs/self-hosting.md). */
const TOKEN_SERVICE = '/livekit/jwt';

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

export interface Site {
  /** `http://127.0.0.1:PORT`; a secure context for browsers, so that pages may use cameras. */
  origin: string;
  /** Where clients get tokens for LiveKit; they add `/sfu/get`. */
  tokenService: string;
  close(): Promise<void>;
}

/** What the site needs of others, which may start after it. */
export interface SiteOptions {
  /** `config.json` for Element Call; its fields are in Element Call's src/config/ConfigOptions.ts. */
  config(): unknown;
  /** Answers a request for a token, given its parsed body. */
  exchangeToken(asked: unknown): Promise<Answer>;
}

/** @throws Error of one line where Element Call isn't installed. */
export async function serveSite({ config, exchangeToken }: SiteOptions): Promise<Site> {
  const { path: folder } = find();
  if (!folder) throw new Error("Element Call isn't installed: node tools/services.mjs install element-call");
  const assets = new Set(await readdir(join(folder, 'assets')));
  const server = createServer((message, response) => {
    answer(message, response).catch(() => response.destroy());
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(message.url ?? '/', 'http://site.test');
    const json = (status: number, body: unknown) =>
      void response.writeHead(status, { 'content-type': TYPES['.json'] }).end(JSON.stringify(body));
    const file = (path: string) => {
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      pipeline(createReadStream(join(folder!, path)), response, () => {});
    };
    if (message.method === 'POST' && pathname === `${TOKEN_SERVICE}/sfu/get`) {
      const { status, body } = await exchangeToken(parse(await read(message)));
      return json(status, body);
    }
    if (message.method === 'GET') {
      const asset = /^\/assets\/([^/]+)$/.exec(pathname)?.[1];
      if (asset && assets.has(asset)) return file(join('assets', asset));
      if (pathname === '/config.json') return json(200, config());
      // The client does its own routing.
      if (['/', '/login', '/room'].includes(pathname)) return file('index.html');
    }
    json(404, { errcode: 'M_NOT_FOUND', error: 'not found' });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    tokenService: origin + TOKEN_SERVICE,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The body of a request; nothing where it is too long, all of which is read so that the answer arrives. */
async function read(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of message.setEncoding('utf8')) if (text.length <= MOST_BYTES) text += piece;
  return text.length <= MOST_BYTES ? text : '';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
