import dns from 'node:dns';
import { type AddressInfo, connect, createServer } from 'node:net';
import { beforeAll, expect, it, vi } from 'vitest';
import type { NewEvent } from '../../recording/format.ts';
import { servedParticipant, watchUpstream } from './upstream.ts';

// The whole process is watched from here on: one file, one reach.
const system = vi.fn(dns.lookup);
const events: NewEvent[] = [];
beforeAll(() => {
  dns.lookup = system as unknown as typeof dns.lookup;
  watchUpstream('loopback', new Map([['meet.test', '127.0.0.3']]), (event) => events.push(event));
});

const lookup = (name: string, options: dns.LookupAllOptions = { all: true }) =>
  new Promise<string>((resolve) =>
    dns.lookup(name, options, (error, found) => resolve(error?.code ?? found.map((each) => each.address).join(' '))),
  );

it('resolves its own names and local ones itself, and nothing else', async () => {
  expect(await lookup('meet.test')).toBe('127.0.0.3');
  expect(await lookup('Meet.Test.')).toBe('127.0.0.3');
  expect(await lookup('a.localhost')).toBe('127.0.0.1 ::1');
  expect(await lookup('localhost', { all: true, family: 6 })).toBe('::1');
  expect(await lookup('example.com')).toBe('ENOTFOUND');
  expect(await new Promise((resolve) => dns.lookup('meet.test', {}, (_, address) => resolve(address)))).toBe(
    '127.0.0.3',
  );
  expect(system).not.toHaveBeenCalled();
  expect(await lookup('127.0.0.9')).toBe('127.0.0.9');
});

it('does not connect out of reach, and reports whom it met within', async () => {
  const refused = connect(80, '192.0.2.1');
  await expect(new Promise((_, reject) => refused.once('error', reject))).rejects.toThrow('192.0.2.1 is out of reach');

  await using server = createServer((socket) => socket.end()).listen(0, '127.0.0.3');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await servedParticipant.run('alice', async () => {
    const socket = connect(port, 'meet.test').resume();
    await new Promise((resolve) => socket.once('close', resolve));
  });
  expect(events).toEqual([
    { participant: 'alice', vantage: 'proxy', type: 'tcp.peer', host: 'meet.test', port, address: '127.0.0.3' },
  ]);
});
