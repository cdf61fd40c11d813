/** Debian's Janus WebRTC server as a child process, with a configuration of its own and no way in but a Unix socket. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { inFolder, type RunningProgram, startProgram } from '../../../base/program.ts';

const JANUS = '/usr/bin/janus';
/** ms until Janus must be up; it takes about 100. */
const START_WITHIN = 15_000;

export interface Janus extends RunningProgram {
  /** The Unix socket on which Janus speaks its WebSocket API (`janus-protocol`). */
  socket: string;
}

/** The plugin that Janus is to run, and nothing else. */
export type Plugin =
  | {
      name: 'videoroom';
      /** How many rooms there are, numbered from 1. */
      rooms: number;
      /** Participants that a room takes, with VP8 and Opus. */
      publishers: number;
      /** Whether the rooms refuse who doesn't say that its media is end-to-end encrypted. */
      requireE2ee?: boolean;
    }
  | { name: 'echotest' };

/**
 * Starts Janus.
 * @throws Error of one line: not installed, no usable network interface, or what Janus itself complained of.
 */
export async function startJanus(plugin: Plugin): Promise<Janus> {
  const modules = await findModules();
  const address = iceAddress();
  return inFolder('janus', async (folder) => {
    const socket = join(folder, 'janus.sock');
    await writeConfiguration({ folder, socket, modules, address, plugin });
    return { ...(await run(folder)), socket };
  });
}

/**
 * The address at which Janus takes part in ICE. It ignores interfaces that are loopback (`janus_ice_setup_local` in its
 * `ice.c`), so it has to be another one of this machine's. Media doesn't leave the machine for that: the kernel delivers
 * what is sent to an own address locally. IPv4 first; link-local addresses are of no use without a zone.
 * @throws Error where there is none.
 */
export function iceAddress(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string {
  const addresses = Object.values(interfaces)
    .flatMap((one) => one ?? [])
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab][0-9a-f]:)/i.test(address));
  const found = addresses.find(({ family }) => family === 'IPv4') ?? addresses[0];
  if (found) return found.address;
  throw new Error(
    'Janus needs a network interface other than loopback, and none is up with an address; one that leads nowhere will do: ' +
      '`ip link add keywitness0 type veth peer name keywitness1 && ip addr add 10.77.0.1/32 dev keywitness0 && ' +
      'ip link set keywitness0 up && ip link set keywitness1 up`',
  );
}

/** The folder of Debian's Janus modules, which has the architecture in its name. */
async function findModules(): Promise<string> {
  if (existsSync(JANUS))
    for (const triplet of await readdir('/usr/lib')) {
      const folder = join('/usr/lib', triplet, 'janus');
      if (existsSync(join(folder, 'plugins/libjanus_videoroom.so'))) return folder;
    }
  throw new Error("Janus isn't installed: install Debian's packages `janus` and `janus-demos`");
}

interface Configuration {
  folder: string;
  socket: string;
  modules: string;
  address: string;
  plugin: Plugin;
}

/** Janus reads libconfig files; its strings are quoted as JSON's are. */
async function writeConfiguration(options: Configuration): Promise<void> {
  const { folder, modules, address, plugin } = options;
  // Janus loads all modules of a folder and some open ports unasked, so it gets folders with just the two that it is to load.
  const [plugins, transports, none] = [join(folder, 'plugins'), join(folder, 'transports'), join(folder, 'none')];
  await Promise.all([plugins, transports, none].map((path) => mkdir(path)));
  await link(modules, folder, `plugins/libjanus_${plugin.name}.so`);
  await link(modules, folder, 'transports/libjanus_websockets.so');
  const q = JSON.stringify;
  await writeFile(
    join(folder, 'janus.jcfg'),
    `general: {
  configs_folder = ${q(folder)}
  plugins_folder = ${q(plugins)}
  transports_folder = ${q(transports)}
  events_folder = ${q(none)}
  loggers_folder = ${q(none)}
  debug_level = 4
}
media: { ipv6 = ${isIPv6(address)} }
nat: {
  full_trickle = true
  ignore_mdns = true
  ice_enforce_list = ${q(address)}
}
`,
  );
  await writeFile(
    join(folder, 'janus.transport.websockets.jcfg'),
    `general: { json = "compact", ws = true, ws_unix = ${q(options.socket)}, wss = false }
admin: { admin_ws = false, admin_wss = false }
`,
  );
  // The EchoTest has nothing to be configured.
  if (plugin.name === 'videoroom') await writeFile(join(folder, 'janus.plugin.videoroom.jcfg'), rooms(plugin));
}

function rooms({ rooms, publishers, requireE2ee = false }: Plugin & { name: 'videoroom' }): string {
  const room = (number: number) => `room-${number}: {
  description = "Room ${number}"
  publishers = ${publishers}
  bitrate = 1000000
  audiocodec = "opus"
  videocodec = "vp8"
  record = false
  require_e2ee = ${requireE2ee}
}
`;
  return Array.from({ length: rooms }, (_, index) => room(index + 1)).join('');
}

function link(from: string, to: string, name: string): Promise<void> {
  return symlink(join(from, name), join(to, name));
}

function run(folder: string): Promise<RunningProgram> {
  return startProgram({
    name: 'Janus',
    path: JANUS,
    args: ['--disable-colors', '-F', folder, '-C', join(folder, 'janus.jcfg')],
    startWithin: START_WITHIN,
    read: (line, output) => ({
      complaint: output === 'stderr' || /^\[(FATAL|ERR)\]/.test(line) ? line.trim() : undefined,
      ready: line.startsWith('Websockets server started') || undefined,
    }),
  });
}
