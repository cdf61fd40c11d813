/** Runs the command line as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../tools/keywitness.mjs', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  process: ChildProcess;
  ended: Promise<Ended>;
  /** Resolves once standard error holds `words`; rejects if the program ends without them. */
  said(words: string): Promise<void>;
}

/** @param env is added to this process's */
export function start(args: string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }));
  const said = async (words: string) => {
    while (!output.stderr.includes(words)) {
      const more = once(child.stderr, 'data').then(() => true);
      if (!(await Promise.race([more, ended.then(() => false)])))
        throw new Error(`it ended without saying ${words}: ${output.stderr}`);
    }
  };
  return { process: child, ended, said };
}

export function keywitness(args: string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  return start(args, env).ended;
}
