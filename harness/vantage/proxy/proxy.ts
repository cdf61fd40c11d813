/** The embedded engine: mockttp, all proxies of a run in one process (`child.ts`). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startProcess } from './process.ts';
import { type Proxies, type ProxyOptions, portOf, toldOptions } from './proxies.ts';

/** See `StartProxies`. The CA's key is in the memory of the proxies' process only, and never leaves it. */
export async function startProxies(options: ProxyOptions): Promise<Proxies> {
  const require = createRequire(import.meta.url);
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const manifest = require.resolve('mockttp').replace(/dist.*/, 'package.json');
  const { ready, health, stop } = await startProcess({
    command: process.execPath,
    args: ['--import', tsx, fileURLToPath(new URL('./child.ts', import.meta.url))],
    told: toldOptions(options),
    sink: options.sink,
  });
  return {
    spki: ready.spki!,
    version: `mockttp ${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`,
    port: (participant) => portOf(ready.ports, participant),
    health,
    stop,
  };
}
