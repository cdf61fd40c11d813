/** Packages of npm in a folder of their own, whose scripts are never run. Needs Node and npm alone. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './place.mjs';

/**
 * Looks for them without changing anything; `path` is the folder that holds `node_modules`.
 * @param {string} name of the service
 * @param {string} folder
 * @param {Record<string, string>} packages name to version
 * @returns {import('../../setup.d.mts').Finding}
 */
export function findPackages(name, folder, packages) {
  if (!existsSync(folder)) return { name, ok: false, problem: 'not installed' };
  const other = Object.entries(packages).find(([one, version]) => versionOf(folder, one) !== version);
  if (other) return { name, ok: false, problem: `${other.join(' ')} is missing in ${folder}` };
  return { name, ok: true, path: folder, from: 'npm' };
}

function versionOf(folder, name) {
  try {
    return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/**
 * Puts them, and what they need, in the place of whatever is in the folder.
 * @param {string} folder
 * @param {Record<string, string>} packages name to version
 * @param {() => { ok: boolean }} find says whether another installation was faster
 * @throws Error of one line.
 */
export async function installPackages(folder, packages, find) {
  mkdirSync(dirname(folder), { recursive: true });
  // Whoever looks sees all of it or nothing.
  const fresh = mkdtempSync(`${folder}-`);
  try {
    writeFileSync(join(fresh, 'package.json'), JSON.stringify({ private: true, dependencies: packages }));
    await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: fresh });
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } catch (error) {
    if (!find().ok) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}
