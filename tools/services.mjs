#!/usr/bin/env node
/**
 * Installs the servers that some services of `scenarios/services` run, one file each in `tools/services/`. Needs Node and what
 * the file says, nothing else.
 *
 *   node tools/services.mjs install NAME...|--all
 *   node tools/services.mjs check [--json]
 *
 * `check` changes nothing and says what is there. Exit code: 0 done, 1 an installation failed or something is missing, 2 usage.
 */
import { readdirSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = new URL('./services/', import.meta.url);
const USAGE = 'expected install NAME..., install --all, check or check --json';

/** @returns {string[]} */
export function serviceNames() {
  return readdirSync(FOLDER)
    .filter((file) => /^[a-z0-9-]+\.mjs$/.test(file))
    .map((file) => file.slice(0, -'.mjs'.length))
    .sort();
}

/**
 * @param {string} name one of `serviceNames()`
 * @returns {Promise<{ title: string, find(): import('./setup.d.mts').Finding, install(): Promise<void> }>}
 */
export function loadService(name) {
  return import(new URL(`${name}.mjs`, FOLDER).href);
}

/** What was found of each. @returns {Promise<import('./setup.d.mts').Finding[]>} */
export async function surveyServices() {
  return Promise.all(serviceNames().map(async (name) => (await loadService(name)).find()));
}

/**
 * Installs one that is missing. `say` gets lines for people.
 * @returns {Promise<string | undefined>} in a line, why it could not be installed.
 */
export async function installService(name, say) {
  const service = await loadService(name);
  say(`installing ${service.title}, which can take some minutes`);
  try {
    await service.install();
    return service.find().problem;
  } catch (error) {
    return error.message;
  }
}

async function install(names) {
  let code = 0;
  for (const name of names) {
    if ((await loadService(name)).find().ok) {
      say(`${name} is there`);
      continue;
    }
    const problem = await installService(name, say);
    if (!problem) say(`${name} is installed`);
    else {
      console.error(`services: ${name} could not be installed: ${problem}`);
      code = 1;
    }
  }
  return code;
}

function say(line) {
  console.log(`services: ${line}`);
}

async function check(json) {
  const findings = await surveyServices();
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

function refuse(message) {
  console.error(`services: ${message}`);
  return 2;
}

function main([command, ...args]) {
  if (command === 'check') {
    if (args.length > 1 || (args.length === 1 && args[0] !== '--json')) return refuse(USAGE);
    return check(args.length === 1);
  }
  if (command !== 'install' || args.length === 0) return refuse(USAGE);
  if (args.includes('--all')) return args.length === 1 ? install(serviceNames()) : refuse(USAGE);
  const unknown = args.find((name) => !serviceNames().includes(name));
  if (unknown) return refuse(`unknown service ${unknown}; there are ${serviceNames().join(', ')}`);
  return install(args);
}

if (process.argv[1] && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url)))
  process.exitCode = await main(process.argv.slice(2));
