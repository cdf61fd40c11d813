/** Element Call's web client, as Element builds it for embedding: an npm package of static files. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { place, run } from './base/place.mjs';

const PACKAGE = '@element-hq/element-call-embedded';
const VERSION = '0.26.1';
const FOLDER = place('element-call', VERSION);
const INSTALLED = join(FOLDER, 'node_modules', PACKAGE);

/** For people: one line. */
export const title = `Element Call ${VERSION}, its web client: an npm package`;

/** Looks for it without changing anything; `path` is the folder that its `index.html` is in. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const name = 'element-call';
  const path = join(INSTALLED, 'dist');
  if (!existsSync(FOLDER)) return { name, ok: false, problem: 'not installed' };
  if (version() !== VERSION || !existsSync(join(path, 'index.html')))
    return { name, ok: false, problem: `${PACKAGE} ${VERSION} is missing in ${FOLDER}` };
  return { name, ok: true, path, from: 'npm' };
}

function version() {
  try {
    return JSON.parse(readFileSync(join(INSTALLED, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** Installs it, without running scripts of packages. @throws Error of one line. */
export async function install() {
  mkdirSync(dirname(FOLDER), { recursive: true });
  // Whoever looks sees all of it or nothing.
  const fresh = mkdtempSync(`${FOLDER}-`);
  try {
    writeFileSync(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: { [PACKAGE]: VERSION } }));
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: fresh });
    rmSync(FOLDER, { recursive: true, force: true });
    renameSync(fresh, FOLDER);
  } catch (error) {
    // Another installation may have been faster.
    if (!find().ok) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
