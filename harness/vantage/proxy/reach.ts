/** What a run may reach: the names and addresses that stay on this machine. */
import { BlockList, isIP } from 'node:net';

/** `loopback`: only this machine; `anywhere`: no bounds. */
export type Reach = 'loopback' | 'anywhere';

/** 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1 (RFC 4291 section 2.5.3). */
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** A host as it stands in a URL or CONNECT, in one form: lower case, no brackets, no final dot. */
export function normalHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/** Whether a host is an address of this machine; names are not looked up, nor short forms as `127.1` read. */
export function isLoopbackAddress(host: string): boolean {
  const family = host.includes('%') ? 0 : isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Whether a name always means this machine: `localhost` and below it (RFC 6761 section 6.3). */
export function isLocalName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost');
}

/** Whether a host of a request is within a run's reach. `hosts` are the names that the run resolves itself. */
export function isReachable(host: string, reach: Reach, hosts: ReadonlyMap<string, string>): boolean {
  const name = normalHost(host);
  return reach === 'anywhere' || isLoopbackAddress(name) || isLocalName(name) || hosts.has(name);
}
