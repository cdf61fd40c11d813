/** Synapse, Matrix's homeserver: PyPI's package in a virtual environment of its own. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isProgram } from './base/path.mjs';
import { place, run } from './base/place.mjs';

const VERSION = '1.163.2';
/** ms for pip, which downloads some 60 MB. */
const PIP_WITHIN = 10 * 60_000;
const PROGRAM = join(place('synapse', VERSION), 'bin', 'synapse_homeserver');

/** For people: one line. */
export const title = `Synapse ${VERSION}, Matrix's homeserver: PyPI's package, which needs Python 3.10 or newer`;

/** Looks for it without changing anything; `path` is its program. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const name = 'synapse';
  if (isProgram(PROGRAM)) return { name, ok: true, path: PROGRAM, from: VERSION };
  return { name, ok: false, problem: 'not installed' };
}

/** The environment is made in its place, since its programs name it. @throws Error of one line. */
export async function install() {
  if (find().ok) return;
  const folder = dirname(dirname(PROGRAM));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `matrix-synapse==${VERSION}`];
    await run(join(folder, 'bin', 'python3'), pip, { timeout: PIP_WITHIN });
    if (!find().ok) throw new Error('pip left no synapse_homeserver');
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
