/**
 * The proxy process's connections to servers. All of them, TLS or not, HTTP/1.1 or HTTP/2, begin in
 * `net.Socket.prototype.connect`; from there this file keeps them within the run's reach and reports whom they met.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { X509Certificate } from 'node:crypto';
import dns from 'node:dns';
import { isIP, isIPv6, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { NewEvent } from '../../recording/format.ts';
import { isLocalName, isReachable, normalHost, type Reach } from './reach.ts';

/**
 * For whom the running code works. A proxy that starts to listen within `run(participant, ...)` hands this down to all
 * that comes of its connections.
 */
export const servedParticipant = new AsyncLocalStorage<string>();

/** Why the last connection to `host:port` failed; gone once one succeeds. */
const failures = new Map<string, string>();

/** Why the last connection to a server failed, if it did. */
export function upstreamFailure(host: string, port: number): string | undefined {
  return failures.get(`${normalHost(host)}:${port}`);
}

/**
 * From now on, for the whole process: `hosts` and local names resolve without DNS, what is out of `reach` is neither
 * looked up nor connected to, and each connection is reported as `tls.peer` or `tcp.peer`.
 */
export function watchUpstream(
  reach: Reach,
  hosts: ReadonlyMap<string, string>,
  emit: (event: NewEvent<'tls.peer' | 'tcp.peer'>) => void,
): void {
  const lookup = dns.lookup;
  type Found = (error: Error | null, address?: string | dns.LookupAddress[], family?: number) => void;
  const ownLookup = (name: string, options: dns.LookupOptions | number | Found, callback?: Found) => {
    const host = normalHost(name);
    const own = hosts.get(host);
    const local = own ? [own] : isLocalName(host) ? ['127.0.0.1', '::1'] : undefined;
    // An address is its own answer, without DNS.
    if (!local && (reach === 'anywhere' || isIP(host))) return lookup(name, options as never, callback as never);
    const done = typeof options === 'function' ? options : callback!;
    const { all, family } =
      typeof options === 'object' ? options : { family: typeof options === 'number' ? options : 0, all: false };
    const error = Object.assign(new Error(`${name} is out of reach`), { code: 'ENOTFOUND', hostname: name });
    const addresses = (local ?? []).map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
    const wanted = addresses.find((each) => each.family === Number(String(family).replace('IPv', ''))) ?? addresses[0];
    process.nextTick(() => {
      if (!wanted) done(error);
      else if (all) done(null, own || !family ? addresses : [wanted]);
      else done(null, wanted.address, wanted.family);
    });
  };
  dns.lookup = ownLookup as unknown as typeof dns.lookup;

  const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
    const { host, port } = destination(args);
    if (!isReachable(host, reach, hosts)) {
      process.nextTick(() => this.destroy(new Error(`${host} is out of reach`)));
      return this;
    }
    const common = { participant: servedParticipant.getStore() ?? null, vantage: 'proxy', host, port } as const;
    const key = `${normalHost(host)}:${port}`;
    const failed = (error: Error) => failures.set(key, error.message);
    const succeeded = () => {
      this.off('error', failed);
      failures.delete(key);
    };
    this.once('error', failed);
    if (this instanceof TLSSocket)
      // This listener stands before the one of tls.connect, which judges the certificate and drops the connection if it is
      // not trusted: read the handshake first, the judgement right after.
      this.once('secure', () => {
        const handshake = readHandshake(this);
        process.nextTick(() => {
          if (this.authorized) succeeded();
          emit({ ...common, type: 'tls.peer', ...handshake, authorized: this.authorized });
        });
      });
    else
      this.once('connect', () => {
        succeeded();
        emit({ ...common, type: 'tcp.peer', address: this.remoteAddress ?? '' });
      });
    return connect.apply(this, args);
  } as typeof Socket.prototype.connect;
}

function readHandshake(socket: TLSSocket) {
  // getPeerX509Certificate would leave none for Node's own check of the host name (seen with Node 20.20).
  const { raw } = socket.getPeerCertificate(true);
  const certificate = raw && new X509Certificate(raw);
  return {
    address: socket.remoteAddress ?? '',
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().standardName,
    ...(socket.alpnProtocol ? { alpn: socket.alpnProtocol } : {}),
    ...(certificate
      ? {
          certificate: {
            subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
            issuer: certificate.issuer?.replaceAll('\n', ', ') ?? '',
            sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
            validTo: new Date(certificate.validTo).toISOString(),
          },
        }
      : {}),
  };
}

/** The arguments of `socket.connect`: `(port, host?)`, `({ port, host })`, or the pair `[options, callback]`. */
function destination(args: unknown[]): { host: string; port: number } {
  const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0];
  const { host, port } =
    typeof first === 'object' && first !== null
      ? (first as { host?: string; port?: number | string })
      : { host: args[1], port: first };
  return { host: typeof host === 'string' && host !== '' ? host : 'localhost', port: Number(port) };
}
