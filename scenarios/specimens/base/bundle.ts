/** The browser code of a specimen, bundled when its server starts. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';

/** The scripts by the path that they are served at: `/page.js`, and `/worker.js` where the specimen has one. */
export async function bundleClient(name: string): Promise<Map<string, string>> {
  const own = ['page.ts', 'worker.ts']
    .map((file) => fileURLToPath(new URL(`../${name}/${file}`, import.meta.url)))
    .filter(existsSync);
  const entryPoints = own.length > 0 ? own : [fileURLToPath(new URL('./client/page.ts', import.meta.url))];
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    write: false,
    outdir: '/',
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
  });
  // Else the bundler's own process stays for as long as this one.
  await stop();
  return new Map(outputFiles.map(({ path, text }) => [`/${basename(path)}`, text]));
}
