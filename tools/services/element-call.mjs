/** Element Call's web client, as Element builds it for embedding: an npm package of static files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findPackages, installPackages } from './base/npm.mjs';
import { place } from './base/place.mjs';

const NAME = 'element-call';
const PACKAGE = '@element-hq/element-call-embedded';
const VERSION = '0.26.1';
const PACKAGES = { [PACKAGE]: VERSION };
const FOLDER = place(NAME, VERSION);

/** For people: one line. */
export const title = `Element Call ${VERSION}, its web client: an npm package`;

/** Looks for it without changing anything; `path` is the folder that its `index.html` is in. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const found = findPackages(NAME, FOLDER, PACKAGES);
  if (!found.ok) return found;
  const path = join(FOLDER, 'node_modules', PACKAGE, 'dist');
  if (existsSync(join(path, 'index.html'))) return { ...found, path };
  return { name: NAME, ok: false, problem: `the client of ${PACKAGE} ${VERSION} is missing in ${FOLDER}` };
}

/** Installs it, without running scripts of packages. @throws Error of one line. */
export async function install() {
  await installPackages(FOLDER, PACKAGES, find);
}
