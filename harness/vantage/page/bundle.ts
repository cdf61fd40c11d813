/** Browser code of the harness, from TypeScript to one script. */
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const scripts = new Map<string, string>();

/**
 * The file and what it imports as one immediately invoked script, made once a process.
 *
 * @throws Error with the bundler's messages.
 */
export function bundle(file: URL): string {
  const known = scripts.get(file.href);
  if (known !== undefined) return known;
  // Synchronously: the bundler's shared background process may be stopped by another of its users at any moment.
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(file)],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const script = outputFiles[0]!.text;
  scripts.set(file.href, script);
  return script;
}
