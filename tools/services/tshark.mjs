/** tshark, Wireshark's command line: decrypts captures of TLS for `keywitness import`, and reads what `keywitness export` wrote. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall } from './base/apt.mjs';

/** For people: one line. */
export const title = "tshark, Wireshark's command line: Debian's package tshark";

/** Looks for it on the PATH, as `keywitness import` does, without changing anything. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const folders = (process.env.PATH || '').split(delimiter).filter(Boolean);
  const path = folders.map((folder) => join(folder, 'tshark')).find(isProgram);
  if (path) return { name: 'tshark', ok: true, path, from: 'PATH' };
  return { name: 'tshark', ok: false, problem: 'tshark not found' };
}

/**
 * Installs it with apt-get. Debian's package asks nobody whether others than root may capture: they may not.
 * @throws Error of one line.
 */
export async function install() {
  await aptInstall(['tshark']);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
