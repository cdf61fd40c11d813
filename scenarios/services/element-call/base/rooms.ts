/** Accounts and rooms on Synapse, made as its administrator and its users would: one room a meeting, one account a participant. */
import { createHmac, randomBytes } from 'node:crypto';
import type { Synapse } from './synapse.ts';

/** With which a participant logs in. */
export interface Account {
  user: string;
  password: string;
}

/** A participant's way into a meeting. */
export interface Invitation extends Account {
  /** Matrix's name of the meeting's room: `!…`. */
  room: string;
}

/** ms for an answer of Synapse's; it takes some 100, and a second where it hashes a password. */
const ANSWER_WITHIN = 20_000;

/**
 * Gives each participant an account and makes them members of the meeting's room, which the first one makes.
 * @param encrypted whether rooms are end-to-end encrypted, and so their calls.
 */
export function roomsOn(
  synapse: Synapse,
  encrypted: boolean,
): (meeting: string, participant: string) => Promise<Invitation> {
  /** Resolves to the room's name once the first participant has made it. */
  const rooms = new Map<string, Promise<string>>();
  return async (meeting, participant) => {
    const password = randomBytes(18).toString('base64url');
    const account = { user: `${participant}-${meeting}`, password };
    const token = await register(synapse, account, participant);
    const known = rooms.get(meeting);
    const room = known ?? createRoom(synapse, token, meeting, encrypted);
    rooms.set(meeting, room);
    if (known) await ask(synapse, 'POST', `/_matrix/client/v3/join/${encodeURIComponent(await known)}`, token, {});
    const invitation = { ...account, room: await room };
    // Only the participant's own browser shall be a device that keys are sent to.
    await ask(synapse, 'POST', '/_matrix/client/v3/logout', token, {});
    return invitation;
  };
}

/** https://element-hq.github.io/synapse/latest/admin_api/register_api.html. @returns an access token */
async function register(synapse: Synapse, { user, password }: Account, displayname: string): Promise<string> {
  const path = '/_synapse/admin/v1/register';
  const { nonce } = await ask<{ nonce: string }>(synapse, 'GET', path);
  const mac = createHmac('sha1', synapse.registrationSecret)
    .update([nonce, user, password, 'notadmin'].join('\0'))
    .digest('hex');
  const body = { nonce, username: user, displayname, password, admin: false, mac };
  const { access_token: token } = await ask<{ access_token: string }>(synapse, 'POST', path, undefined, body);
  return token;
}

/** Everybody may say that they are in the call (`org.matrix.msc3401.call.member`, MSC3401), as Element's clients allow it. */
async function createRoom(synapse: Synapse, token: string, name: string, encrypted: boolean): Promise<string> {
  const encryption = {
    type: 'm.room.encryption',
    state_key: '',
    content: { algorithm: 'm.megolm.v1.aes-sha2' },
  };
  const { room_id: room } = await ask<{ room_id: string }>(synapse, 'POST', '/_matrix/client/v3/createRoom', token, {
    name,
    preset: 'public_chat',
    initial_state: encrypted ? [encryption] : [],
    power_level_content_override: { events: { 'org.matrix.msc3401.call.member': 0 } },
  });
  return room;
}

async function ask<T>(synapse: Synapse, method: string, path: string, token?: string, body?: unknown): Promise<T> {
  const response = await fetch(synapse.url + path, {
    method,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_WITHIN),
  });
  if (!response.ok) throw new Error(`Synapse answers ${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
