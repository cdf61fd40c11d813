/** mitmproxy, the second engine of the proxy vantage point: Debian's package, else PyPI's in a virtual environment. */
import { join } from 'node:path';
import { aptInstall } from './base/apt.mjs';
import { inPath, isProgram } from './base/path.mjs';
import { place, run } from './base/place.mjs';
import { installPackage } from './base/pypi.mjs';
import { isAtLeast } from './base/version.mjs';

/** The newest release that each Python takes, newest first. */
const RELEASES = [
  { version: '12.3.1', python: '3.12' },
  { version: '11.0.2', python: '3.10' },
];

export const title = "mitmproxy: Debian's package, or PyPI's in a virtual environment of its own";

function mitmdump(version) {
  return join(place('mitmproxy', version), 'bin', 'mitmdump');
}

/** The one that `KEYWITNESS_MITMDUMP` names, and no other if it is set; else ours; else a `mitmdump` on the PATH. */
export function find() {
  const name = 'mitmproxy';
  const from = 'KEYWITNESS_MITMDUMP';
  const named = process.env[from];
  if (named && isProgram(named)) return { name, ok: true, path: named, from };
  if (named) return { name, ok: false, from, problem: `${from} names no program: ${named}` };
  const own = RELEASES.find(({ version }) => isProgram(mitmdump(version)));
  if (own) return { name, ok: true, path: mitmdump(own.version), from: own.version };
  const path = inPath('mitmdump');
  if (path) return { name, ok: true, path, from: 'PATH' };
  return { name, ok: false, problem: 'mitmdump not found' };
}

/** @throws Error of one line, which says why neither way worked. */
export async function install() {
  if (find().ok) return;
  const byApt = await aptInstall(['mitmproxy']).then(
    () => (find().ok ? undefined : 'apt-get left no mitmdump'),
    (error) => error.message,
  );
  if (byApt === undefined) return;
  await installFromPypi().catch((error) => {
    throw new Error(`${byApt}; from PyPI: ${error.message}`);
  });
}

/** Into a virtual environment of its own, also where Debian's package is there. @throws Error of one line. */
export async function installFromPypi() {
  const text = await run('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], { timeout: 60_000 });
  const release = RELEASES.find(({ python }) => isAtLeast(text.trim(), python));
  if (!release) throw new Error(`it needs Python ${RELEASES.at(-1).python} or newer; this is ${text.trim()}`);
  const program = mitmdump(release.version);
  if (isProgram(program)) return;
  await installPackage(`mitmproxy==${release.version}`, program, () =>
    run(program, ['--version'], { timeout: 60_000 }),
  );
}
