/** The conferencing site around LiveKit: its page, LiveKit's own worker, and the tokens with which the page joins. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { z } from 'zod';
import type { Admission, Passphrase } from './protocol.ts';

const MOST_BYTES = 1 << 12;
const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

const name = z.string().regex(/^[a-z0-9-]{1,64}$/);
const request = z.strictObject({ meeting: name, participant: name });

export interface Site {
  /** `http://127.0.0.1:PORT`; a secure context for browsers, so that pages may use cameras. */
  origin: string;
  close(): Promise<void>;
}

/**
 * @param passphrase where the page has it from.
 * @param admit what someone who joins is answered.
 */
export async function serveSite(
  passphrase: Passphrase,
  admit: (meeting: string, participant: string) => Admission,
): Promise<Site> {
  const page = await bundlePage();
  const worker = readFileSync(createRequire(import.meta.url).resolve('livekit-client/e2ee-worker'));
  const server = createServer((message, response) => {
    answer(message, response).catch(() => response.destroy());
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(message.url ?? '/', 'http://site.test');
    const reply = (status: number, type: string, body: string | Buffer) =>
      void response.writeHead(status, { 'content-type': type }).end(body);
    if (message.method === 'POST' && pathname === '/join') {
      const asked = request.safeParse(parse(await read(message)));
      if (!asked.success) return reply(400, 'text/plain', 'expected {"meeting": NAME, "participant": NAME}');
      return reply(200, 'application/json', JSON.stringify(admit(asked.data.meeting, asked.data.participant)));
    }
    if (message.method === 'GET') {
      if (/^\/room\/[a-z0-9-]+$/.test(pathname)) return reply(200, HTML, document(passphrase));
      if (pathname === '/page.js') return reply(200, SCRIPT, page);
      if (pathname === '/worker.js') return reply(200, SCRIPT, worker);
    }
    reply(404, 'text/plain', 'not found');
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./client/page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
  });
  // Else the bundler's own process stays for as long as this one.
  await stop();
  return outputFiles[0]!.text;
}

async function read(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of message.setEncoding('utf8')) {
    text += piece;
    if (text.length > MOST_BYTES) return '';
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function document(passphrase: Passphrase): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>LiveKit meeting</title>
<link rel="icon" href="data:,">
<style>
body { font: 16px system-ui, sans-serif; margin: 1rem }
video { width: 320px; height: 180px; margin: 0 1rem 1rem 0; background: #222 }
</style>
<body data-state="ready" data-passphrase="${passphrase}">
<p id="status" role="status"></p>
<p><button id="join">Join</button> <button id="leave" hidden>Leave</button></p>
<div id="participants"></div>
<script src="/page.js"></script>
</body>
</html>
`;
}
