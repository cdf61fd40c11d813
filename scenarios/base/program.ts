/** A server that others wrote, as a child process that doesn't outlive this one, however this one ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** util-linux, which every Debian has. */
const SETPRIV = '/usr/bin/setpriv';

export interface Program<Ready> {
  /** For people: `LiveKit`. */
  name: string;
  path: string;
  args: string[];
  /** Where it runs; here unless given. */
  cwd?: string;
  /** All of its variables; those of this process unless given. */
  env?: NodeJS.ProcessEnv;
  /** ms until it must be up. */
  startWithin: number;
  /** What a line of its output says: what is wrong, or that it is up and where. */
  read(line: string, output: 'stdout' | 'stderr'): { complaint?: string; ready?: Ready };
}

export interface RunningProgram {
  pid: number;
  /** What it ended with, if it ended by itself. */
  ended(): string | undefined;
  /** Ends it at once: it has nothing to put in order that would outlast it. */
  stop(): Promise<void>;
}

/**
 * @returns once it is up.
 * @throws Error of one line: what it complained of last, or that it took too long.
 */
export async function startProgram<Ready>(program: Program<Ready>): Promise<RunningProgram & { ready: Ready }> {
  const { name, path, args, cwd, env, startWithin, read } = program;
  if (!existsSync(SETPRIV)) throw new Error("setpriv is missing: install Debian's package `util-linux`");
  // setpriv becomes the program, with the order that the kernel kill it when the thread that started it ends, however that ends.
  const child = spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', path, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'close');
  exited.catch(() => {});
  let isStopping = false;
  let complaint = '';
  const ended = () => {
    if (isStopping || (child.exitCode === null && child.signalCode === null)) return undefined;
    const how = `${name} ended (${child.signalCode ?? `exit code ${child.exitCode}`})`;
    return complaint ? `${how}: ${complaint}` : how;
  };
  const stop = async () => {
    isStopping = true;
    child.kill('SIGKILL');
    await exited;
  };
  const up = new Promise<Ready>((resolve) => {
    for (const output of ['stdout', 'stderr'] as const)
      createInterface({ input: child[output] }).on('line', (line) => {
        const said = read(line, output);
        complaint = said.complaint || complaint;
        if (said.ready !== undefined) resolve(said.ready);
      });
  });
  const early = exited.then(() => Promise.reject(new Error(ended())));
  early.catch(() => {});
  const overdue = AbortSignal.timeout(startWithin);
  const late = once(overdue, 'abort').then(() => Promise.reject(new Error(`${name} isn't up after ${startWithin} ms`)));
  late.catch(() => {});
  try {
    return { ready: await Promise.race([up, early, late]), pid: child.pid!, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Starts something in a temporary folder of its own, which goes when it is stopped, or did not start.
 * @param name `livekit` for a folder `keywitness-livekit-XXXXXX`
 */
export async function inFolder<T extends { stop(): Promise<void> }>(
  name: string,
  start: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), `keywitness-${name}-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const started = await start(folder);
    return { ...started, stop: () => started.stop().finally(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
