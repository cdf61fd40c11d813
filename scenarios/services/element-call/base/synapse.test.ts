import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find } from '../../../../tools/services/synapse.mjs';
import { roomsOn } from './rooms.ts';
import { type Synapse, startSynapse } from './synapse.ts';
import { exchangeToken } from './token-service.ts';

/** The folder that a process's configuration is in. */
function folderOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').match(/keywitness-synapse-\w+/)![0];
}

/** Addresses, in hex as /proc has them, of a process's sockets of TCP and UDP. */
function boundBy(pid: number): Set<string> {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const lines = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1),
  );
  const fields = lines.map((line) => line.trim().split(/\s+/)).filter((field) => inodes.includes(field[9] ?? ''));
  return new Set(fields.map(([, local = '']) => local.split(':')[0]!));
}

describe.skipIf(!find().ok)('Synapse', () => {
  let synapse: Synapse;
  beforeAll(async () => {
    synapse = await startSynapse('http://127.0.0.1:1/livekit/jwt');
  });
  afterAll(() => synapse?.stop());

  /** Asks its client API. */
  async function ask(path: string, token?: string, body?: object): Promise<unknown> {
    const response = await fetch(`${synapse.url}/_matrix/client/${path}`, {
      method: body ? 'POST' : 'GET',
      headers: token ? { authorization: `Bearer ${token}` } : {},
      ...(body && { body: JSON.stringify(body) }),
    });
    return response.json();
  }

  async function logIn({ user, password }: { user: string; password: string }) {
    const identifier = { type: 'm.id.user', user };
    const session = await ask('v3/login', undefined, { type: 'm.login.password', identifier, password });
    return session as { access_token: string; user_id: string };
  }

  test('listens on loopback alone', () => {
    // 127.0.0.1, in the order of this machine's bytes.
    expect(boundBy(synapse.pid)).toEqual(new Set(['0100007F']));
  });

  test.each([true, false])(
    'has a room for each meeting, with its participants in it; encrypted: %s',
    async (encrypted) => {
      const invite = roomsOn(synapse, encrypted);
      const meeting = encrypted ? 'one' : 'two';
      const alice = await invite(meeting, 'alice');
      const bob = await invite(meeting, 'bob');
      expect(bob.room).toBe(alice.room);
      expect(bob.password).not.toBe(alice.password);
      const { access_token: token } = await logIn(bob);
      const state = (await ask(`v3/rooms/${encodeURIComponent(bob.room)}/state`, token)) as {
        type: string;
        state_key: string;
      }[];
      const members = state.filter(({ type }) => type === 'm.room.member').map(({ state_key: user }) => user);
      expect(members.sort()).toEqual([
        `@alice-${meeting}:${synapse.serverName}`,
        `@bob-${meeting}:${synapse.serverName}`,
      ]);
      expect(state.some(({ type }) => type === 'm.room.encryption')).toBe(encrypted);
      // Keys go to all of a user's devices: there is only the one that logged in.
      expect(await ask('v3/devices', token)).toMatchObject({ devices: [expect.anything()] });
    },
  );

  test('tells clients of the service that gives out tokens, and knows its own users by theirs', async () => {
    const carol = await logIn(await roomsOn(synapse, false)('three', 'carol'));
    expect(await ask('unstable/org.matrix.msc4143/rtc/transports', carol.access_token)).toEqual({
      rtc_transports: [{ type: 'livekit', livekit_service_url: 'http://127.0.0.1:1/livekit/jwt' }],
    });
    const own = `v3/user/${encodeURIComponent(carol.user_id)}/openid/request_token`;
    const openId = (await ask(own, carol.access_token, {})) as object;
    const livekit = { url: 'ws://127.0.0.1:2', key: { name: 'someone', secret: 'secret of someone' } };
    const exchange = (token: object) =>
      exchangeToken({ room: '!room', openid_token: token, device_id: 'PHONE' }, livekit, synapse);
    expect(await exchange(openId)).toMatchObject({ status: 200, body: { url: livekit.url } });
    expect(await exchange({ ...openId, access_token: 'guessed' })).toMatchObject({ status: 401 });
  });

  test('leaves nothing behind when stopped', async () => {
    const other = await startSynapse('http://127.0.0.1:1');
    const folder = folderOf(other.pid);
    expect(readdirSync(tmpdir())).toContain(folder);
    await other.stop();
    expect(existsSync(`/proc/${other.pid}/exe`)).toBe(false);
    expect(readdirSync(tmpdir())).not.toContain(folder);
  });
});
