import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { inFolder, type Program, startProgram } from './program.ts';

/** A limit for what has no reason not to happen. */
const PATIENTLY = { timeout: 20_000 };

const read: Program<string>['read'] = (line, output) => ({
  complaint: output === 'stderr' ? line : undefined,
  ready: /^port (\d+)/.exec(line)?.[1],
});

function node(script: string, startWithin = 30_000): Program<string> {
  return { name: 'Node', path: process.execPath, args: ['-e', script], startWithin, read };
}

const UP = "console.log('starting'); console.log('port 7'); setInterval(() => {}, 1000);";

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

describe('a program', () => {
  test('is there once it says so, and gone once it is stopped', async () => {
    const { pid, ready, ended, stop } = await startProgram(node(UP));
    expect(ready).toBe('7');
    expect(isThere(pid)).toBe(true);
    expect(ended()).toBeUndefined();
    await stop();
    expect(isThere(pid)).toBe(false);
    expect(ended()).toBeUndefined();
  });

  test('that ends by itself says how, and what it complained of last', async () => {
    const died = await startProgram(node(UP));
    process.kill(died.pid, 'SIGKILL');
    await expect.poll(() => died.ended(), PATIENTLY).toBe('Node ended (SIGKILL)');
    await died.stop();

    const complaining = "console.error('first'); console.error('no more memory'); process.exitCode = 3;";
    await expect(startProgram(node(complaining))).rejects.toThrow(/^Node ended \(exit code 3\): no more memory$/);
  });

  test('that is not up in time is ended', async () => {
    await expect(startProgram(node('setInterval(() => {}, 1000)', 1))).rejects.toThrow("Node isn't up after 1 ms");
  });

  test('that is not there is a program that ended', async () => {
    await expect(startProgram({ ...node(''), path: '/nonexistent' })).rejects.toThrow(/^Node ended .*nonexistent/);
  });

  test('does not outlive the process that started it', async () => {
    const program = JSON.stringify({ name: 'Node', path: process.execPath, args: ['-e', UP], startWithin: 30_000 });
    const script = `
      const { startProgram } = await import(${JSON.stringify(new URL('./program.ts', import.meta.url).href)});
      const { pid } = await startProgram({ ...${program}, read: (line) => ({ ready: line }) });
      console.log(pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: parent.stdout }), 'line');
    expect(isThere(Number(line))).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => isThere(Number(line)), PATIENTLY).toBe(false);
  });
});

describe('a folder of its own', () => {
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('keywitness-folder-test-'));

  test('is there until what was started in it is stopped', async () => {
    let stopped = 0;
    const { stop, path } = await inFolder('folder-test', async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      return { path: folder, stop: async () => void stopped++ };
    });
    expect(existsSync(join(path, 'file'))).toBe(true);
    await stop();
    expect([stopped, left()]).toEqual([1, []]);
  });

  test('goes where nothing started', async () => {
    const failing = inFolder('folder-test', async () => {
      throw new Error('it did not start');
    });
    await expect(failing).rejects.toThrow('it did not start');
    expect(left()).toEqual([]);
  });
});
