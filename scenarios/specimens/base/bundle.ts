/** The browser code of a specimen, bundled when its server starts. */
import { existsSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, stop } from 'esbuild';
import { assemble } from './assemble.ts';

export interface ClientFile {
  type: string;
  content: string | Uint8Array;
}

/**
 * The files by the path that they are served at: `/page.js`; `/worker.js`, which is the base's AES-GCM where the specimen has a
 * page of its own only; and the WebAssembly that they import.
 */
export async function bundleClient(name: string): Promise<Map<string, ClientFile>> {
  const own = (file: string) => {
    const path = fileURLToPath(new URL(`../${name}/${file}`, import.meta.url));
    return existsSync(path) ? path : undefined;
  };
  const shared = (file: string) => fileURLToPath(new URL(`./client/${file}`, import.meta.url));
  const page = own('page.ts');
  const worker = own('worker.ts') ?? (page && shared('gcm-worker.ts'));
  const { outputFiles } = await build({
    entryPoints: { page: page ?? shared('page.ts'), ...(worker && { worker }) },
    bundle: true,
    write: false,
    outdir: '/',
    publicPath: '/',
    assetNames: '[name]',
    format: 'iife',
    target: 'es2022',
    logLevel: 'silent',
    plugins: [webAssemblyText],
  });
  // Else the bundler's own process stays for as long as this one.
  await stop();
  return new Map(
    outputFiles.map(({ path, text, contents }) => [
      `/${basename(path)}`,
      extname(path) === '.wasm'
        ? { type: 'application/wasm', content: contents }
        : { type: 'text/javascript; charset=utf-8', content: text },
    ]),
  );
}

/** Importing a `.wat` file gives the address of what it assembles to. */
const webAssemblyText: Plugin = {
  name: 'WebAssembly text',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wat$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path).replace(/wat$/, 'wasm'),
      namespace: 'wat',
    }));
    onLoad({ filter: /\.wasm$/, namespace: 'wat' }, async ({ path }) => ({
      contents: await assemble(path.replace(/wasm$/, 'wat')),
      loader: 'file',
    }));
  },
};
