/** Packages of PyPI in virtual environments of their own. Needs Node, and Python with its modules venv and pip. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './place.mjs';

/** ms for pip, which downloads some 60 MB. */
const PIP_WITHIN = 10 * 60_000;

/**
 * Installs a package. The environment is made in its place, since its programs name it; pip puts the package there after all
 * that it needs.
 * @param {string} requirement `NAME==VERSION`
 * @param {string} program what it is installed for, `FOLDER/bin/NAME`; the folder is replaced
 * @param {() => unknown} check throws, or rejects, if the program is not what it should be
 * @throws Error of one line; nothing is left then.
 */
export async function installPackage(requirement, program, check) {
  const folder = dirname(dirname(program));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await run('python3', ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement];
    await run(join(folder, 'bin', 'python3'), pip, { timeout: PIP_WITHIN });
    await check();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
