/** Synapse, Matrix's homeserver: PyPI's package in a virtual environment of its own. */
import { join } from 'node:path';
import { isProgram } from './base/path.mjs';
import { place } from './base/place.mjs';
import { installPackage } from './base/pypi.mjs';

const VERSION = '1.163.2';
const PROGRAM = join(place('synapse', VERSION), 'bin', 'synapse_homeserver');

/** For people: one line. */
export const title = `Synapse ${VERSION}, Matrix's homeserver: PyPI's package, which needs Python 3.10 or newer`;

/** Looks for it without changing anything; `path` is its program. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const name = 'synapse';
  if (isProgram(PROGRAM)) return { name, ok: true, path: PROGRAM, from: VERSION };
  return { name, ok: false, problem: 'not installed' };
}

/** @throws Error of one line. */
export async function install() {
  if (find().ok) return;
  await installPackage(`matrix-synapse==${VERSION}`, PROGRAM, () => {
    if (!find().ok) throw new Error('pip left no synapse_homeserver');
  });
}
