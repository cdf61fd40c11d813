/**
 * Blocks of UDP ports, one for each participant's media: packets are told apart by their ports, so that what is recorded is the
 * call's, and nobody else's. A browser picks its ports by itself unless it is given a block.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** From `first` to `last`, both among them. */
export interface PortBlock {
  first: number;
  last: number;
}

/** Blocks that are kept free for us until they are let go. */
export interface ReservedPorts {
  blocks: PortBlock[];
  /** Port on 127.0.0.1, in no block, for marks. */
  marker: number;
  /** Sends one packet with this text from the marker's port to itself, so that it stands among the others. */
  mark(text: string): Promise<void>;
  release(): void;
}

/** Below what systems hand out by themselves: Linux's `ip_local_port_range` begins at 32768. */
const LOWEST = 16_384;
const HIGHEST = 32_767;
/** Ports in a block, with the one that reserves it: a browser takes some for each connection and network interface. */
const SIZE = 256;

/**
 * Reserves blocks, at least one, in which nobody on this machine has a port, by a socket of ours in each, which nothing reads.
 * @throws Error if there are not enough
 */
export async function reservePorts(count: number): Promise<ReservedPorts> {
  const sockets: Socket[] = [];
  const release = () => {
    for (const socket of sockets.splice(0)) socket.close();
  };
  const blocks: PortBlock[] = [];
  const taken = portsInUse();
  for (const start of shuffled()) {
    if (blocks.length === count) break;
    if (taken.some((port) => port >= start && port < start + SIZE)) continue;
    const socket = await bound(start);
    if (!socket) continue;
    sockets.push(socket);
    blocks.push({ first: start + 1, last: start + SIZE - 1 });
  }
  if (blocks.length < count) {
    release();
    throw new Error(`there are no ${count} blocks of ${SIZE} free UDP ports between ${LOWEST} and ${HIGHEST}`);
  }
  const socket = sockets[0]!;
  const marker = socket.address().port;
  const mark = (text: string) =>
    new Promise<void>((resolve, reject) =>
      socket.send(text, marker, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
    );
  return { blocks, marker, mark, release };
}

/** Linux's table of UDP sockets (proc(5), /proc/net/udp): addresses and ports in hex. Elsewhere none is known. */
function portsInUse(): number[] {
  return ['/proc/net/udp', '/proc/net/udp6'].flatMap((path) => {
    try {
      const rows = readFileSync(path, 'utf8').matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) /gm);
      return [...rows].map(([, port]) => Number.parseInt(port!, 16));
    } catch {
      return [];
    }
  });
}

/** Where blocks begin, in random order: runs that start at once then rarely want the same one. */
function shuffled(): number[] {
  const starts = Array.from({ length: Math.floor((HIGHEST + 1 - LOWEST) / SIZE) }, (_, index) => LOWEST + index * SIZE);
  return starts
    .map((start) => ({ start, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ start }) => start);
}

/** A socket on this port of loopback, or nothing if it is taken. */
async function bound(port: number): Promise<Socket | undefined> {
  const socket = createSocket('udp4').unref();
  socket.bind(port, '127.0.0.1');
  return once(socket, 'listening').then(
    () => socket,
    () => undefined,
  );
}
