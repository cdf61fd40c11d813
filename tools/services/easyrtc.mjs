/** open-easyrtc, a mesh of browsers with a signalling server, and what its server needs: npm packages in a folder of their own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { place, run } from './base/place.mjs';

/** For people: one line. */
export const title = 'open-easyrtc, a peer-to-peer mesh with its own demo pages: npm packages';

const PACKAGES = { 'open-easyrtc': '2.1.8', express: '4.22.1', 'socket.io': '4.8.4' };
const FOLDER = place('easyrtc', PACKAGES['open-easyrtc']);

/** Looks for it without changing anything; `path` is the folder that holds `node_modules`. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const name = 'easyrtc';
  if (!existsSync(FOLDER)) return { name, ok: false, problem: 'not installed' };
  const other = Object.entries(PACKAGES).find(([one, version]) => versionOf(one) !== version);
  if (other) return { name, ok: false, problem: `${other.join(' ')} is missing in ${FOLDER}` };
  return { name, ok: true, path: FOLDER, from: 'npm' };
}

function versionOf(name) {
  try {
    return JSON.parse(readFileSync(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8')).version;
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
    writeFileSync(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }));
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
