#!/usr/bin/env node
/**
 * Makes a fresh machine ready: npm packages, Chromium, ffmpeg, and for the tests the servers of `tools/services`. Needs Node and
 * npm, nothing else, and does nothing where all is there.
 *
 *   node tools/setup.mjs [--tests] [--check [--json]]
 *
 * `--tests` adds what only the tests need; tests are skipped where a server can't be had. `--check` changes nothing and says what
 * is there. Exit code: 0 ready, 1 not.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installService, surveyServices } from './services.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);

/** Where Playwright downloads browsers from, unless `PLAYWRIGHT_DOWNLOAD_HOST` says otherwise. */
const PLAYWRIGHT_HOST = 'https://cdn.playwright.dev';
/** ms; a network that is closed is not waited for longer than that. */
const REACH_WITHIN = 5_000;
/** ms for one download or installation. */
const INSTALL_WITHIN = 10 * 60_000;

/**
 * What was found of one requirement. `path` and `from` say where; `problem` says in a line what is wrong if it isn't `ok`.
 * @typedef {{ name: string, ok: boolean, path?: string, from?: string, problem?: string }} Finding
 */

/** Looks for everything needed without changing anything; fast: but for ffmpeg-static's file nothing is run. @returns {Finding[]} */
export function survey() {
  return [findNode(), findPackages(), findChromium(), findFfmpeg()];
}

/** Whether this Node is one that `package.json` allows. @returns {Finding} */
export function findNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const wanted = engines.node.match(/\d+(\.\d+)*/)[0];
  const finding = { name: 'node', path: process.execPath, from: process.version };
  if (compareVersions(process.versions.node, wanted) >= 0) return { ...finding, ok: true };
  return {
    ...finding,
    ok: false,
    problem: `this is Node ${process.versions.node}; keywitness needs ${wanted} or newer`,
  };
}

function compareVersions(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  for (let place = 0; place < 3; place++) {
    const difference = (a[place] || 0) - (b[place] || 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether `node_modules` is what the lock file says, going by the list that npm leaves there when it is done. @returns {Finding} */
export function findPackages(root = ROOT) {
  const modules = join(root, 'node_modules');
  const finding = { name: 'npm packages', ok: false, path: modules };
  if (!existsSync(modules)) return { ...finding, problem: 'not installed' };
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
  } catch {
    return { ...finding, problem: 'not installed completely' };
  }
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const [path, wanted] of Object.entries(packages)) {
    if (path === '') continue;
    const found = installed[path];
    // Optional packages are left out where they don't fit or can't be built.
    if (!found && wanted.optional) continue;
    if (!found || found.version !== wanted.version || found.integrity !== wanted.integrity)
      return { ...finding, problem: `${path} isn't as package-lock.json has it` };
    if (!wanted.optional && !existsSync(join(root, path, 'package.json')))
      return { ...finding, problem: `${path} is gone` };
  }
  const foreign = Object.entries(installed).find(
    ([, { os, cpu }]) => !fits(os, process.platform) || !fits(cpu, process.arch),
  );
  if (foreign) return { ...finding, problem: `${foreign[0]} was installed for another machine` };
  return { ...finding, ok: true };
}

function fits(allowed, own) {
  return !allowed || allowed.includes(own) || allowed.includes('any');
}

/** Chromium: `KEYWITNESS_CHROMIUM`, else Playwright's own download, else the system's Chromium or Chrome. @returns {Finding} */
export function findChromium() {
  const name = 'chromium';
  const named = fromEnvironment(name, 'KEYWITNESS_CHROMIUM');
  if (named) return named;
  const own = playwrightsChromium();
  if (own) return { name, ok: true, path: own, from: 'Playwright' };
  const places = [
    ...['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'].map(inPath),
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ];
  const path = places.find((place) => place && isProgram(place));
  return path ? { name, ok: true, path, from: 'system' } : { name, ok: false, problem: 'not found' };
}

/** The path of Playwright's own Chromium, if it was downloaded completely. */
function playwrightsChromium() {
  try {
    const core = require.resolve('playwright-core/package.json');
    const { browsers } = JSON.parse(readFileSync(join(core, '../browsers.json'), 'utf8'));
    const { revision } = browsers.find((browser) => browser.name === 'chromium');
    // Loading Playwright takes a while, so first see whether it has anything at all.
    const folder = process.env.PLAYWRIGHT_BROWSERS_PATH;
    const caches = [join(homedir(), '.cache/ms-playwright'), join(homedir(), 'Library/Caches/ms-playwright')];
    const candidates = folder && folder !== '0' ? [folder] : [...caches, join(core, '../.local-browsers')];
    const own = candidates.map((place) => join(place, `chromium-${revision}`)).find((place) => existsSync(place));
    if (!own || !existsSync(join(own, 'INSTALLATION_COMPLETE'))) return undefined;
    const path = require('playwright-core').chromium.executablePath();
    return isProgram(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** ffmpeg: `FFMPEG_BIN`, else what ffmpeg-static downloaded if it runs, else the system's. @returns {Finding} */
export function findFfmpeg() {
  const name = 'ffmpeg';
  const named = fromEnvironment(name, 'FFMPEG_BIN');
  if (named) return named;
  // It gives a path also where its download failed.
  const own = tryRequire('ffmpeg-static');
  if (own && isProgram(own) && spawnSync(own, ['-version'], { stdio: 'ignore' }).status === 0)
    return { name, ok: true, path: own, from: 'ffmpeg-static' };
  const path = inPath('ffmpeg');
  return path ? { name, ok: true, path, from: 'system' } : { name, ok: false, problem: 'not found' };
}

/** A program that a variable names; it must be one, since whoever set the variable wants no other. @returns {Finding | undefined} */
function fromEnvironment(name, variable) {
  const path = process.env[variable];
  if (!path) return undefined;
  if (isProgram(path)) return { name, ok: true, path, from: variable };
  return { name, ok: false, from: variable, problem: `${variable} names no program: ${path}` };
}

function tryRequire(name) {
  try {
    return require(name);
  } catch {
    return undefined;
  }
}

function inPath(program) {
  const folders = (process.env.PATH || '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, program)).find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// --- Installing

/** What is installed by which of the system's package managers; the first that is there counts. */
const MANAGERS = [
  ['apt-get', 'apt-get install', { chromium: 'chromium', ffmpeg: 'ffmpeg' }],
  ['dnf', 'dnf install', { chromium: 'chromium', ffmpeg: 'ffmpeg-free' }],
  ['apk', 'apk add', { chromium: 'chromium', ffmpeg: 'ffmpeg' }],
  ['brew', 'brew install', { chromium: '--cask chromium', ffmpeg: 'ffmpeg' }],
];

function say(line) {
  console.log(`setup: ${line}`);
}

/**
 * Runs a command without a word. `failure` says how it ended if it did not succeed.
 * @returns {{ failure?: string, output: string }}
 */
function attempt(command, args, { timeout = INSTALL_WITHIN, env = {} } = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
  });
  const output = `${stdout || ''}${stderr || ''}`.trimEnd();
  if (status === 0) return { output };
  const timedOut = error && error.code === 'ETIMEDOUT';
  const end = timedOut
    ? `was ended after ${timeout / 1000} s`
    : `failed (${error?.code || signal || `exit code ${status}`})`;
  return { output, failure: `${[command, ...args].join(' ')} ${end}` };
}

/** Shows what a command put out if it failed. @returns {boolean} whether it succeeded */
function report({ failure, output }) {
  if (!failure) return true;
  if (output) console.error(output);
  console.error(`setup: ${failure}`);
  return false;
}

function installPackages({ problem }) {
  say(`npm packages: ${problem}; running npm ci, which can take a minute`);
  // ffmpeg-static downloads nothing where this variable names a file.
  const ffmpeg = process.env.FFMPEG_BIN || inPath('ffmpeg');
  const env = ffmpeg ? { FFMPEG_BIN: ffmpeg } : {};
  // The npm that runs this is the one that is known to work.
  const cli = process.env.npm_execpath;
  const npm = (...args) =>
    /npm-cli\.c?js$/.test(cli || '')
      ? attempt(process.execPath, [cli, ...args], { env })
      : attempt('npm', args, { env });
  // Whatever NODE_ENV and npm's settings say: what is left out would be missed the next time.
  const options = ['--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  let result = npm('ci', ...options);
  // npm 11 wants optional packages of all platforms in the lock file, npm 10 does not.
  if (result.failure && result.output.includes('code EUSAGE')) {
    say('npm ci finds package-lock.json incomplete; running npm install, which keeps to it as far as it goes');
    result = npm('install', '--no-save', ...options);
  }
  return report(result);
}

let aptPrefix;
/** What has to stand before `apt-get` for it to install: nothing for root, sudo where it asks for no password; null if it can't. */
function apt() {
  if (aptPrefix !== undefined) return aptPrefix;
  aptPrefix = null;
  if (inPath('apt-get')) {
    if (process.getuid() === 0) aptPrefix = [];
    else if (inPath('sudo') && !attempt('sudo', ['-n', 'true'], { timeout: REACH_WITHIN }).failure)
      aptPrefix = ['sudo', '-n'];
  }
  return aptPrefix;
}

let updated = false;
function aptInstall(packages) {
  const prefix = apt();
  if (!prefix) return false;
  const options = [
    '-o',
    'Acquire::Retries=1',
    '-o',
    'Acquire::http::Timeout=15',
    '-o',
    'Acquire::https::Timeout=15',
    '-o',
    'DPkg::Lock::Timeout=120',
  ];
  const aptGet = (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args];
    return report(attempt(command, rest));
  };
  if (!updated) {
    updated = true;
    say('updating the lists of Debian packages: apt-get update');
    // Lists that could be updated only in part, or not at all, may still do.
    aptGet('-q', 'update');
  }
  say(`installing with apt-get, which can take some minutes: ${packages}`);
  return aptGet('-q', '-y', '--no-install-recommends', 'install', ...packages.split(' '));
}

/** The system's package first: it brings the libraries along, and its mirror is more often reached than the download's host. */
async function installChromium() {
  if (aptInstall('chromium') && findChromium().ok) return;
  const host = process.env.PLAYWRIGHT_DOWNLOAD_HOST || PLAYWRIGHT_HOST;
  say(`seeing whether Playwright can download Chromium from ${host}`);
  if (!(await isReachable(host))) {
    say(`${host} isn't reached`);
    return;
  }
  say('downloading Chromium with Playwright, which can take some minutes');
  const cli = join(ROOT, 'node_modules/playwright/cli.js');
  const args = ['install', '--no-shell', ...(apt() ? ['--with-deps'] : []), 'chromium'];
  report(attempt(process.execPath, [cli, ...args]));
}

/** Whether anything answers. Node's own client uses no proxy, so where there is one, Playwright has to try. */
async function isReachable(url) {
  if (process.env.HTTPS_PROXY || process.env.https_proxy) return true;
  try {
    await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(REACH_WITHIN) });
    return true;
  } catch {
    return false;
  }
}

/** What to install by hand. */
function advice(names) {
  const manager = MANAGERS.find(([program]) => inPath(program));
  const known = manager ? names.filter((name) => manager[2][name]) : [];
  const lines = [];
  if (known.length > 0) {
    const sudo = manager[0] === 'brew' ? '' : 'sudo ';
    // Brew's options stand before the package that they are for, so each has a command of its own.
    const commands = manager[0] === 'brew' ? known.map((name) => [name]) : [known];
    for (const group of commands)
      lines.push(`  ${sudo}${manager[1]} ${group.map((name) => manager[2][name]).join(' ')}`);
  }
  const others = names.filter((name) => !known.includes(name));
  const by = {
    chromium: '  Chromium or Google Chrome (or set KEYWITNESS_CHROMIUM to its path)',
    ffmpeg: '  ffmpeg (or set FFMPEG_BIN to its path)',
  };
  for (const name of others) lines.push(by[name]);
  return lines.join('\n');
}

async function install(tests) {
  const node = findNode();
  if (!node.ok) return fail(node.problem);
  const packages = findPackages();
  if (!packages.ok && !(installPackages(packages) && findPackages().ok))
    return fail('npm packages could not be installed');

  const findings = () => survey().filter(({ ok }) => !ok);
  const missing = findings();
  for (const { name, from, problem } of missing) {
    // A variable that names the wrong file is for its owner to put right.
    if (from) return fail(problem);
    if (name === 'chromium') await installChromium();
    if (name === 'ffmpeg') aptInstall('ffmpeg');
  }
  const still = findings().map(({ name }) => name);
  if (still.length > 0)
    return fail(`${still.join(', ')} could not be installed. Install and run this again:\n${advice(still)}`);
  const services = tests ? await installServices() : 0;
  if (missing.length + services > 0) say('ready');
  return 0;
}

/** The servers that some tests call through. @returns {Promise<number>} how many were missing */
async function installServices() {
  const missing = (await surveyServices()).filter(({ ok }) => !ok);
  for (const { name } of missing) {
    const problem = await installService(name, say);
    if (problem) say(`without ${name}, the tests that call through it are skipped: ${problem}`);
  }
  return missing.length;
}

function fail(message) {
  console.error(`setup: ${message}`);
  return 1;
}

async function check(tests, json) {
  const findings = [...survey(), ...(tests ? await surveyServices() : [])];
  if (json) console.log(JSON.stringify(findings, null, 2));
  else
    for (const { name, ok, path, from, problem } of findings)
      console.log(
        [
          ok ? 'ok     ' : 'missing',
          name.padEnd(12),
          ok ? [path, from && `(${from})`].filter(Boolean).join(' ') : problem,
        ].join('  '),
      );
  return findings.every(({ ok }) => ok) ? 0 : 1;
}

if (process.argv[1] && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) {
  const args = process.argv.slice(2);
  const tests = args.includes('--tests');
  const unknown = args.find((arg) => !['--tests', '--check', '--json'].includes(arg));
  if (unknown) {
    console.error(`setup: unknown option ${unknown}; there are --tests, --check and --json`);
    process.exitCode = 2;
  } else process.exitCode = await (args.includes('--check') ? check(tests, args.includes('--json')) : install(tests));
}
