/** LiveKit's access tokens: JSON Web Tokens (RFC 7519) with HS256, https://docs.livekit.io/frontends/authentication/tokens. */
import { createHmac } from 'node:crypto';
import type { ApiKey } from './server.ts';

/** s for which a token lets its holder join. */
const VALID_FOR = 10 * 60;
/** s by which clocks may differ. */
const SKEW = 10;

/** A token that lets a participant join a room, publish and subscribe. */
export function accessToken(key: ApiKey, room: string, identity: string): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = [
    encode({ alg: 'HS256', typ: 'JWT' }),
    encode({ iss: key.name, sub: identity, nbf: now - SKEW, exp: now + VALID_FOR, video: { room, roomJoin: true } }),
  ].join('.');
  return `${signed}.${createHmac('sha256', key.secret).update(signed).digest('base64url')}`;
}
