/** Debian's Janus WebRTC server and its demo pages, an SFU. */
import { existsSync } from 'node:fs';
import { aptInstall } from './base/apt.mjs';

/** For people: one line. */
export const title = "the Janus WebRTC server with its demo pages: Debian's packages janus and janus-demos";

const FILES = { janus: '/usr/bin/janus', 'janus-demos': '/usr/share/janus/demos/videoroomtest.html' };

/** Looks for it without changing anything. @returns {import('../setup.d.mts').Finding} */
export function find() {
  const missing = Object.keys(FILES).filter((name) => !existsSync(FILES[name]));
  if (missing.length === 0) return { name: 'janus', ok: true, path: FILES.janus, from: 'system' };
  return { name: 'janus', ok: false, problem: `${missing.join(' and ')} not found` };
}

/**
 * Installs both with apt-get. Where systemd runs, the package also starts Janus as a service, which keywitness doesn't use:
 * `systemctl disable --now janus`.
 * @throws Error of one line.
 */
export async function install() {
  await aptInstall(Object.keys(FILES));
}
