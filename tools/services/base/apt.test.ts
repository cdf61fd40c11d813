import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { aptInstall } from './apt.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'apt-'));
  mkdirSync(join(folder, 'bin'));
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
  program('sudo', `[ "$1 $2" = "-n true" ] || { echo as root >> ${folder}/log; shift; exec "$@"; }`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}
const log = () => (existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8') : '');
const LOG = `echo "$@" | sed 's/-o [^ ]* //g' >> `;

test('the lists are updated first, and an update that fails is no reason not to try', async () => {
  vi.spyOn(process, 'getuid').mockReturnValue(0);
  program('apt-get', `${LOG}${folder}/log; case "$*" in *update) exit 100;; esac`);
  await aptInstall(['one', 'two']);
  expect(log()).toBe('-q update\n-q -y --no-install-recommends install one two\n');
});

test('who is not root goes by sudo, if it asks for no password', async () => {
  vi.spyOn(process, 'getuid').mockReturnValue(1000);
  program('apt-get', `${LOG}${folder}/log`);
  await aptInstall(['one']);
  expect(log()).toMatch(/^as root\n-q update\nas root\n.* install one\n$/);

  program('sudo', 'exit 1');
  rmSync(join(folder, 'log'));
  await expect(aptInstall(['one', 'two'])).rejects.toThrow(/needs root; run `apt-get install one two`/);
  expect(log()).toBe('');
});

test('what apt-get complains of is told in a line', async () => {
  vi.spyOn(process, 'getuid').mockReturnValue(0);
  program('apt-get', 'echo "E: Unable to locate package one" >&2; exit 100');
  await expect(aptInstall(['one'])).rejects.toThrow(/^[^\n]*Unable to locate package one$/);
  vi.stubEnv('PATH', join(folder, 'nowhere'));
  await expect(aptInstall(['one'])).rejects.toThrow(/apt-get isn't there/);
});
