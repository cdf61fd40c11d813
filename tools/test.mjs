#!/usr/bin/env node
/**
 * The test command: lint, types, unit tests, calls, in this order, each with its output; stops at the first that fails, with
 * its exit code. Ends with what was skipped, and why, and a line `N passed, N failed, N skipped` over the tests of both runners.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'keywitness-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const vitestJson = join(folder, 'vitest.json');
const playwrightJson = join(folder, 'playwright.json');

const STEPS = [
  { name: 'biome', command: ['biome', 'check', '.'] },
  { name: 'tsc', command: ['tsc'] },
  {
    name: 'vitest',
    command: ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestJson}`],
    tally: () => tallyVitest(readJson(vitestJson)),
  },
  {
    name: 'playwright',
    command: ['playwright', 'test', '--reporter=list,json'],
    env: { PLAYWRIGHT_JSON_OUTPUT_FILE: playwrightJson },
    tally: () => tallyPlaywright(readJson(playwrightJson)),
  },
];

/** Vitest's JSON report is Jest's. A file that fails outside of its tests, as when it can't be loaded, counts as one. */
function tallyVitest({ numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  // A title says why, or what it is that was skipped; set-up has said what is missing.
  const skips = testResults.flatMap(({ assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo')
      .map(({ ancestorTitles, title }) => ancestorTitles[0] ?? title),
  );
  return {
    passed: numPassedTests,
    failed: numFailedTests + broken.length,
    skipped: numPendingTests + numTodoTests,
    skips,
  };
}

/** `expected` holds what passed at once, `flaky` what passed when tried again. `errors` belong to no test. */
function tallyPlaywright({ stats, errors, suites }) {
  return {
    passed: stats.expected + stats.flaky,
    failed: stats.unexpected + errors.length,
    skipped: stats.skipped,
    skips: suites.flatMap(reasonsIn),
  };
}

/** Why the tests of a suite were skipped, one text each. */
function reasonsIn({ specs = [], suites = [] }) {
  const skipped = specs.flatMap(({ title, tests }) =>
    tests
      .filter(({ status }) => status === 'skipped')
      .map(({ annotations }) => annotations.find(({ type }) => type === 'skip')?.description ?? title),
  );
  return [...skipped, ...suites.flatMap(reasonsIn)];
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

let child;
let interrupted;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    interrupted = signal;
    child?.kill(signal);
  });

/** Runs a program of `node_modules` with our output and no input; gives its exit code. */
function run([program, ...args], env) {
  console.log(`\n> ${[program, ...args].join(' ')}`);
  return new Promise((resolve) => {
    child = spawn(join(ROOT, 'node_modules/.bin', program), args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', (error) => {
      console.error(`${program} could not be run: ${error.message}`);
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
const skips = new Map();
const summary = [];
let exitCode = 0;
for (const { name, command, env, tally } of STEPS) {
  if (exitCode !== 0) {
    summary.push(`${name.padEnd(10)}  not run`);
    continue;
  }
  const began = performance.now();
  exitCode = await run(command, env);
  if (interrupted) exitCode = 128 + constants.signals[interrupted];
  let counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    if (tally) counts = tally();
  } catch (error) {
    console.error(`${name} left no report: ${error.message}`);
    exitCode ||= 1;
  }
  // A step that fails must not look as if nothing had, also where it has no tests or could not count them.
  if (exitCode !== 0) counts.failed ||= 1;
  for (const key of Object.keys(total)) total[key] += counts[key];
  for (const reason of counts.skips ?? []) skips.set(reason, (skips.get(reason) ?? 0) + 1);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  summary.push(`${name.padEnd(10)}  ${exitCode === 0 ? 'passed' : `failed (exit code ${exitCode})`}  ${seconds} s`);
}
console.log(`\n${summary.join('\n')}\n`);
for (const [reason, count] of skips) console.log(`skipped ${count}: ${reason}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = exitCode;
