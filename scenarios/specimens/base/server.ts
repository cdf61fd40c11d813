/**
 * The server process of a specimen, started by `specimen.ts` with the specimen's name: its hosts, each with a certificate of
 * a fresh authority, on ports that the system picks.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Service } from '../../../harness/call/service.ts';
import type { ServerReport } from '../../base/forked.ts';
import { bundleClient } from './bundle.ts';
import { type Authority, createAuthority } from './certificates.ts';
import { serveMeetings } from './meetings.ts';
import { homePage, roomPage, securityPage } from './pages.ts';
import { type Host, hostName, type Ready, type Specimen } from './specimen.ts';

const MEET_ADDRESS = '127.0.0.1';
const MOST_BYTES = 1 << 16;
const HTML = 'text/html; charset=utf-8';

process.on('disconnect', () => process.exit());
if (!process.connected) process.exit();

try {
  report(await serve(process.argv[2]!));
} catch (error) {
  report({ type: 'failed', message: (error as Error).message });
}

function report(message: ServerReport<Ready>): void {
  process.send!(message);
}

async function serve(name: string): Promise<ServerReport<Ready>> {
  const { specimen, service }: { specimen: Specimen; service: Service } = await import(
    new URL(`../${name}.ts`, import.meta.url).href
  );
  const authority = await createAuthority(`Authority of specimen ${name}`);
  const hosts: Record<string, string> = {};
  const origins: Record<string, string> = {};

  for (const [label, host] of Object.entries(specimen.hosts ?? {})) {
    const server = await listen(authority, hostName(specimen, label), host.address);
    server.on('request', (request, response) => answerPost(host, request, response));
    hosts[hostName(specimen, label)] = host.address;
    origins[label] = originOf(hostName(specimen, label), server);
  }

  const meet = hostName(specimen, 'meet');
  const client = await bundleClient(name);
  const room = roomPage(specimen);
  const files = new Map([
    ...client,
    ['/', { type: HTML, content: homePage(specimen) }],
    ['/security', { type: HTML, content: securityPage(specimen, service.vendor) }],
  ]);
  const server = await listen(authority, meet, MEET_ADDRESS);
  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'https://meet.test');
    const file = pathname.startsWith('/room/') ? { type: HTML, content: room } : files.get(pathname);
    if (request.method !== 'GET' || !file) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': file.type }).end(file.content);
  });
  serveMeetings(server, specimen, (meeting) => specimen.config?.(meeting, origins) ?? {});
  hosts[meet] = MEET_ADDRESS;
  return { type: 'ready', origin: originOf(meet, server), hosts, trust: [authority.certificate] };
}

async function listen(authority: Authority, host: string, address: string): Promise<Server> {
  const server = createServer(await authority.issue(host));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve));
  return server;
}

function originOf(host: string, server: Server): string {
  return `https://${host}:${(server.address() as AddressInfo).port}`;
}

/** Serves the JSON of a further host to the pages of `meet`, i.e. to another origin (CORS, in the Fetch standard). */
async function answerPost(host: Host, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'content-type' };
  const handle = host.post[request.url ?? ''];
  if (!handle) return void response.writeHead(404).end();
  if (request.method === 'OPTIONS') return void response.writeHead(204, cors).end();
  try {
    let text = '';
    for await (const piece of request.setEncoding('utf8')) {
      text += piece;
      if (text.length > MOST_BYTES) throw new Error('the request is too long');
    }
    const reply = JSON.stringify(handle(JSON.parse(text)));
    response.writeHead(200, { ...cors, 'content-type': 'application/json' }).end(reply);
  } catch (error) {
    response.writeHead(400, cors).end((error as Error).message);
  }
}
