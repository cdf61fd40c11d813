/** Janus and the web server of its demo pages, started and stopped together. */
import { type DemoServer, serveDemos } from './demos.ts';
import { type Plugin, startJanus } from './janus.ts';

export interface RunningJanus extends Pick<DemoServer, 'origin'> {
  /** Does a step of joining; where it fails because Janus ended, rejects with what Janus ended with. */
  attempt(step: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param more JavaScript at the end of the pages' `settings.js`.
 * @throws Error of one line.
 */
export async function runJanus(plugin: Plugin, more?: string): Promise<RunningJanus> {
  const janus = await startJanus(plugin);
  const demos = await serveDemos(janus.socket, more).catch(async (error) => {
    await janus.stop();
    throw error;
  });
  return {
    origin: demos.origin,
    async attempt(step) {
      try {
        await step();
      } catch (error) {
        throw new Error(janus.ended() ?? (error as Error).message, { cause: error });
      }
    },
    async stop() {
      try {
        await demos.close();
      } finally {
        await janus.stop();
      }
    },
  };
}
