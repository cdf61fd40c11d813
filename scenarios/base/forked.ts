/** A server of ours in a process of its own, which ends when this one does, however it does. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What the server process tells the one that started it. */
export type ServerReport<Ready extends object> = ({ type: 'ready' } & Ready) | { type: 'failed'; message: string };

/**
 * @param name for people: `specimen/sealed`
 * @param module sends a {@link ServerReport}, and ends once its channel does
 * @param startWithin ms until it must be ready
 * @throws Error of one line: why it did not start.
 */
export async function startForked<Ready extends object>(
  name: string,
  module: URL,
  args: string[],
  startWithin: number,
): Promise<Ready & { stop(): Promise<void> }> {
  const server = fork(fileURLToPath(module), args, {
    execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href],
  });
  const ended = once(server, 'exit');
  const stop = async () => {
    server.kill();
    await ended;
  };
  const timeout = AbortSignal.timeout(startWithin);
  const report = await Promise.race([
    once(server, 'message', { signal: timeout }).then(([message]) => message as ServerReport<Ready>),
    ended.then(([code]): ServerReport<Ready> => ({ type: 'failed', message: `its server ended with code ${code}` })),
  ]).catch((error: Error): ServerReport<Ready> => ({ type: 'failed', message: error.message }));
  if (report.type === 'failed') {
    await stop();
    throw new Error(`${name} did not start: ${report.message}`);
  }
  return { ...report, stop };
}
