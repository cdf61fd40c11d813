import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { find } from '../../../../tools/services/livekit.mjs';
import { startLiveKit } from './server.ts';

/** A limit for what has no reason not to happen. */
const PATIENTLY = { timeout: 20_000 };

/** The folder that a process's configuration is in. */
function folderOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').match(/keywitness-livekit-\w+/)![0];
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}

/** Addresses, in hex as /proc has them, on which a process listens or has bound UDP. */
function boundBy(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([, local = '', , , , , , , , inode = '']) => (inodes.has(inode) ? [local.split(':')[0]!] : [])),
  );
}

describe.skipIf(!find().ok)('LiveKit', () => {
  test('listens on loopback alone, and leaves nothing behind when stopped', async () => {
    const livekit = await startLiveKit();
    const folder = folderOf(livekit.pid);
    expect(readdirSync(tmpdir())).toContain(folder);
    expect(await (await fetch(livekit.url.replace('ws', 'http'))).text()).toBeTruthy();
    // 127.0.0.1, in the order of this machine's bytes.
    expect(new Set(boundBy(livekit.pid))).toEqual(new Set(['0100007F']));
    await livekit.stop();
    expect(isThere(livekit.pid)).toBe(false);
    expect(readdirSync(tmpdir())).not.toContain(folder);
    expect(livekit.ended()).toBeUndefined();
  });

  test('says that it died, and leaves nothing behind then either', async () => {
    const livekit = await startLiveKit();
    const folder = folderOf(livekit.pid);
    expect(livekit.ended()).toBeUndefined();
    process.kill(livekit.pid, 'SIGKILL');
    await expect.poll(() => livekit.ended(), PATIENTLY).toMatch(/^LiveKit ended \(SIGKILL\)/);
    await livekit.stop();
    expect(readdirSync(tmpdir())).not.toContain(folder);
  });

  test('does not outlive the process that started it', async () => {
    const script = `
      const { startLiveKit } = await import(${JSON.stringify(new URL('./server.ts', import.meta.url).href)});
      const { pid } = await startLiveKit();
      console.log(pid);
      setInterval(() => {}, 1000);`;
    const parent: ChildProcess = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: parent.stdout! }), 'line');
    const pid = Number(line);
    const folder = folderOf(pid);
    parent.kill('SIGKILL');
    await expect.poll(() => isThere(pid), PATIENTLY).toBe(false);
    rmSync(join(tmpdir(), folder), { recursive: true });
  });
});
