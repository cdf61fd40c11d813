/** What is the mitmproxy engine's own; what every engine has to do is in `../proxy.test.ts`. */
import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { find } from '../../../../tools/services/mitmproxy.mjs';
import { Collected, once, secureTunnel } from '../fixtures/traffic.ts';
import { startMitmproxy } from './engine.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const mitmproxy = find();
describe.skipIf(!mitmproxy.ok)(`mitmproxy${mitmproxy.ok ? '' : ` (${mitmproxy.problem})`}`, () => {
  let temp: string;
  beforeEach(() => {
    temp = mkdtempSync(join(tmpdir(), 'kw-'));
    vi.stubEnv('TMPDIR', temp);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(temp, { recursive: true, force: true });
  });

  it('signs with one CA for all participants, whose key is on disk no more once they have started', async () => {
    const participants = ['alice', 'bob', 'carol'];
    const proxies = await startMitmproxy({ participants, reach: 'loopback', sink: new Collected() });
    const [folder, ...others] = readdirSync(temp).filter((name) => name.startsWith('keywitness-'));
    expect(others).toEqual([]);
    expect(statSync(join(temp, folder!)).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(temp, folder!))).toEqual(['trusted.pem']);
    for (const participant of participants) {
      const socket = await secureTunnel(proxies.port(participant), new URL('https://localhost:1/'));
      const { publicKey } = new X509Certificate(socket.getPeerCertificate(true).raw);
      const spki = publicKey.export({ type: 'spki', format: 'der' });
      expect(createHash('sha256').update(spki).digest('base64')).toBe(proxies.spki);
      socket.destroy();
    }
    await proxies.stop();
    expect(readdirSync(temp).filter((name) => name.startsWith('keywitness-'))).toEqual([]);
  });

  it('tells of a proxy that was killed, for its participant alone', async () => {
    const seen = new Collected();
    const proxies = await startMitmproxy({ participants: ['alice', 'bob'], reach: 'loopback', sink: seen });
    process.kill(listenerOn(proxies.port('bob')), 'SIGKILL');
    expect(await seen.until('vantage.lost')).toMatchObject({
      participant: 'bob',
      reason: expect.stringContaining('SIGKILL'),
    });
    const { state, detail } = await proxies.health();
    expect([state, detail]).toEqual(['lost', expect.stringMatching(/^alice: 0 events; bob: .*SIGKILL/)]);
    await proxies.stop();
    expect(seen.all('vantage.lost')).toHaveLength(1);
  });

  it('leaves nothing behind when the process that started it is killed', async () => {
    const script = join(temp, 'parent.mts');
    writeFileSync(
      script,
      `import { startMitmproxy } from ${JSON.stringify(new URL('./engine.ts', import.meta.url).href)};
       const proxies = await startMitmproxy({ participants: ['alice', 'bob'], reach: 'loopback', sink: { append() {} } });
       console.log(proxies.port('bob'));`,
    );
    const parent = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
    const connection = net.connect(port, '127.0.0.1');
    await once(connection, 'connect');
    parent.kill('SIGKILL');
    await once(connection.on('error', () => {}).resume(), 'close');
    await expect.poll(() => readdirSync(temp).filter((name) => name.startsWith('keywitness-'))).toEqual([]);
  });
});

/** The process that listens on a port of 127.0.0.1, by `/proc` (proc(5)). */
function listenerOn(port: number): number {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  const inode = lines.map((line) => line.trim().split(/\s+/)).find(([, local]) => local === address)?.[9];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (files.includes(`socket:[${inode}]`)) return Number(pid);
    } catch {
      // It has ended, or is somebody else's.
    }
  throw new Error(`nobody listens on ${port}`);
}
