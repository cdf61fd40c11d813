/**
 * The second, independent engine: the real mitmproxy with an addon of ours (`addon.py`), one process for each participant.
 * It works with mitmproxy 8.1.1 (Debian 12) and with the current one; `tools/services/mitmproxy.mjs` finds and installs it.
 *
 * What it sees less than the embedded engine: informational answers (HTTP/1.1: it takes one for the final answer; HTTP/2: it
 * drops it), and requests that are not HTTP at all. Cipher suites of TLS 1.2 go by OpenSSL's names, not IANA's.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { find } from '../../../../tools/services/mitmproxy.mjs';
import { type ProxyProcess, startProcess } from '../process.ts';
import { cannotStart, type Proxies, type ProxyOptions, portOf, toldOptions } from '../proxies.ts';

/** The addon removes folders of this name only. */
const FOLDER = 'keywitness-mitmproxy-';
/** ms. */
const VERSION_WITHIN = 20_000;
/** What mitmproxy calls its CA's files: certificate and key, in several forms. */
const CA_FILES = /^mitmproxy-/;

/** mitmproxy, if it is there and runs. Takes a second. */
export function findMitmproxy(): { path: string; version: string } | undefined {
  const { path } = find();
  if (!path) return undefined;
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: VERSION_WITHIN });
  const version = /^Mitmproxy: (\S+)/m.exec(stdout ?? '')?.[1];
  return version === undefined ? undefined : { path, version };
}

/** See `StartProxies`. mitmproxy makes its CA in a folder of ours (mode 0700); the key is on disk only until all have started. */
export async function startMitmproxy(options: ProxyOptions): Promise<Proxies> {
  const told = toldOptions(options);
  const mitmdump = find();
  if (!mitmdump.ok) throw cannotStart(mitmdump.problem ?? 'mitmdump not found');
  const folder = mkdtempSync(join(tmpdir(), FOLDER));
  const trusted = join(folder, 'trusted.pem');
  const start = (participant: string) =>
    startProcess({
      command: mitmdump.path!,
      args: [
        ...['--quiet', '--mode', 'regular', '--listen-host', '127.0.0.1', '--listen-port', '0'],
        ...['--scripts', fileURLToPath(new URL('./addon.py', import.meta.url))],
        // Nothing of the user's own settings, and no pages of mitmproxy's own.
        ...['--set', `confdir=${folder}`, '--set', 'onboarding=false'],
        ...['--set', `ssl_verify_upstream_trusted_ca=${trusted}`],
        // Connects when there is a request to send, so that what is out of reach can be refused before.
        ...['--set', 'connection_strategy=lazy', '--set', 'upstream_cert=false'],
      ],
      env: { PYTHONDONTWRITEBYTECODE: '1' },
      detached: true,
      told: { ...told, participants: [participant] },
      sink: options.sink,
    });
  const processes: ProxyProcess[] = [];
  const stop = async () => {
    await Promise.all(processes.map((one) => one.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    writeFileSync(trusted, [...rootCertificates, ...told.trust].join('\n'));
    // The first makes the CA, the others read it.
    const [first, ...others] = told.participants;
    if (first !== undefined) processes.push(await start(first));
    const started = await Promise.allSettled(others.map(start));
    processes.push(...started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    const failed = started.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    const spki = processes[0]?.ready.spki ?? '';
    if (processes.some(({ ready }) => ready.spki !== spki)) throw cannotStart('they do not sign with the same CA');
    for (const name of readdirSync(folder)) if (CA_FILES.test(name)) rmSync(join(folder, name));

    const ports = Object.assign({}, ...processes.map(({ ready }) => ready.ports)) as Record<string, number>;
    return {
      spki,
      version: `mitmproxy ${processes[0]?.ready.version}`,
      port: (participant) => portOf(ports, participant),
      async health() {
        const all = await Promise.all(processes.map((one) => one.health()));
        const detail = told.participants
          .map((participant, index) => `${participant}: ${all[index]!.detail}`)
          .join('; ');
        const lost = all.find(({ state }) => state === 'lost');
        return lost
          ? { state: 'lost', detail: all.every((one) => one.detail === lost.detail) ? lost.detail : detail }
          : { state: 'alive', detail };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
