/** open-easyrtc, a mesh of browsers with a signalling server, and what its server needs: npm packages in a folder of their own. */
import { findPackages, installPackages } from './base/npm.mjs';
import { place } from './base/place.mjs';

/** For people: one line. */
export const title = 'open-easyrtc, a peer-to-peer mesh with its own demo pages: npm packages';

const PACKAGES = { 'open-easyrtc': '2.1.8', express: '4.22.1', 'socket.io': '4.8.4' };
const FOLDER = place('easyrtc', PACKAGES['open-easyrtc']);

/** Looks for it without changing anything; `path` is the folder that holds `node_modules`. @returns {import('../setup.d.mts').Finding} */
export function find() {
  return findPackages('easyrtc', FOLDER, PACKAGES);
}

/** Installs it, without running scripts of packages. @throws Error of one line. */
export async function install() {
  await installPackages(FOLDER, PACKAGES, find);
}
