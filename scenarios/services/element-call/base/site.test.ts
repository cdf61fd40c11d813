import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find } from '../../../../tools/services/element-call.mjs';
import { type Site, serveSite } from './site.ts';

describe.skipIf(!find().ok)('the site', () => {
  let site: Site;
  const exchanged: unknown[] = [];
  beforeAll(async () => {
    site = await serveSite({
      config: () => ({ made: 'of late' }),
      async exchangeToken(asked) {
        exchanged.push(asked);
        return { status: 400, body: { errcode: 'M_BAD_JSON', error: 'no' } };
      },
    });
  });
  afterAll(() => site?.close());

  const post = (body: string) => fetch(`${site.tokenService}/sfu/get`, { method: 'POST', body });

  test('is Element Call, with all that it is made of', async () => {
    const page = await (await fetch(`${site.origin}/room`)).text();
    expect(page).toContain('<title>Element Call</title>');
    const script = /src="\.(\/assets\/index-[^"]+\.js)"/.exec(page)![1];
    expect((await fetch(site.origin + script)).headers.get('content-type')).toMatch('javascript');
    expect(await (await fetch(`${site.origin}/config.json`)).json()).toEqual({ made: 'of late' });
  });

  test('passes requests for tokens on, and what is answered back', async () => {
    const answer = await post('{"room": "one"}');
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ errcode: 'M_BAD_JSON', error: 'no' });
    expect(exchanged.splice(0)).toEqual([{ room: 'one' }]);
  });

  test.each([
    ['what is no JSON', '{'],
    ['what is far too long', JSON.stringify('x'.repeat(1 << 20))],
  ])('takes %s for nothing', async (_, body) => {
    expect((await post(body)).status).toBe(400);
    expect(exchanged.splice(0)).toEqual([undefined]);
  });

  test.each(['/assets/', '/assets/..%2findex.html', '/assets/missing.js', '/livekit/jwt/get_token', '/etc/passwd'])(
    'has nothing at %s',
    async (path) => {
      expect((await fetch(site.origin + path)).status).toBe(404);
    },
  );
});
