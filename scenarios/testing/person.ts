/** A person at windows and a terminal, played by a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import type { Ended } from './keywitness.ts';

const PROGRAM = fileURLToPath(new URL('../../tools/keywitness.mjs', import.meta.url));

export function hasXvfb(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'Xvfb')));
}

/** A screen that nobody sees; `name` is what DISPLAY has to be. */
export async function openScreen(): Promise<{ name: string; close(): void }> {
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1920x1080x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const [number] = await once(server.stdio[3] as Readable, 'data');
  return { name: `:${String(number).trim()}`, close: () => void server.kill() };
}

export interface PersonAtTerminal {
  process: ChildProcess;
  ended: Promise<Ended>;
  /** What standard error says, once it does, after what was read of it before; rejects if the program ends without. */
  reads(words: RegExp): Promise<RegExpExecArray>;
  pressEnter(): void;
  /** The first page of a participant, to be used by mouse and keys; `profiles` is what `--profile` names. */
  window(profiles: string, participant: string): Promise<Page>;
}

/** Runs the command line with a terminal to answer on. @param env is added to this process's */
export function sitDown(args: string[], env: NodeJS.ProcessEnv): PersonAtTerminal {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } });
  const browsers: Browser[] = [];
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const ended = once(child, 'close').then(async ([code]) => {
    await Promise.all(browsers.map((browser) => browser.close()));
    return { code, ...output };
  });
  let read = 0;
  return {
    process: child,
    ended,
    async reads(words) {
      for (;;) {
        const found = words.exec(output.stderr.slice(read));
        if (found) {
          read += found.index + found[0].length;
          return found;
        }
        const more = once(child.stderr, 'data').then(() => true);
        if (!(await Promise.race([more, ended.then(() => false)])))
          throw new Error(`it ended without saying ${words}: ${output.stderr}`);
      }
    },
    pressEnter: () => void child.stdin.write('\n'),
    async window(profiles, participant) {
      const [port] = readFileSync(join(profiles, participant, 'DevToolsActivePort'), 'utf8').split('\n');
      const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
      browsers.push(browser);
      return browser.contexts()[0]!.pages()[0]!;
    },
  };
}
