import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { find } from '../../../../tools/services/livekit.mjs';
import { startLiveKit } from './server.ts';

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
});
