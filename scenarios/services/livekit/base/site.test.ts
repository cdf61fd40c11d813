import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Site, serveSite } from './site.ts';
import { accessToken } from './token.ts';

const require = createRequire(import.meta.url);

describe('an access token', () => {
  const key = { name: 'someone', secret: 'secret of someone' };
  const [header, claims, signature] = accessToken(key, 'room1', 'alice').split('.');
  const decode = (part: string | undefined) => JSON.parse(Buffer.from(part!, 'base64url').toString());

  test('lets one participant into one room, for a while', () => {
    const now = Date.now() / 1000;
    expect(decode(header)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const { nbf, exp, ...rest } = decode(claims);
    expect(rest).toEqual({ iss: 'someone', sub: 'alice', video: { room: 'room1', roomJoin: true } });
    expect(nbf).toBeLessThan(now);
    expect(exp).toBeGreaterThan(now);
  });

  test('is signed with the secret', () => {
    const expected = createHmac('sha256', key.secret).update(`${header}.${claims}`).digest('base64url');
    expect(signature).toBe(expected);
  });
});

describe('the site', () => {
  let site: Site;
  beforeAll(async () => {
    site = await serveSite('server', (meeting, participant) => ({
      url: 'ws://127.0.0.1:1',
      token: `${meeting} ${participant}`,
      passphrase: 'words',
    }));
  });
  afterAll(() => site.close());

  const post = (body: string) => fetch(`${site.origin}/join`, { method: 'POST', body });

  test('has a page for each meeting, which says where its passphrase comes from', async () => {
    expect(await (await fetch(`${site.origin}/room/abc123`)).text()).toContain('data-passphrase="server"');
  });

  test("serves LiveKit's client, and its worker as it is", async () => {
    expect((await (await fetch(`${site.origin}/page.js`)).text()).includes('ExternalE2EEKeyProvider')).toBe(true);
    const worker = Buffer.from(await (await fetch(`${site.origin}/worker.js`)).arrayBuffer());
    expect(worker.equals(readFileSync(require.resolve('livekit-client/e2ee-worker')))).toBe(true);
  });

  test('admits whoever asks by name', async () => {
    const answer = await post('{"meeting": "abc123", "participant": "alice"}');
    expect(await answer.json()).toEqual({ url: 'ws://127.0.0.1:1', token: 'abc123 alice', passphrase: 'words' });
  });

  test.each([
    ['nothing', ''],
    ['no names', '{}'],
    ['a name too few', '{"meeting": "abc"}'],
    ['a name that is none', '{"meeting": "a b", "participant": "alice"}'],
    ['much too much', JSON.stringify('x'.repeat(5000))],
  ])('refuses %s', async (_, body) => {
    expect((await post(body)).status).toBe(400);
  });

  test.each(['/', '/room/', '/room/a/b', '/etc/passwd', '/join'])('has nothing at %s', async (path) => {
    expect((await fetch(site.origin + path)).status).toBe(404);
  });
});
