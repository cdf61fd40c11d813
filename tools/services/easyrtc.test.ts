import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let folder: string;
let cache: string;
let service: typeof import('./easyrtc.mjs');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easyrtc-'));
  cache = join(folder, 'cache');
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH}`);
  mkdirSync(join(folder, 'bin'));
  vi.resetModules();
  service = await import('./easyrtc.mjs');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** An npm that does what it says here, in JavaScript. */
function npm(script: string): void {
  const program = `#!/usr/bin/env node
const fs = require('node:fs');
${script}
`;
  writeFileSync(join(folder, 'bin/npm'), program, { mode: 0o755 });
}

/** Puts packages where npm would, as the folder asks for them. */
const PUT = `if (!process.argv.includes('--ignore-scripts')) process.exit(9);
for (const [name, version] of Object.entries(JSON.parse(fs.readFileSync('package.json')).dependencies)) {
  fs.mkdirSync('node_modules/' + name, { recursive: true });
  fs.writeFileSync('node_modules/' + name + '/package.json', JSON.stringify({ name, version }));
}`;

test('is not there before it is installed, and is afterwards', async () => {
  expect(service.find()).toEqual({ name: 'easyrtc', ok: false, problem: 'not installed' });
  npm(PUT);
  await service.install();
  const { path } = service.find();
  expect(service.find()).toMatchObject({ ok: true, from: 'npm' });
  expect(path!.startsWith(cache)).toBe(true);

  // Once more, over what is damaged.
  rmSync(join(path!, 'node_modules/express'), { recursive: true });
  expect(service.find()).toMatchObject({ ok: false, problem: expect.stringMatching(/^express [\d.]+ is missing/) });
  await service.install();
  expect(service.find().ok).toBe(true);
});

test('leaves nothing behind where it could not be installed', async () => {
  npm(`${PUT}\nconsole.error('npm error the registry is gone'); process.exit(1);`);
  await expect(service.install()).rejects.toThrow(/^npm failed .*the registry is gone$/);
  expect(service.find().ok).toBe(false);
  expect(readdirSync(join(cache, 'keywitness/services/easyrtc'))).toEqual([]);
});
