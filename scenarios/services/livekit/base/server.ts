/** The LiveKit server as a child process, with a configuration of its own, on loopback alone. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { find } from '../../../../tools/services/livekit.mjs';
import { inFolder, type RunningProgram, startProgram } from '../../../base/program.ts';

const ADDRESS = '127.0.0.1';
/** ms until LiveKit must be up; it takes about 100. */
const START_WITHIN = 15_000;
/** A free port may be taken by another before LiveKit has it. */
const ATTEMPTS = 3;

export interface LiveKit extends RunningProgram {
  /** Where clients connect: `ws://127.0.0.1:PORT`. */
  url: string;
  /** With which access tokens are signed. */
  key: ApiKey;
}

export interface ApiKey {
  name: string;
  secret: string;
}

/** @throws Error of one line: not installed, or what LiveKit itself complained of. */
export async function startLiveKit(): Promise<LiveKit> {
  const { path } = find();
  if (!path) throw new Error("LiveKit isn't installed: node tools/services.mjs install livekit");
  const key = { name: 'keywitness', secret: randomBytes(32).toString('hex') };
  return inFolder('livekit', async (folder) => {
    const file = join(folder, 'livekit.yaml');
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      await writeFile(file, configuration(port, key), { mode: 0o600 });
      try {
        return { ...(await run(path, file)), url: `ws://${ADDRESS}:${port}`, key };
      } catch (error) {
        if (attempt === ATTEMPTS || !(error as Error).message.includes('address already in use')) throw error;
      }
    }
  });
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

function run(path: string, file: string): Promise<RunningProgram> {
  return startProgram({
    name: 'LiveKit',
    path,
    args: ['--config', file],
    // Its settings can also come from variables.
    env: { PATH: process.env.PATH },
    startWithin: START_WITHIN,
    // It says so once its port is open.
    read: (line) => ({ complaint: complaintIn(line), ready: line.includes('"starting LiveKit server"') || undefined }),
  });
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
