/**
 * The process of the embedded engine, started by `proxy.ts`: one mockttp instance a participant, all on 127.0.0.1. Reads
 * its options as one line of JSON from stdin, then one line for each question (`process.ts`); ends when stdin does, so also
 * when its parent is killed.
 * Writes frames (`frames.ts`) to file descriptor 3. Those writes block: a parent that reads slowly slows down the traffic
 * itself instead of filling memory, and what was seen is handed over even if this process dies the next moment.
 */
import { AsyncResource } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import * as mockttp from 'mockttp';
import type { NewEvent } from '../../recording/format.ts';
import { encodeFrame, type Frame } from './frames.ts';
import type { ControlMessage } from './process.ts';
import type { ToldOptions } from './proxies.ts';
import { isReachable } from './reach.ts';
import { recordTraffic } from './recorder.ts';
import { servedParticipant, watchUpstream } from './upstream.ts';

const FRAMES = 3;
/** Frames up to this size (bytes) go out in one write. */
const ONE_WRITE = 64 * 1024;
/**
 * mockttp keeps bodies in memory up to this size (bytes) beside passing them on; nothing here reads them from there, since
 * larger ones are then silently empty. Not too small: what arrives before the request is routed must fit.
 */
const MOCKTTP_BODY_MEMORY = 1 << 20;
/** mockttp holds body data back for up to this long (ms), to tell of larger pieces (its CHUNK_BUFFER_INTERVAL_MS). */
const MOCKTTP_BATCH = 20;

let events = 0;
/** What went wrong inside without ending the process. */
const mishaps: string[] = [];
const servers: Server[] = [];
const clients = new Set<Socket>();

function write(frame: Frame): void {
  const buffers = encodeFrame(frame);
  const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  for (const buffer of size <= ONE_WRITE ? [Buffer.concat(buffers)] : buffers)
    for (let done = 0; done < buffer.length; ) {
      try {
        done += writeSync(FRAMES, buffer, done);
      } catch (error) {
        // The parent is gone.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(1);
      }
    }
}

function tell(message: ControlMessage): void {
  write({ value: message });
}

function emit(event: NewEvent): void {
  events++;
  const { body, ...value } = event as NewEvent & { body?: Uint8Array };
  write(body ? { value, body } : { value });
}

async function start({ participants, hosts, trust, reach }: ToldOptions): Promise<void> {
  const ownHosts = new Map(Object.entries(hosts));
  const isWithinReach = (host: string) => isReachable(host, reach, ownHosts);
  bindToLoopback();
  watchUpstream(reach, ownHosts, emit);

  const ca = await mockttp.generateCACertificate({
    subject: { commonName: 'keywitness run', organizationName: 'keywitness' },
  });
  const passThrough: mockttp.PassThroughStepConnectionOptions = {
    additionalTrustedCAs: trust.map((cert) => ({ cert })),
    // What the participant gets is what came from the server, or a broken connection; never words of the proxy.
    simulateConnectionErrors: true,
  };
  const outOfReach = Object.assign(new mockttp.matchers.WildcardMatcher(), {
    matches: (request?: mockttp.Request) => !isWithinReach(request!.destination.hostname),
  });
  const ports: Record<string, number> = {};
  for (const participant of participants)
    await servedParticipant.run(participant, async () => {
      const proxy = mockttp.getLocal({
        ...{ https: ca, http2: true, socks: true, passthrough: ['unknown-protocol'], cors: false },
        ...{ recordTraffic: false, suggestChanges: false, maxBodySize: MOCKTTP_BODY_MEMORY },
      });
      await proxy.start(0);
      await recordTraffic(proxy, participant, isWithinReach, emit);
      const { FixedResponseStep } = mockttp.requestSteps;
      await proxy.addRequestRules({ matchers: [outOfReach], steps: [new FixedResponseStep(403)] });
      await proxy.addWebSocketRules({
        matchers: [outOfReach],
        steps: [new mockttp.webSocketSteps.RejectWebSocketStep(403, 'Forbidden')],
      });
      await proxy.forUnmatchedRequest().thenPassThrough(passThrough);
      await proxy.forAnyWebSocket().asPriority(0).thenPassThrough(passThrough);
      ports[participant] = proxy.port;
    });
  tell({ control: 'ready', ports, spki: await mockttp.generateSPKIFingerprint(ca.cert) });
}

/** mockttp listens on all interfaces and has no option for another; a port alone means 127.0.0.1 here. */
function bindToLoopback(): void {
  const listen = Server.prototype.listen as (this: Server, ...args: unknown[]) => Server;
  Server.prototype.listen = function (this: Server, ...args: unknown[]): Server {
    if (typeof args[0] !== 'number' || args.length !== 1) return listen.apply(this, args);
    servers.push(this);
    this.prependListener('connection', (socket: Socket) => {
      // Node makes the socket outside of the context in which its server listens; bring it in.
      socket.emit = AsyncResource.bind(socket.emit.bind(socket) as () => boolean) as typeof socket.emit;
      clients.add(socket);
      socket.once('close', () => clients.delete(socket));
    });
    return listen.call(this, { port: args[0], host: '127.0.0.1' });
  } as typeof Server.prototype.listen;
}

/** Ends all connections, hands over what they still had to tell, and exits. */
async function stop(): Promise<void> {
  const closed = [...clients].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const server of servers) server.close();
  for (const socket of clients) socket.destroy();
  await Promise.all(closed);
  // Timers end in order: this one after the last of mockttp's. What they lead to is told a turn later.
  await delay(MOCKTTP_BATCH + 5);
  for (let i = 0; i < 4; i++) await turn();
  tell({ control: 'ended', events });
  process.exit(0);
}

process.on('uncaughtException', (error) => {
  mishaps.push(error.message);
  const participant = servedParticipant.getStore() ?? null;
  const exchange = `${participant ?? 'proxy'}-mishap-${mishaps.length}`;
  emit({ participant, vantage: 'proxy', type: 'http.aborted', exchange, reason: `in the proxy: ${error.message}` });
});
// An interrupt at the terminal reaches this process too; its parent decides when it ends.
process.on('SIGINT', () => {});

let started: Promise<void> | undefined;
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  if (started) return tell({ control: 'health', events, mishaps: mishaps.slice(-3), count: mishaps.length });
  started = start(JSON.parse(line) as ToldOptions).catch((error: Error) => {
    tell({ control: 'failed', reason: error.message });
    process.exit(1);
  });
});
input.on('close', () => void stop());
