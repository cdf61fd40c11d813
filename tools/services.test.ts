import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** A copy of the program, with services of its own. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keywitness-services-'));
  mkdirSync(join(folder, 'services/base'), { recursive: true });
  copyFileSync(fileURLToPath(new URL('./services.mjs', import.meta.url)), join(folder, 'services.mjs'));
  service('good', `writeFileSync(file, '');`);
  service('bad', `throw new Error('no such package');`);
  // What they share is none of them, nor are their tests.
  writeFileSync(join(folder, 'services/base/shared.mjs'), 'throw new Error()');
  writeFileSync(join(folder, 'services/good.test.ts'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function service(name: string, install: string): void {
  writeFileSync(
    join(folder, `services/${name}.mjs`),
    `import { existsSync, writeFileSync } from 'node:fs';
    const file = new URL('${name}.there', import.meta.url);
    export const title = 'the ${name} server';
    export const find = () =>
      existsSync(file) ? { name: '${name}', ok: true, path: '/${name}', from: 'here' } : { name: '${name}', ok: false, problem: 'not found' };
    export async function install() { ${install} }`,
  );
}

function services(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'services.mjs'), ...args], {
    encoding: 'utf8',
  });
  return { status, out: stdout, err: stderr };
}

test('what is missing is installed once', () => {
  expect(services('install', 'good')).toEqual({
    status: 0,
    out: 'services: installing the good server, which can take some minutes\nservices: good is installed\n',
    err: '',
  });
  expect(services('install', 'good')).toEqual({ status: 0, out: 'services: good is there\n', err: '' });
});

test('one that fails does not keep the others from being installed', () => {
  const { status, out, err } = services('install', '--all');
  expect(status).toBe(1);
  expect(err).toBe('services: bad could not be installed: no such package\n');
  expect(out).toContain('services: good is installed\n');
});

test('check says what is there, and changes nothing', () => {
  services('install', 'good');
  const { status, out } = services('check');
  expect(status).toBe(1);
  expect(out).toBe('missing  bad           not found\nok       good          /good (here)\n');
  expect(JSON.parse(services('check', '--json').out)).toEqual([
    { name: 'bad', ok: false, problem: 'not found' },
    { name: 'good', ok: true, path: '/good', from: 'here' },
  ]);
});

describe('bad usage is a line and exit code 2', () => {
  test.each([
    [],
    ['install'],
    ['install', '--all', 'good'],
    ['install', 'other'],
    ['check', '--all'],
    ['remove', 'good'],
  ])('%j', (...args) => {
    const { status, out, err } = services(...args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/^services: .+\n$/);
  });
});
