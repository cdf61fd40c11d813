/** What comes out of a realm, turned into events of the recording. All of it is hostile: a page may have had a hand in it. */
import { z } from 'zod';
import { type EventType, type NewEvent, parseEvent } from '../../recording/format.ts';

/** As `prelude/emit.ts` writes it. */
const messageSchema = z.strictObject({
  n: z.number().int().nonnegative(),
  type: z.string(),
  fields: z.record(z.string(), z.unknown()),
  bytes: z.record(z.string(), z.base64()),
});
export type RealmMessage = z.infer<typeof messageSchema>;

/** @returns undefined for anything else than a message of the hooks. */
export function parseMessage(payload: unknown): RealmMessage | undefined {
  if (typeof payload !== 'string') return undefined;
  try {
    return messageSchema.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}

const FROM_REALMS: ReadonlySet<string> = new Set<EventType>([
  'rtc.opened',
  'rtc.description',
  'rtc.state',
  'rtc.transport',
  'rtc.channel',
  'rtc.data',
  'frame',
  'socket.message',
  'encoder.chunk',
  'crypto.key',
  'crypto.random',
  'crypto.derive',
  'crypto.cipher',
  'crypto.digest',
  'crypto.sign',
  'crypto.export',
]);
/** Fields that name something within its realm: keys (k1), connections (c1), transforms (t1), sockets (s1), encoders (e1). */
const NAMES = ['key', 'by', 'base', 'peer', 'connection', 'transform', 'socket', 'encoder'];
const NAME = /^[kctse]\d+$/;

/**
 * The recording's event for a realm's message, its names made unique by the realm's.
 *
 * @throws Error that says what is wrong with it, of the same shape as {@link parseEvent}'s.
 */
export function eventOf({ type, fields, bytes }: RealmMessage, participant: string, realm: string): NewEvent {
  if (!FROM_REALMS.has(type)) throw new Error(`a realm can't send an event of type ${JSON.stringify(type)}`);
  const named: Record<string, unknown> = { ...fields };
  for (const field of NAMES) {
    const name = named[field];
    if (typeof name !== 'string') continue;
    if (!NAME.test(name)) throw new Error(`${field} is no name: ${JSON.stringify(name.slice(0, 50))}`);
    named[field] = `${realm}/${name}`;
  }
  const common = { participant, vantage: 'page', type, realm } as const;
  // The format's own schema judges it, with pointers in the place of bytes.
  const pointers = Object.fromEntries(Object.keys(bytes).map((field) => [field, POINTER]));
  parseEvent({ seq: 0, t: 0, ...named, ...pointers, ...common });
  for (const [field, text] of Object.entries(bytes)) named[field] = Buffer.from(text, 'base64');
  return { ...named, ...common } as unknown as NewEvent;
}

const POINTER = { offset: 0, length: 0, sha256: '0'.repeat(64) };
