import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchangeToken } from './token-service.ts';

const livekit = { url: 'ws://127.0.0.1:1', key: { name: 'someone', secret: 'secret of someone' } };

/** A homeserver that knows one token. */
let homeserver: Server;
let synapse: { url: string; serverName: string };
beforeAll(async () => {
  homeserver = createServer(({ url }, response) => {
    const known = url === '/_matrix/federation/v1/openid/userinfo?access_token=good%26true';
    response
      .writeHead(known ? 200 : 401)
      .end(JSON.stringify(known ? { sub: '@alice:home.test' } : { errcode: 'M_UNKNOWN_TOKEN' }));
  });
  await new Promise<void>((resolve) => homeserver.listen(0, '127.0.0.1', resolve));
  synapse = { url: `http://127.0.0.1:${(homeserver.address() as AddressInfo).port}`, serverName: 'home.test' };
});
afterAll(() => homeserver.close());

const openId = { access_token: 'good&true', matrix_server_name: 'home.test', token_type: 'Bearer', expires_in: 3600 };
const asked = { room: '!room', openid_token: openId, device_id: 'PHONE' };

test('whoever the homeserver knows gets into the LiveKit room of that name, as the device that they say', async () => {
  const { status, body } = await exchangeToken(asked, livekit, synapse);
  expect(status).toBe(200);
  expect(body).toMatchObject({ url: livekit.url });
  const claims = JSON.parse(Buffer.from((body as { jwt: string }).jwt.split('.')[1]!, 'base64url').toString());
  expect(claims).toMatchObject({ sub: '@alice:home.test:PHONE', video: { room: '!room', roomJoin: true } });
});

test.each([
  ['a token that the homeserver does not know', { access_token: 'bad' }],
  ['a token of another homeserver', { matrix_server_name: 'elsewhere.test' }],
])('%s is refused', async (_, wrong) => {
  const answer = await exchangeToken({ ...asked, openid_token: { ...openId, ...wrong } }, livekit, synapse);
  expect(answer).toEqual({
    status: 401,
    body: { errcode: 'M_UNAUTHORIZED', error: 'the homeserver does not know this OpenID token' },
  });
});

test.each([
  ['nothing', undefined],
  ['no room', { ...asked, room: undefined }],
  ['no device', { ...asked, device_id: '' }],
  ['no token', { ...asked, openid_token: 'good&true' }],
  ['names that are too long', { ...asked, device_id: 'x'.repeat(1000) }],
])('%s is refused, and told what is expected', async (_, wrong) => {
  const { status, body } = await exchangeToken(wrong, livekit, synapse);
  expect(status).toBe(400);
  expect(body).toMatchObject({ errcode: 'M_BAD_JSON', error: expect.stringMatching(/^expected .*"openid_token"/) });
});

test('a homeserver that is gone is an error', async () => {
  await expect(exchangeToken(asked, livekit, { ...synapse, url: 'http://127.0.0.1:1' })).rejects.toThrow();
});
