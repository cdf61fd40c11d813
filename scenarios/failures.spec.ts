/** What goes wrong ends with one clear line, the exit code that stands for it, and nothing left behind. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { RecordingReader } from '../harness/recording/reader.ts';
import { keywitness, start } from './testing/keywitness.ts';

/** Processes whose command line or environment names `mark`. */
function processesWith(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(mark));
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Runs with a temporary folder of its own, by which all that it leaves behind shows; its path is short, as sockets want it. */
function ownTemp() {
  const temp = mkdtempSync(join(tmpdir(), 'kw-'));
  temps.push(temp);
  return { temp, env: { TMPDIR: temp } };
}
const temps: string[] = [];
test.afterAll(() => {
  for (const temp of temps) rmSync(temp, { recursive: true, force: true });
});

/** Our own left-overs; the transpiler keeps a cache of its own there. */
function leftIn(temp: string): string[] {
  return readdirSync(temp).filter((name) => !name.startsWith('tsx-') && name !== 'node-compile-cache');
}

test.describe('usage', () => {
  const cases: [string, string[], RegExp][] = [
    ['an unknown service', ['run', 'janus/nothing'], /unknown service "janus\/nothing"; expected .*janus\/videoroom/],
    [
      'an unknown scenario',
      ['run', 'specimen/sealed', '--scenario', 'nope'],
      /unknown scenario "nope"; expected .*two-party/,
    ],
    [
      'an unknown claim',
      ['run', 'specimen/sealed', '--claim', 'nope'],
      /unknown claim "nope"; expected .*media-confidential/,
    ],
    ['a parameter that a claim does not have', ['run', 'specimen/sealed', '--claim', 'cipher,bits=1'], /cipher.*bits/],
    ['an address without a claim', ['run', 'http://127.0.0.1:1/'], /say what to judge/],
    [
      'an unknown place in an address',
      ['run', 'http://127.0.0.1:1/{room}', '--claim', 'cipher'],
      /unknown place \{room\}/,
    ],
    ['a folder name without .kw', ['run', 'specimen/sealed', '--out', 'x'], /ends in \.kw/],
    ['a recording that is not there', ['audit', '/nonexistent.kw'], /\/nonexistent\.kw holds no recording/],
    ['an unknown option', ['run', 'specimen/sealed', '--nope'], /unknown option '--nope'/],
  ];
  for (const [what, args, line] of cases)
    test(`${what} ends with exit code 2 and one line`, async ({}, info) => {
      const out = info.outputPath('out.kw');
      const { code, stdout, stderr } = await keywitness(
        args[0] === 'run' && !args.includes('--out') ? [...args, '--out', out] : args,
      );
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
      expect(existsSync(out)).toBe(false);
    });

  test('a damaged recording and a foreign one', async ({}, info) => {
    const foreign = info.outputPath('foreign.kw');
    mkdirSync(foreign, { recursive: true });
    writeFileSync(join(foreign, 'recording.json'), '{"format": 7}');
    const { code, stderr } = await keywitness(['audit', foreign]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/is a recording of format 7, expected 1\n$/);
    expect(readdirSync(foreign)).toEqual(['recording.json']);
  });

  test('a folder that is in use', async ({}, info) => {
    const out = info.outputPath('used.kw');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'mine'), '');
    const { code, stderr } = await keywitness(['run', 'specimen/sealed', '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot record into .*used\.kw: it is not empty/);
    expect(readdirSync(out)).toEqual(['mine']);
  });

  test('a folder that cannot be made', async ({}, info) => {
    const file = info.outputPath('file');
    writeFileSync(file, '');
    chmodSync(file, 0o400);
    const { code, stderr } = await keywitness(['run', 'specimen/sealed', '--out', join(file, 'x.kw')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot record into/);
  });
});

test('a service that is not there: exit code 4, within 30 s', async ({}, info) => {
  const out = info.outputPath('gone.kw');
  const began = performance.now();
  const { code, stderr } = await keywitness(['run', 'http://127.0.0.1:9/{meeting}', '--claim', 'cipher', '--out', out]);
  expect(code, stderr).toBe(4);
  expect(stderr).toMatch(/alice joins: .*127\.0\.0\.1:9/);
  expect(performance.now() - began).toBeLessThan(30_000);
});

test('a page that never connects: exit code 4 with the reason, given up within 30 s, and the recording so far', async ({}, info) => {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<h1>Waiting</h1>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const out = info.outputPath('waiting.kw');
  const { code, stderr } = await keywitness([
    'run',
    `http://127.0.0.1:${port}/{meeting}`,
    '--claim',
    'cipher',
    '--out',
    out,
  ]);
  server.close();
  expect(code, stderr).toBe(4);
  expect(stderr).toMatch(/alice does not show bob's test card; bob does not show alice's test card/);
  using reader = new RecordingReader(out);
  expect(reader.recording).toMatchObject({ complete: false, outcome: { connected: false } });
  // By the recording's clock: how long a busy machine takes to end browsers is another matter.
  const errors = [...reader.events()].filter(({ type }) => type === 'call.error');
  expect(errors.map(({ participant }) => participant)).toEqual(['alice', 'bob']);
  expect(errors[0]!.t).toBeLessThan(30_000);
  expect([...reader.events()].some(({ type }) => type === 'http.request')).toBe(true);
});

test('Ctrl-C in mid-call: exit code 130, nothing left behind, the recording readable', async ({}, info) => {
  const { temp, env } = ownTemp();
  const out = info.outputPath('interrupted.kw');
  const running = start(['run', 'specimen/sealed', '--seconds', '60', '--out', out], env);
  await running.said('the call goes on');
  running.process.kill('SIGINT');
  const { code, stderr } = await running.ended;
  expect(code, stderr).toBe(130);
  expect(processesWith(temp)).toEqual([]);
  expect(leftIn(temp)).toEqual([]);
  using reader = new RecordingReader(out);
  expect(reader.recording.complete).toBe(false);
  expect([...reader.events()].length).toBeGreaterThan(100);
});

test('kill -9 of keywitness in mid-call: no process outlives it, the recording is readable', async ({}, info) => {
  const { temp, env } = ownTemp();
  const out = info.outputPath('killed.kw');
  const running = start(['run', 'specimen/sealed', '--seconds', '60', '--out', out], env);
  await running.said('the call goes on');
  running.process.kill('SIGKILL');
  await running.ended;
  await expect.poll(() => processesWith(temp), { timeout: 20_000 }).toEqual([]);
  using reader = new RecordingReader(out);
  expect(reader.recording.complete).toBe(false);
  expect([...reader.events()].length).toBeGreaterThan(100);
});

test('a browser that is killed in mid-call: exit code 4, nothing left behind', async ({}, info) => {
  const { temp, env } = ownTemp();
  const out = info.outputPath('crashed.kw');
  const running = start(['run', 'specimen/sealed', '--seconds', '60', '--out', out], env);
  await running.said('the call goes on');
  const browser = processesWith(temp).find((pid) => {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return commandLine.includes('--user-data-dir=') && !commandLine.includes('--type=');
  });
  process.kill(browser!, 'SIGKILL');
  const { code, stderr } = await running.ended;
  expect(code, stderr).toBe(4);
  expect(stderr).toMatch(/browser ended unexpectedly/);
  expect(processesWith(temp)).toEqual([]);
  expect(leftIn(temp)).toEqual([]);
});

test('each list names what there is', async () => {
  const files = (folder: string) =>
    readdirSync(new URL(folder, import.meta.url))
      .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort();
  const groups = readdirSync(new URL('./services/', import.meta.url)).sort();
  const services = [
    ...groups.flatMap((group) => files(`./services/${group}/`).map((name) => `${group}/${name}`)),
    ...files('./specimens/').map((name) => `specimen/${name}`),
  ];
  expect(services.length).toBeGreaterThan(30);
  const names: Record<string, RegExp> = {
    services: new RegExp(`^${services.map((name) => `${name} {2,}\\S.*\n`).join('')}$`),
    scenarios: /^two-party /m,
    claims: /^media-confidential /m,
    vendors: /^specimen\/zoom-2020 .*end-to-end encryption/m,
  };
  for (const [what, expected] of Object.entries(names)) {
    const { code, stdout, stderr } = await keywitness(['list', what]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(expected);
  }
});

test('doctor says that all is here, and what is missing', async () => {
  expect((await keywitness(['doctor'])).code).toBe(0);
  const { code, stdout } = await keywitness(['doctor'], { KEYWITNESS_CHROMIUM: '/nonexistent' });
  expect(code).toBe(2);
  expect(stdout).toMatch(/missing {2}Chromium: install/);
});
