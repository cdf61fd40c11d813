import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from './setup.mjs';

/** A machine of its own: a project with nothing installed, an empty PATH but for what a test puts there, and a log of all calls. */
let machine: string;
beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'keywitness-setup-'));
  write('project/package.json', '{"engines": {"node": ">=20.19"}}');
  write('project/package-lock.json', lock({ 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } }));
  mkdirSync(join(machine, 'bin'), { recursive: true });
  mkdirSync(join(machine, 'project/tools/services'), { recursive: true });
  for (const file of ['setup.mjs', 'services.mjs'])
    copyFileSync(fileURLToPath(new URL(file, import.meta.url)), join(machine, 'project/tools', file));
  for (const tool of ['env', 'sh', 'mkdir', 'cat', 'true'])
    symlinkSync(join('/usr/bin', tool), join(machine, 'bin', tool));
});
afterEach(() => rmSync(machine, { recursive: true, force: true }));

function write(path: string, text: string, mode = 0o644): void {
  const file = join(machine, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
  chmodSync(file, mode);
}

function lock(packages: Record<string, object>): string {
  return JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...packages } });
}

/** A program that logs its call and then does what `script` says; `$bin` is the folder of programs. */
function program(name: string, script = ''): void {
  write(`bin/${name}`, `#!/bin/sh\nbin=${machine}/bin\necho "${name} $*" >>${machine}/calls\n${script}\n`, 0o755);
}

/** apt-get as root calls it; what it installs is there afterwards. */
function aptGet(packages: string[]): void {
  const install = packages.map((name) => `*' install '*${name}*) echo '#!/bin/sh' >$bin/${name}; ${chmod(name)};;`);
  program(
    'apt-get',
    `case "$*" in ${install.join(' ')} *' install '*) echo 'E: Unable to locate package'; exit 100;; esac`,
  );
  // Without being root, it is called through sudo.
  program('sudo', 'shift; exec "$@"');
}

function chmod(name: string): string {
  return `${process.execPath} -e "fs.chmodSync('$bin/${name}', 0o755)"`;
}

function installed(
  packages: Record<string, object> = { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } },
): void {
  write('project/node_modules/.package-lock.json', lock(packages));
  for (const path of Object.keys(packages)) write(`project/${path}/package.json`, '{}');
}

interface Run {
  status: number | null;
  out: string;
  err: string;
  calls: string[];
}

function setup(args: string[] = [], env: Record<string, string> = {}): Run {
  rmSync(join(machine, 'calls'), { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(machine, 'project/tools/setup.mjs'), ...args], {
    encoding: 'utf8',
    // A port that nothing listens on, so that no test goes out to the network.
    env: { PATH: join(machine, 'bin'), HOME: machine, PLAYWRIGHT_DOWNLOAD_HOST: 'http://127.0.0.1:1', ...env },
  });
  return { status, out: stdout, err: stderr, calls: calls() };
}

function calls(): string[] {
  try {
    const lines = readFileSync(join(machine, 'calls'), 'utf8').trim().split('\n');
    return lines.filter((line) => !line.startsWith('sudo')).map((line) => line.replaceAll(/-o \S+ /g, ''));
  } catch {
    return [];
  }
}

function check(env: Record<string, string> = {}): Record<string, Finding> {
  const { out } = setup(['--check', '--json'], env);
  return Object.fromEntries((JSON.parse(out) as Finding[]).map((finding) => [finding.name, finding]));
}

describe('set-up of a fresh machine', () => {
  test('installs npm packages, Chromium and ffmpeg, says so, and has nothing to do the second time', () => {
    program(
      'npm',
      `mkdir -p node_modules/a; echo '{}' >node_modules/a/package.json; cat package-lock.json >node_modules/.package-lock.json`,
    );
    aptGet(['chromium', 'ffmpeg']);
    const first = setup();
    expect(first.err).toBe('');
    expect(first.status).toBe(0);
    expect(first.calls).toEqual([
      'npm ci --include=dev --include=optional --no-audit --no-fund',
      'apt-get -q update',
      'apt-get -q -y --no-install-recommends install chromium',
      'apt-get -q -y --no-install-recommends install ffmpeg',
    ]);
    expect(first.out.split('\n')).toEqual([
      'setup: npm packages: not installed; running npm ci, which can take a minute',
      'setup: updating the lists of Debian packages: apt-get update',
      'setup: installing with apt-get, which can take some minutes: chromium',
      'setup: installing with apt-get, which can take some minutes: ffmpeg',
      'setup: ready',
      '',
    ]);
    expect(setup()).toEqual({ status: 0, out: '', err: '', calls: [] });
  });

  test('has npm install what an npm finds missing in the lock file', () => {
    const done = `mkdir -p node_modules/a; echo '{}' >node_modules/a/package.json; cat package-lock.json >node_modules/.package-lock.json`;
    program('npm', `case "$1" in ci) echo 'npm error code EUSAGE' >&2; exit 1;; esac; ${done}`);
    aptGet(['chromium', 'ffmpeg']);
    const { status, calls, err } = setup();
    expect(status).toBe(0);
    expect(err).toBe('');
    expect(calls[1]).toBe('npm install --no-save --include=dev --include=optional --no-audit --no-fund');
  });

  test('shows why npm ci failed', () => {
    program('npm', `echo 'npm error code ENOTFOUND' >&2; exit 1`);
    const { status, err } = setup();
    expect(status).toBe(1);
    expect(err).toMatch(
      /npm error code ENOTFOUND\nsetup: npm ci .* failed \(exit code 1\)\nsetup: npm packages could not/,
    );
  });

  test('says exactly what to install where it may not', () => {
    installed();
    const { status, err, calls } = setup();
    expect(status).toBe(1);
    expect(calls).toEqual([]);
    expect(err).toContain('setup: chromium, ffmpeg could not be installed. Install and run this again:');
    expect(err).toContain('ffmpeg (or set FFMPEG_BIN to its path)');
  });

  test.each([
    ['dnf', '  sudo dnf install chromium ffmpeg-free\n'],
    ['apk', '  sudo apk add chromium ffmpeg\n'],
    ['brew', '  brew install --cask chromium\n  brew install ffmpeg\n'],
  ])('says it in the words of %s', (manager, advice) => {
    installed();
    program(manager);
    const { status, err, calls } = setup();
    expect(status).toBe(1);
    expect(calls).toEqual([]);
    expect(err).toContain(advice);
  });

  test('shows why apt-get failed, and what to install by hand', () => {
    installed();
    aptGet(['ffmpeg']);
    const { status, err } = setup();
    expect(status).toBe(1);
    expect(err).toContain('E: Unable to locate package');
    expect(err).toContain(
      'setup: chromium could not be installed. Install and run this again:\n  sudo apt-get install chromium\n',
    );
  });

  test('takes the lists of packages as they are where they cannot be updated', () => {
    installed();
    aptGet(['chromium', 'ffmpeg']);
    const script = readFileSync(join(machine, 'bin/apt-get'), 'utf8');
    write(
      'bin/apt-get',
      script.replace('case "$*" in', `case "$*" in *update) echo 'E: no route' >&2; exit 100;;`),
      0o755,
    );
    const { status, err } = setup();
    expect(err).toContain('E: no route');
    expect(status).toBe(0);
  });

  test('has Playwright download Chromium where apt-get cannot install it', async () => {
    installed();
    aptGet(['ffmpeg']);
    const playwright = `require('fs').appendFileSync(${JSON.stringify(join(machine, 'calls'))}, 'playwright ' + process.argv.slice(2).join(' ') + '\\n')`;
    write('project/node_modules/playwright/cli.js', playwright);
    // In a process of its own, since this one answers nothing while it waits for the set-up.
    const serve = `require('http').createServer((q, r) => r.end()).listen(0, '127.0.0.1', function () { console.log(this.address().port) })`;
    const server = spawn(process.execPath, ['-e', serve], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const port = await new Promise<string>((resolve) =>
        server.stdout.once('data', (chunk) => resolve(String(chunk).trim())),
      );
      const { calls } = setup([], { PLAYWRIGHT_DOWNLOAD_HOST: `http://127.0.0.1:${port}` });
      expect(calls).toContain('playwright install --no-shell --with-deps chromium');
    } finally {
      server.kill();
    }
  });

  test('does not put up with an older Node', () => {
    write('project/package.json', '{"engines": {"node": ">=99.1"}}');
    const { status, err, calls } = setup();
    expect(status).toBe(1);
    expect(err).toBe(`setup: this is Node ${process.versions.node}; keywitness needs 99.1 or newer\n`);
    expect(calls).toEqual([]);
  });

  test('leaves it to the owner of a variable that names no program', () => {
    installed();
    aptGet(['chromium', 'ffmpeg']);
    const { status, err, calls } = setup([], { KEYWITNESS_CHROMIUM: '/nowhere/chromium' });
    expect(status).toBe(1);
    expect(err).toBe('setup: KEYWITNESS_CHROMIUM names no program: /nowhere/chromium\n');
    expect(calls).toEqual([]);
  });

  test('knows its options', () => {
    expect(setup(['--help']).status).toBe(2);
  });
});

describe('for the tests, set-up', () => {
  /** A file of `tools/services`, whose service is there once it was installed. */
  const service = (name: string, install = '') =>
    write(
      `project/tools/services/${name}.mjs`,
      `import { existsSync, writeFileSync } from 'node:fs';
      const file = new URL('${name}.there', import.meta.url);
      export const title = 'the server ${name}';
      export const find = () =>
        existsSync(file) ? { name: '${name}', ok: true, path: file.pathname } : { name: '${name}', ok: false, problem: 'not found' };
      export async function install() { ${install} writeFileSync(file, ''); }`,
    );
  const ready = () => {
    installed();
    program('chromium');
    program('ffmpeg');
  };

  test('installs the servers that they call through, and has nothing to do the second time', () => {
    ready();
    service('one');
    expect(setup()).toEqual({ status: 0, out: '', err: '', calls: [] });
    const { status, out, err } = setup(['--tests']);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toBe('setup: installing the server one, which can take some minutes\nsetup: ready\n');
    expect(setup(['--tests'])).toEqual({ status: 0, out: '', err: '', calls: [] });
  });

  test('says which it could not install and why, and goes on', () => {
    ready();
    service('one', "throw new Error('there is no Go');");
    service('two');
    const { status, out } = setup(['--tests']);
    expect(status).toBe(0);
    expect(out).toContain('setup: without one, the tests that call through it are skipped: there is no Go\n');
    expect(setup(['--tests', '--check'])).toMatchObject({ status: 1, out: expect.stringMatching(/^missing {2}one/m) });
  });
});

describe('npm packages', () => {
  const problem = () => check()['npm packages']!.problem;

  test('are in order when npm finished installing what the lock file says', () => {
    installed();
    expect(problem()).toBeUndefined();
  });

  test('need not have the optional ones, nor be free of others', () => {
    const wanted = { 'node_modules/a': { version: '1.0.0' } };
    write('project/package-lock.json', lock({ ...wanted, 'node_modules/o': { version: '1.0.0', optional: true } }));
    installed({ ...wanted, 'node_modules/extra': { version: '3.0.0' } });
    expect(problem()).toBeUndefined();
  });

  test.each([
    ['another version', { 'node_modules/a': { version: '1.0.1', integrity: 'sha512-a' } }, /node_modules\/a isn't as/],
    ['another content', { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-b' } }, /node_modules\/a isn't as/],
    ['none', {}, /node_modules\/a isn't as/],
    [
      'those of another machine',
      { 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' }, 'node_modules/b': { os: ['plan9'] } },
      /node_modules\/b was installed for another machine/,
    ],
  ])('are stale with %s', (_, packages, message) => {
    installed(packages);
    expect(problem()).toMatch(message);
  });

  test('are stale when a folder of theirs was removed', () => {
    installed();
    rmSync(join(machine, 'project/node_modules/a'), { recursive: true });
    expect(problem()).toBe('node_modules/a is gone');
  });

  test('are incomplete while npm has not finished', () => {
    write('project/node_modules/a/package.json', '{}');
    expect(problem()).toBe('not installed completely');
  });
});

describe('programs', () => {
  test('are those that variables name', () => {
    program('mine');
    const mine = join(machine, 'bin/mine');
    const { chromium, ffmpeg } = check({ KEYWITNESS_CHROMIUM: mine, FFMPEG_BIN: mine });
    expect(chromium).toMatchObject({ ok: true, path: mine, from: 'KEYWITNESS_CHROMIUM' });
    expect(ffmpeg).toMatchObject({ ok: true, path: mine, from: 'FFMPEG_BIN' });
  });

  test.each(['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'])(
    'include the system’s %s',
    (name) => {
      program(name);
      expect(check().chromium).toMatchObject({ ok: true, path: join(machine, 'bin', name), from: 'system' });
    },
  );

  test('include Playwright’s own Chromium once it is downloaded completely', () => {
    program('chromium');
    const browser = join(machine, 'browsers/chromium-7/chrome');
    write('project/node_modules/playwright-core/package.json', '{}');
    write(
      'project/node_modules/playwright-core/browsers.json',
      '{"browsers": [{"name": "chromium", "revision": "7"}]}',
    );
    write(
      'project/node_modules/playwright-core/index.js',
      `exports.chromium = { executablePath: () => ${JSON.stringify(browser)} }`,
    );
    write('browsers/chromium-7/chrome', '', 0o755);
    const env = { PLAYWRIGHT_BROWSERS_PATH: join(machine, 'browsers') };
    expect(check(env).chromium).toMatchObject({ from: 'system' });
    write('browsers/chromium-7/INSTALLATION_COMPLETE', '');
    expect(check(env).chromium).toMatchObject({ ok: true, path: browser, from: 'Playwright' });
  });

  test('include ffmpeg-static’s ffmpeg only if it is there and runs', () => {
    program('ffmpeg');
    const own = join(machine, 'project/node_modules/ffmpeg-static/ffmpeg');
    write('project/node_modules/ffmpeg-static/index.js', `module.exports = ${JSON.stringify(own)}`);
    expect(check().ffmpeg).toMatchObject({ from: 'system' });
    write('project/node_modules/ffmpeg-static/ffmpeg', '#!/bin/sh\nexit 1\n', 0o755);
    expect(check().ffmpeg).toMatchObject({ from: 'system' });
    write('project/node_modules/ffmpeg-static/ffmpeg', '#!/bin/sh\nexit 0\n', 0o755);
    expect(check().ffmpeg).toMatchObject({ ok: true, path: own, from: 'ffmpeg-static' });
  });

  test('that are missing are listed, and nothing is changed', () => {
    installed();
    aptGet(['chromium', 'ffmpeg']);
    const { status, out, calls } = setup(['--check']);
    expect(status).toBe(1);
    expect(out).toMatch(/^missing {2}chromium {6}not found$/m);
    expect(calls).toEqual([]);
  });
});
