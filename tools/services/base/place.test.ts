import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { place, run } from './place.mjs';

afterEach(() => vi.unstubAllEnvs());

test('services are kept in the cache of whoever installs them', () => {
  vi.stubEnv('XDG_CACHE_HOME', '');
  expect(place('one', '1.2')).toBe(join(homedir(), '.cache/keywitness/services/one/1.2'));
  vi.stubEnv('XDG_CACHE_HOME', '/cache');
  expect(place('one', '1.2')).toBe('/cache/keywitness/services/one/1.2');
});

describe('a command', () => {
  test('gives what it writes, in its folder and with its variables', async () => {
    expect(await run('sh', ['-c', 'pwd; echo $GREETING'], { cwd: '/', env: { GREETING: 'hello' } })).toBe('/\nhello\n');
  });

  test('that fails gives the last line with something in it', async () => {
    const failing = run('sh', ['-c', 'echo first; echo "  E: because" >&2; echo ---; exit 3']);
    await expect(failing).rejects.toThrow(/^sh failed \(exit code 3\): E: because$/);
  });

  test('that is not there is told from one that fails', async () => {
    await expect(run('keywitness-nothing', [])).rejects.toThrow(/^keywitness-nothing isn't there to be run$/);
  });

  test('that takes too long is ended, with all that it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keywitness-place-'));
    const started = join(folder, 'pid');
    const slow = run('sh', ['-c', `sleep 1000 & echo $! > ${started}; wait`], { timeout: 1000 });
    await expect(slow).rejects.toThrow(/^sh was ended after 1 s/);
    const pid = Number(readFileSync(started, 'utf8'));
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 20_000 });
    rmSync(folder, { recursive: true });
  });
});
