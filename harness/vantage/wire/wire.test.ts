import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Captured, readCapture } from '../../interchange/capture.ts';
import { datagramIn } from '../../interchange/datagrams.ts';
import { ByteSource } from '../../interchange/source.ts';
import type { NewEvent } from '../../recording/format.ts';
import { startCapture } from './dumpcap.ts';
import { whyNotCapture } from './fixtures/why-not.ts';
import { startWireVantage, type WireVantage } from './wire.ts';

const reason = await whyNotCapture();

/** Ends the dumpcap that writes this file, as if it crashed. */
function killDumpcap(path: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const command = (() => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      } catch {
        return [];
      }
    })();
    if (command[0] === 'dumpcap' && command.includes(path)) process.kill(Number(pid), 'SIGKILL');
  }
}

async function sendUdp(from: number, to: number, text: string, at = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(from, '127.0.0.1');
  await once(socket, 'listening');
  await new Promise((resolve) => socket.send(text, to, at, resolve));
  socket.close();
}

async function sendTcp(port: number, text: string): Promise<void> {
  const socket = createConnection(port, '127.0.0.1');
  socket.end(`GET /${text} HTTP/1.0\r\n\r\n`).resume();
  await once(socket, 'close');
}

function contents(path: string): Captured[] {
  const source = ByteSource.open(path);
  try {
    return [...readCapture(source)].map((item) => ({ ...item }));
  } finally {
    source.close();
  }
}

describe.skipIf(reason !== undefined)(`the wire vantage point${reason ? ` (${reason})` : ''}`, () => {
  let folder: string;
  let events: NewEvent[];
  let proxy: Server;
  let bystander: Server;
  let wire: WireVantage;
  const port = (server: Server) => (server.address() as AddressInfo).port;
  const path = () => join(folder, 'wire.pcapng');

  beforeAll(async () => {
    [proxy, bystander] = [createServer((_, response) => response.end()), createServer((_, response) => response.end())];
    for (const server of [proxy, bystander]) await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    proxy.close();
    bystander.close();
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'wire-test-'));
    events = [];
    wire = await startWireVantage({
      folder,
      participants: [{ name: 'alice', proxyPort: port(proxy) }],
      sink: { append: (event) => events.push(event) },
    });
  });
  afterEach(async () => {
    await wire.stop();
    rmSync(folder, { recursive: true });
  });

  it("records packets on a participant's ports, and nobody else's", async () => {
    const { first, last } = wire.browser('alice').udpPorts;
    await sendUdp(first, 9, 'sent by alice');
    await sendUdp(last + 2, last, 'sent to alice');
    await sendUdp(last + 2, last + 3, 'sent past alice');
    // No interface has this address: it stands for another machine's, which has the same ports.
    await sendUdp(last + 2, first + 9, 'sent elsewhere', '127.0.0.77');
    await sendTcp(port(proxy), 'through-the-proxy');
    await sendTcp(port(bystander), 'past-the-proxy');
    const health = await wire.health();
    const all = readFileSync(path());
    for (const text of ['sent by alice', 'sent to alice', 'through-the-proxy']) expect(all.includes(text)).toBe(true);
    for (const text of ['sent past alice', 'sent elsewhere', 'past-the-proxy']) expect(all.includes(text)).toBe(false);

    const found = contents(path());
    const packets = found.filter(({ kind }) => kind === 'packet').length;
    expect(health).toEqual({ state: 'alive', detail: `${packets} packets` });
    const datagrams = found.flatMap((item) => (item.kind === 'packet' && datagramIn(item.link, item.data)) || []);
    expect(datagrams.map(({ payload }) => Buffer.from(payload).toString())).toEqual([
      ...['sent by alice', 'sent to alice', 'keywitness: the call is over'],
    ]);
    expect(found).toContainEqual({
      kind: 'section',
      comments: [`alice: proxy on 127.0.0.1, TCP port ${port(proxy)}; media on UDP ports ${first} to ${last}`],
    });
    expect(events).toEqual([
      {
        ...{ participant: null, vantage: 'wire', type: 'wire.kept', file: 'wire.pcapng', packets, dropped: 0 },
        ...{ length: all.length, sha256: createHash('sha256').update(all).digest('hex') },
      },
    ]);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it("puts TLS's secrets before the packets, and keeps them nowhere else", async () => {
    const { udpPorts, keyLog } = wire.browser('alice');
    expect(statSync(keyLog).mode & 0o777).toBe(0o600);
    const line = `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`;
    appendFileSync(keyLog, line);
    await sendUdp(udpPorts.first, 9, 'x');
    expect(await wire.health()).toEqual({ state: 'alive', detail: '2 packets' });
    const found = contents(path());
    expect(found.map(({ kind }) => kind)).toEqual(['section', 'secrets', 'packet', 'packet']);
    const secrets = found.find((item) => item.kind === 'secrets');
    expect(Buffer.from(secrets!.data).toString()).toBe(line);
    expect(readdirSync(folder)).toEqual(['wire.pcapng']);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('is lost where it ends too early, and keeps what there is', async () => {
    const { udpPorts, keyLog } = wire.browser('alice');
    appendFileSync(keyLog, `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`);
    await sendUdp(udpPorts.first, 9, 'the only one');
    await vi.waitUntil(() => readFileSync(path()).includes('the only one'), { timeout: 10_000 });
    killDumpcap(path());
    await vi.waitUntil(() => events.some(({ type }) => type === 'vantage.lost'), { timeout: 10_000 });
    const { state, detail } = await wire.health();
    expect(state).toBe('lost');
    expect(detail).toMatch(/^dumpcap ended \((SIGKILL|exit code 137)\)/);
    expect(readFileSync(path()).includes('the only one')).toBe(true);
  });

  it('is lost where it saw nothing', async () => {
    // A port on which nobody ever spoke: connections to the other may still be closing.
    const own = mkdtempSync(join(folder, 'own-'));
    const participants = [{ name: 'alice', proxyPort: 1 }];
    const alone = await startWireVantage({ folder: own, participants, sink: { append() {} } });
    expect(await alone.health()).toEqual({ state: 'lost', detail: 'no packet of the call was seen (1 packets)' });
  });

  it('does not start where it cannot write, and leaves nothing behind', async () => {
    const participants = [{ name: 'alice', proxyPort: 1 }];
    const elsewhere = { folder: join(folder, 'nowhere'), participants, sink: { append() {} } };
    await expect(startWireVantage(elsewhere)).rejects.toThrow(/^the packets of the call can't be recorded: ENOENT/);
  });
});

describe.skipIf(reason !== undefined)('dumpcap', () => {
  it('says in a line why it does not capture', async () => {
    await expect(startCapture('/nonexistent/x.pcapng', 'udp', [])).rejects.toThrow(
      /^dumpcap ended \(exit code \d+\): The file .* could not be opened/,
    );
    await expect(startCapture('/nonexistent/x.pcapng', 'no filter', [])).rejects.toThrow(/Invalid capture filter/);
  });
});
