/**
 * The `proxy` vantage point: an intercepting proxy for each participant, which records what crosses between the
 * participant's browser and everything else. The engines that can do this are in `engines.ts`; this is what each gives, and
 * all that the rest knows of them. Proxies run in processes of their own (`process.ts`), so that a busy test does not slow
 * them down nor a fault in one end the other.
 *
 * Recorded: HTTP/1.1, HTTP/2, WebSockets and other tunnels, over TLS or not, through CONNECT, absolute URLs or SOCKS on
 * the same port; bodies as they cross, content-encoded, however large. Not recorded: HTTP trailers. A browser behind a
 * proxy uses neither HTTP/3 nor WebTransport (they fail or fall back), and sends WebRTC's UDP past it.
 */
import { X509Certificate } from 'node:crypto';
import type { EventSink } from '../../recording/format.ts';
import { isLoopbackAddress, normalHost, type Reach } from './reach.ts';

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
  /** Whether the proxies answer and all they saw has arrived. Never rejects. */
  health(): Promise<{ state: 'alive' | 'lost'; detail: string }>;
  /** Ends the proxies, after all that they saw has gone to the sink. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a proxy for each participant. The CA is made for this run; its key doesn't outlive it.
 * @throws Error with one line, `the proxies cannot start: ...`.
 */
export type StartProxies = (options: ProxyOptions) => Promise<Proxies>;

/** What a proxy process is told, as one line of JSON. */
export type ToldOptions = Required<Omit<ProxyOptions, 'sink'>>;

/**
 * The options that a process is told, with hosts in normal form.
 * @throws Error with one line if no engine could start with them.
 */
export function toldOptions({ participants, hosts = {}, trust = [], reach }: ProxyOptions): ToldOptions {
  if (new Set(participants).size !== participants.length)
    throw cannotStart(`a participant is named twice in ${participants.join(', ')}`);
  for (const [name, address] of Object.entries(hosts))
    if (!isLoopbackAddress(address)) throw cannotStart(`${name} stands for ${address}, expected a loopback address`);
  try {
    for (const pem of trust) new X509Certificate(pem);
  } catch (error) {
    throw cannotStart((error as Error).message);
  }
  const normal = Object.entries(hosts).map(([name, address]) => [normalHost(name), address]);
  return { participants, trust, reach, hosts: Object.fromEntries(normal) };
}

export function cannotStart(reason: string): Error {
  return new Error(`the proxies cannot start: ${reason}`);
}

/** The port of a participant among `ports`. @throws Error if there is none. */
export function portOf(ports: Record<string, number>, participant: string): number {
  const port = ports[participant];
  if (port === undefined) throw new Error(`${participant} has no proxy; there are ${Object.keys(ports).join(', ')}`);
  return port;
}
