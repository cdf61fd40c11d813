import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let folder: string;
let cache: string;
let service: typeof import('./element-call.mjs');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'element-call-'));
  cache = join(folder, 'cache');
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
  mkdirSync(join(folder, 'bin'));
  vi.resetModules();
  service = await import('./element-call.mjs');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** An npm that puts the package where it would, and then does what it says here, in JavaScript. */
function npm(script = ''): void {
  const program = `#!/usr/bin/env node
const fs = require('node:fs');
if (!process.argv.includes('--ignore-scripts')) process.exit(9);
for (const [name, version] of Object.entries(JSON.parse(fs.readFileSync('package.json')).dependencies)) {
  fs.mkdirSync('node_modules/' + name + '/dist', { recursive: true });
  fs.writeFileSync('node_modules/' + name + '/package.json', JSON.stringify({ name, version }));
  fs.writeFileSync('node_modules/' + name + '/dist/index.html', '');
}
${script}
`;
  writeFileSync(join(folder, 'bin/npm'), program, { mode: 0o755 });
}

test('is not there before it is installed, and is afterwards', async () => {
  expect(service.find()).toEqual({ name: 'element-call', ok: false, problem: 'not installed' });
  npm();
  await service.install();
  const { path } = service.find();
  expect(service.find()).toMatchObject({ ok: true, from: 'npm' });
  expect(path!.startsWith(cache)).toBe(true);

  // Once more, over what is damaged.
  rmSync(join(path!, 'index.html'));
  expect(service.find()).toMatchObject({ ok: false, problem: expect.stringMatching(/embedded [\d.]+ is missing/) });
  await service.install();
  expect(service.find().ok).toBe(true);
});

test('leaves nothing behind where it could not be installed', async () => {
  npm("console.error('npm error the registry is gone'); process.exit(1);");
  await expect(service.install()).rejects.toThrow(/^npm failed .*the registry is gone$/);
  expect(service.find().ok).toBe(false);
  expect(readdirSync(join(cache, 'keywitness/services/element-call'))).toEqual([]);
});
