/**
 * The `proxy` vantage point: an intercepting proxy for each participant, which records what crosses between the
 * participant's browser and everything else. All proxies of a run share one process of their own, so that a busy test
 * does not slow them down nor a fault in one end the other.
 *
 * Recorded: HTTP/1.1, HTTP/2, WebSockets and other tunnels, over TLS or not, through CONNECT, absolute URLs or SOCKS on
 * the same port; bodies as they cross, content-encoded, however large. Not recorded: HTTP trailers. A browser behind a
 * proxy uses neither HTTP/3 nor WebTransport (they fail or fall back), and sends WebRTC's UDP past it.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { EventSink, NewEvent } from '../../recording/format.ts';
import { FrameDecoder } from './frames.ts';
import { isLoopbackAddress, normalHost, type Reach } from './reach.ts';

/** How long (ms) the process may take to end by itself, and to answer. */
const PATIENCE = 10_000;
/** How much (characters) of the process's last words is kept for error messages. */
const LAST_WORDS = 4096;

export interface ProxyOptions {
  /** Names of the participants, one proxy each. */
  participants: string[];
  /** Names that the proxies resolve themselves, each to a loopback address. */
  hosts?: Record<string, string>;
  /** PEM certificates that are trusted upstream beside Node's own. */
  trust?: string[];
  /**
   * `loopback`: whatever asks for more than this machine and `hosts` is answered 403, recorded as `http.refused`, and
   * neither looked up nor connected to. `anywhere`: nothing is refused.
   */
  reach: Reach;
  sink: EventSink;
}

/** Proxies that run. */
export interface Proxies {
  /** The port on 127.0.0.1 of a participant's proxy, for HTTP and SOCKS. @throws Error if there is no such participant. */
  port(participant: string): number;
  /** Base64 SHA-256 of the SubjectPublicKeyInfo of the CA that signs for all hosts; Chromium: `--ignore-certificate-errors-spki-list`. */
  spki: string;
  /** Name and version of the engine. */
  version: string;
  /** Whether the process answers and all it saw has arrived. Never rejects. */
  health(): Promise<{ state: 'alive' | 'lost'; detail: string }>;
  /** Ends the process, after all that it saw has gone to the sink. May be called again. */
  stop(): Promise<void>;
}

/** What the process is told, as one line of JSON. */
export type ChildOptions = Required<Omit<ProxyOptions, 'sink'>>;
/** What the process says beside events. */
export type ControlMessage =
  | { control: 'ready'; ports: Record<string, number>; spki: string }
  | { control: 'failed'; reason: string }
  | { control: 'health'; events: number; count: number; mishaps: string[] }
  | { control: 'ended'; events: number };

/**
 * Starts a proxy for each participant. The CA is made for this run, in the memory of the proxies' process; its key never
 * leaves it.
 * @throws Error with one line that says why the proxies cannot start.
 */
export async function startProxies(options: ProxyOptions): Promise<Proxies> {
  const { participants, hosts = {}, trust = [], reach, sink } = options;
  if (new Set(participants).size !== participants.length)
    throw new Error(`the proxies cannot start: a participant is named twice in ${participants.join(', ')}`);
  for (const [name, address] of Object.entries(hosts))
    if (!isLoopbackAddress(address))
      throw new Error(`the proxies cannot start: ${name} stands for ${address}, expected a loopback address`);

  const require = createRequire(import.meta.url);
  const child = spawn(
    process.execPath,
    ['--import', pathToFileURL(require.resolve('tsx')).href, fileURLToPath(new URL('./child.ts', import.meta.url))],
    { stdio: ['pipe', 'ignore', 'pipe', 'pipe'] },
  );
  const [input, errors, frames] = child.stdio.filter((_, fd) => fd !== 1) as unknown as [Writable, Readable, Readable];
  let received = 0;
  let lastWords = '';
  let lost: string | undefined;
  let stopping = false;
  let ended: Extract<ControlMessage, { control: 'ended' }> | undefined;
  const waiting: ((message: ControlMessage | undefined) => void)[] = [];
  const next = () => new Promise<ControlMessage | undefined>((resolve) => waiting.push(resolve));

  const closed = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      lost ??= error.message;
    });
    child.on('close', (code, signal) => {
      lost ??=
        stopping && ended ? 'the proxies were stopped' : `the proxies' process ended (${signal ?? `exit ${code}`})`;
      for (const resolveNext of waiting.splice(0)) resolveNext(undefined);
      resolve();
    });
  });
  // The process may be gone before it reads.
  input.on('error', () => {});
  errors.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  const decoder = new FrameDecoder();
  frames.on('data', (piece: Uint8Array) => {
    try {
      for (const { value, body } of decoder.push(piece)) {
        if (isControl(value)) {
          if (value.control === 'ended') ended = value;
          else waiting.shift()?.(value);
          continue;
        }
        received++;
        sink.append((body ? { ...(value as object), body } : value) as NewEvent);
      }
    } catch (error) {
      lost ??= `what the proxies saw could not be recorded: ${(error as Error).message}`;
      child.kill('SIGKILL');
    }
  });

  const hello = next();
  const told: ChildOptions = {
    ...{ participants, trust, reach },
    hosts: Object.fromEntries(Object.entries(hosts).map(([name, address]) => [normalHost(name), address])),
  };
  input.write(`${JSON.stringify(told)}\n`);
  const ready = await hello;
  if (ready?.control !== 'ready') {
    await closed;
    const reason = ready?.control === 'failed' ? ready.reason : [lost, firstLine(lastWords)].filter(Boolean).join(': ');
    throw new Error(`the proxies cannot start: ${reason}`);
  }

  closed.then(() => {
    if (stopping) return;
    for (const participant of participants)
      sink.append({ participant, vantage: 'proxy', type: 'vantage.lost', reason: lost! });
  });

  return {
    spki: ready.spki,
    version: `mockttp ${(JSON.parse(readFileSync(require.resolve('mockttp').replace(/dist.*/, 'package.json'), 'utf8')) as { version: string }).version}`,
    port(participant) {
      const port = ready.ports[participant];
      if (port === undefined) throw new Error(`${participant} has no proxy; there are ${participants.join(', ')}`);
      return port;
    },
    async health() {
      if (lost) return { state: 'lost', detail: lost };
      const answer = next();
      input.write('health\n');
      const message = await within(PATIENCE, answer);
      if (lost) return { state: 'lost', detail: lost };
      if (message?.control !== 'health') return { state: 'lost', detail: "the proxies' process does not answer" };
      if (message.events !== received)
        return { state: 'lost', detail: `${received} events arrived of the ${message.events} that the proxies saw` };
      const mishaps = message.count ? `; ${message.count} faults survived, at last: ${message.mishaps.join('; ')}` : '';
      return { state: 'alive', detail: `${received} events${mishaps}` };
    },
    async stop() {
      stopping = true;
      input.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await closed;
      clearTimeout(timer);
    },
  };
}

function isControl(value: unknown): value is ControlMessage {
  return typeof value === 'object' && value !== null && 'control' in value;
}

/** The line of an error report that says what is wrong. */
function firstLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error|not allowed/i.test(line)) ?? lines[0] ?? '').trim();
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
