/** The LiveKit server as a child process, with a configuration of its own, on loopback alone. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { find } from '../../../../tools/services/livekit.mjs';

const ADDRESS = '127.0.0.1';
/** util-linux, which every Debian has. */
const SETPRIV = '/usr/bin/setpriv';
/** ms until LiveKit must be up; it takes about 100. */
const START_WITHIN = 15_000;
/** A free port may be taken by another before LiveKit has it. */
const ATTEMPTS = 3;

export interface LiveKit {
  /** Where clients connect: `ws://127.0.0.1:PORT`. */
  url: string;
  /** With which access tokens are signed. */
  key: ApiKey;
  pid: number;
  /** What it ended with, if it ended by itself. */
  ended(): string | undefined;
  /** Ends LiveKit and removes its folder. */
  stop(): Promise<void>;
}

export interface ApiKey {
  name: string;
  secret: string;
}

/** @throws Error of one line: not installed, or what LiveKit itself complained of. */
export async function startLiveKit(): Promise<LiveKit> {
  const { path } = find();
  if (!path) throw new Error("LiveKit isn't installed: node tools/services.mjs install livekit");
  if (!existsSync(SETPRIV)) throw new Error("setpriv is missing: install Debian's package `util-linux`");
  const folder = await mkdtemp(join(tmpdir(), 'keywitness-livekit-'));
  try {
    const key = { name: 'keywitness', secret: randomBytes(32).toString('hex') };
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const file = join(folder, 'livekit.yaml');
      await writeFile(file, configuration(port, key), { mode: 0o600 });
      try {
        const { pid, ended, stop } = await run(path, file);
        return {
          url: `ws://${ADDRESS}:${port}`,
          key,
          pid,
          ended,
          stop: () => stop().finally(() => removeFolder(folder)),
        };
      } catch (error) {
        if (attempt === ATTEMPTS || !(error as Error).message.includes('address already in use')) throw error;
      }
    }
  } catch (error) {
    await removeFolder(folder);
    throw error;
  }
}

/**
 * LiveKit's own names (its `config-sample.yaml`). Without `node_ip` and `use_ice_lite` it asks public STUN servers where it is
 * itself, and its port for ICE over TCP listens on every interface. JSON is YAML.
 */
function configuration(port: number, key: ApiKey): string {
  return JSON.stringify({
    port,
    bind_addresses: [ADDRESS],
    rtc: {
      node_ip: ADDRESS,
      use_ice_lite: true,
      use_external_ip: false,
      enable_loopback_candidate: true,
      ips: { includes: [`${ADDRESS}/32`] },
      tcp_port: 0,
      port_range_start: 50_000,
      port_range_end: 60_000,
    },
    keys: { [key.name]: key.secret },
    logging: { json: true, level: 'info' },
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function run(program: string, file: string): Promise<Pick<LiveKit, 'pid' | 'ended' | 'stop'>> {
  // setpriv becomes LiveKit, with the order that the kernel kill it when the thread that started it ends, however that ends.
  const child = spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', program, '--config', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its settings can also come from variables.
    env: { PATH: process.env.PATH },
  });
  const exited = once(child, 'close');
  exited.catch(() => {});
  let stopping = false;
  let complaint = '';
  const ended = () => {
    if (stopping || (child.exitCode === null && child.signalCode === null)) return undefined;
    return [`LiveKit ended (${child.signalCode ?? `exit code ${child.exitCode}`})`, complaint]
      .filter(Boolean)
      .join(': ');
  };
  const stop = async () => {
    stopping = true;
    // There is nothing that it would have to put in order, and its orderly end waits for participants.
    child.kill('SIGKILL');
    await exited;
  };
  const listening = new Promise<void>((resolve) => {
    for (const output of [child.stdout, child.stderr])
      createInterface({ input: output }).on('line', (line) => {
        complaint = complaintIn(line) ?? complaint;
        // It says so once its port is open.
        if (line.includes('"starting LiveKit server"')) resolve();
      });
  });
  const early = exited.then(() => Promise.reject(new Error(ended())));
  early.catch(() => {});
  const overdue = AbortSignal.timeout(START_WITHIN);
  const late = once(overdue, 'abort').then(() =>
    Promise.reject(new Error(`LiveKit isn't up after ${START_WITHIN} ms`)),
  );
  late.catch(() => {});
  try {
    await Promise.race([listening, early, late]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid!, ended, stop };
}

/** Its log is JSON, a line an event; what it ends with (its exit code is 0 even then) is a line of plain text. */
function complaintIn(line: string): string | undefined {
  try {
    const { level, msg, error } = JSON.parse(line) as { level?: string; msg?: string; error?: string };
    return level === 'error' || level === 'fatal' ? [msg, error].filter(Boolean).join(': ') : undefined;
  } catch {
    return line.trim() || undefined;
  }
}

function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
