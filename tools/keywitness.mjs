#!/usr/bin/env node
/** The `keywitness` program: makes Node read TypeScript, then runs the command line in this same process. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

if (!isInstalled('tsx')) {
  console.error(
    `keywitness: its packages are missing; run \`npm ci\` in ${fileURLToPath(new URL('..', import.meta.url))}`,
  );
  process.exit(2);
}
const { register } = await import('tsx/esm/api');
register();
await import('../harness/cli/keywitness.ts');

/** Whether a package is there, beside this file's folder or above it, where npm puts it when keywitness itself is a dependency. */
function isInstalled(name) {
  for (let folder = new URL('..', import.meta.url); ; folder = new URL('..', folder)) {
    if (existsSync(new URL(`node_modules/${name}/package.json`, folder))) return true;
    if (folder.pathname === '/') return false;
  }
}
