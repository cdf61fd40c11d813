/** Has a program write a file of the recording anew. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';

const PRIVATE_FILE = 0o600;
/** Characters kept of what the program says. */
const KEPT = 1000;

/**
 * @param args of the program, given the path that it is to write to; that file is there and empty
 * @param within ms
 * @returns what went wrong, in a line; the file is as it was then.
 */
export async function rewrite(
  path: string,
  program: string,
  args: (next: string) => string[],
  within: number,
): Promise<string | undefined> {
  const next = `${path}.new`;
  // Made here, so that it is private from the first byte.
  closeSync(openSync(next, 'w', PRIVATE_FILE));
  const child = spawn(program, args(next), {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: within,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, KEPT);
  });
  const problem = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      const why = said.split('\n')[0]!.slice(0, 300) || signal || `exit code ${code}`;
      resolve(code === 0 ? undefined : `${basename(program)}: ${why}`);
    });
  });
  if (problem) rmSync(next, { force: true });
  else renameSync(next, path);
  return problem;
}
