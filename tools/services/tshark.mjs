/** tshark, Wireshark's command line: decrypts captures of TLS for `keywitness import`, and reads what `keywitness export` wrote. */
import { aptInstall } from './base/apt.mjs';
import { inPath } from './base/path.mjs';

/** For people: one line. */
export const title = "tshark, Wireshark's command line: Debian's package tshark";

/** Looks for it on the PATH, as `keywitness import` does, without changing anything. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const path = inPath('tshark');
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
