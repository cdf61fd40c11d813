/** Where installed services are kept, and how their installers run commands. Needs Node alone. */
import { spawn } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** ms for a command unless its caller knows better. */
const WITHIN = 10 * 60_000;
/** Characters of a command's output that are kept to say why it failed. */
const KEPT = 64_000;

/** The folder of one version of one service: `~/.cache/keywitness/services/NAME/VERSION`. It need not exist. */
export function place(name, version) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(cache, 'keywitness', 'services', name, version);
}

/**
 * Runs a command quietly, without input, and gives what it wrote to its standard output.
 * @param {string} command
 * @param {string[]} args
 * @param {{ timeout?: number, env?: Record<string, string>, cwd?: string }} options `timeout` in ms, after which the command
 *   and all that it started is killed; `env` is added to this process's.
 * @returns {Promise<string>}
 * @throws Error of one line, with the last meaningful line that it wrote.
 */
export async function run(command, args, { timeout = WITHIN, env = {}, cwd } = {}) {
  // A group of its own, so that what it started ends with it.
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  let both = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
    both = (both + chunk).slice(-KEPT);
  });
  child.stderr.on('data', (chunk) => {
    both = (both + chunk).slice(-KEPT);
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child.pid);
  }, timeout);
  // Nobody is left to want the result once this process ends.
  const end = () => endGroup(child.pid);
  process.once('exit', end);
  let problem;
  try {
    problem = await new Promise((resolve) => {
      child.on('error', (error) =>
        resolve(error.code === 'ENOENT' ? `${command} isn't there to be run` : error.message),
      );
      child.on('close', (code, signal) => {
        if (late) resolve(`${command} was ended after ${timeout / 1000} s`);
        else if (code === 0) resolve(undefined);
        else resolve(`${command} failed (${signal ?? `exit code ${code}`})`);
      });
    });
  } finally {
    clearTimeout(timer);
    process.removeListener('exit', end);
  }
  if (problem === undefined) return output;
  const last = both.split('\n').findLast((line) => /[\p{L}\p{N}]/u.test(line));
  throw new Error([problem, last?.trim()].filter(Boolean).join(': '));
}

function endGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
