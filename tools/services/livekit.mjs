/** The LiveKit server, a widely used SFU: built by Go, from the module proxy that Go is set up with. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inPath, isProgram } from './base/path.mjs';
import { place, run } from './base/place.mjs';
import { isAtLeast } from './base/version.mjs';

export const VERSION = 'v1.13.5';
const PACKAGE = 'github.com/livekit/livekit-server/cmd/server';
/** What `VERSION` asks for in its go.mod. */
const GO = '1.26';
/** ms for the build, which takes 2 to 10 minutes on two cores and downloads some 300 MB of modules. */
const BUILD_WITHIN = 30 * 60_000;

export const title = `LiveKit server ${VERSION}, built with Go ${GO} or newer`;

function built() {
  return join(place('livekit', VERSION), 'livekit-server');
}

/**
 * Ours, else a `livekit-server` on the PATH, of whatever version it says it is.
 * @returns {import('../setup.d.mts').Finding}
 */
export function find() {
  const name = 'livekit';
  const path = built();
  if (isProgram(path)) return { name, ok: true, path, from: VERSION };
  const other = inPath('livekit-server');
  if (other) {
    const { stdout } = spawnSync(other, ['--version'], { encoding: 'utf8', timeout: 5_000 });
    return { name, ok: true, path: other, from: ['PATH', stdout?.trim()].filter(Boolean).join(', ') };
  }
  return { name, ok: false, problem: 'livekit-server not found' };
}

/** @throws Error of one line. */
export async function install() {
  const path = built();
  if (isProgram(path)) return;
  const version = await run('go', ['env', 'GOVERSION'], { timeout: 60_000 }).catch((error) => {
    throw new Error(`building it needs Go ${GO} or newer: ${error.message}`);
  });
  if (!isAtLeast(version, GO)) throw new Error(`building it needs Go ${GO} or newer; this is ${version.trim()}`);
  mkdirSync(dirname(path), { recursive: true });
  // Built beside its place and moved there: whatever happens, there is a whole program or none.
  const folder = mkdtempSync(join(dirname(path), 'building-'));
  try {
    await run('go', ['install', '-p', '2', `${PACKAGE}@${VERSION}`], { timeout: BUILD_WITHIN, env: { GOBIN: folder } });
    const program = join(folder, 'server');
    if (!existsSync(program)) throw new Error(`go install left no program for ${PACKAGE}`);
    await run(program, ['--version'], { timeout: 60_000 });
    renameSync(program, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
