import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { find, install, VERSION } from './livekit.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keywitness-livekit-'));
  mkdirSync(join(folder, 'bin'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  // No Go that may be there.
  vi.stubEnv('PATH', join(folder, 'bin'));
  symlinkSync('/bin/chmod', join(folder, 'bin/chmod'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function program(path: string, script: string): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** A Go of this version whose `install` does what the script says. */
function go(version: string, script: string): void {
  program('bin/go', `case "$1" in env) echo ${version};; install) ${script};; esac`);
}

const BUILT = `echo '#!/bin/sh' >"$GOBIN/server"; chmod +x "$GOBIN/server"`;
const place = `keywitness/services/livekit/${VERSION}`;

describe('finding', () => {
  test('ours goes before one on the PATH', () => {
    expect(find()).toEqual({ name: 'livekit', ok: false, problem: 'livekit-server not found' });
    program('bin/livekit-server', 'echo livekit-server version 1.9.0');
    expect(find()).toMatchObject({
      ok: true,
      path: join(folder, 'bin/livekit-server'),
      from: 'PATH, livekit-server version 1.9.0',
    });
    program(`${place}/livekit-server`, '');
    expect(find()).toMatchObject({ ok: true, path: join(folder, place, 'livekit-server'), from: VERSION });
  });
});

describe('installing', () => {
  test('leaves the program and nothing else', async () => {
    go('go1.26.0', BUILT);
    await install();
    expect(find()).toMatchObject({ ok: true, from: VERSION });
    expect(readdirSync(join(folder, place))).toEqual(['livekit-server']);
  });

  test.each([
    ['the build fails', `${BUILT}; echo 'no required module' >&2; exit 1`, /no required module/],
    ['nothing is built', 'true', /left no program/],
    ['what is built does not run', `echo '#!/nowhere' >"$GOBIN/server"; chmod +x "$GOBIN/server"`, /server/],
  ])('leaves nothing where %s', async (_, script, message) => {
    go('go1.26.0', script);
    await expect(install()).rejects.toThrow(message);
    expect(find().ok).toBe(false);
    expect(readdirSync(join(folder, place))).toEqual([]);
  });

  test('says which Go it needs', async () => {
    await expect(install()).rejects.toThrow(/needs Go 1.26 or newer/);
    go('go1.19.8', BUILT);
    await expect(install()).rejects.toThrow('building it needs Go 1.26 or newer; this is go1.19.8');
  });
});
