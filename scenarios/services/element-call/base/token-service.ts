/**
 * The service that lets Matrix's users into LiveKit's rooms, as Element's lk-jwt-service does (MSC4195): whoever shows a token of
 * OpenID from the homeserver gets one for LiveKit. Of its addresses this is `/sfu/get`, which Element Call asks unless it is set to
 * `matrix_2_0` (its src/livekit/openIDSFU.ts).
 */
import { z } from 'zod';
import type { LiveKit } from '../../livekit/base/server.ts';
import { accessToken } from '../../livekit/base/token.ts';
import type { Synapse } from './synapse.ts';

/** ms for Synapse to say whose a token is. */
const ANSWER_WITHIN = 20_000;

const text = z.string().min(1).max(255);
const request = z.object({
  room: text,
  openid_token: z.object({ access_token: z.string().min(1).max(1024), matrix_server_name: text }),
  device_id: text,
});

/** A status of HTTP and what is answered with it; errors in the form that Matrix gives them. */
export interface Answer {
  status: number;
  body: { url: string; jwt: string } | { errcode: string; error: string };
}

/**
 * @param asked the request's body, parsed.
 * @throws Error if the homeserver can't be asked.
 */
export async function exchangeToken(
  asked: unknown,
  livekit: Pick<LiveKit, 'url' | 'key'>,
  synapse: Pick<Synapse, 'url' | 'serverName'>,
): Promise<Answer> {
  const parsed = request.safeParse(asked);
  if (!parsed.success)
    return refusal(
      400,
      'M_BAD_JSON',
      'expected {"room", "openid_token": {"access_token", "matrix_server_name"}, "device_id"}',
    );
  const { room, openid_token: openId, device_id: device } = parsed.data;
  const user = openId.matrix_server_name === synapse.serverName && (await userOf(openId.access_token, synapse.url));
  if (!user) return refusal(401, 'M_UNAUTHORIZED', 'the homeserver does not know this OpenID token');
  // Element Call expects its participants under these names (matrix-js-sdk's `rtcBackendIdentity` of memberships in state events).
  return { status: 200, body: { url: livekit.url, jwt: accessToken(livekit.key, room, `${user}:${device}`) } };
}

function refusal(status: number, errcode: string, error: string): Answer {
  return { status, body: { errcode, error } };
}

/** https://spec.matrix.org/v1.15/server-server-api/#openid. @returns nobody where the homeserver doesn't know the token */
async function userOf(token: string, homeserver: string): Promise<string | undefined> {
  const address = new URL('/_matrix/federation/v1/openid/userinfo', homeserver);
  address.searchParams.set('access_token', token);
  const response = await fetch(address, { signal: AbortSignal.timeout(ANSWER_WITHIN) });
  if (!response.ok) return undefined;
  return ((await response.json()) as { sub: string }).sub;
}
