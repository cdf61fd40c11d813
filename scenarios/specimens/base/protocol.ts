/**
 * The signalling protocol of the specimens: JSON messages over one WebSocket a participant. Media goes over two peer
 * connections: the client offers the one on which it publishes, the server offers the one on which it subscribes, again
 * each time somebody's media come or go. Leaving is closing the socket.
 */
import { z } from 'zod';

const name = z.string().regex(/^[a-z]{1,32}$/, 'expected a name of lower-case letters');
const sdp = z.string().max(200_000);

/** What a client may send. */
export const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('join'), meeting: z.string().regex(/^[a-z0-9]{1,64}$/), name }),
  /** The offer of the publishing connection. */
  z.strictObject({ type: z.literal('publish'), sdp }),
  /** The answer for the subscribing connection. */
  z.strictObject({ type: z.literal('subscribed'), sdp }),
  /** A message for another participant, opaque to the server. */
  z.strictObject({ type: z.literal('relay'), to: name, message: z.unknown() }),
]);
export type ClientMessage = z.infer<typeof clientMessage>;

export type Medium = 'audio' | 'video';

/** Whose medium a subscribed media section carries, by its `mid`. */
export type Subscriptions = Record<string, { from: string; kind: Medium }>;

/** What the server sends. */
export type ServerMessage =
  /** The join reply: who is there already, and whatever else the service tells its clients. */
  | { type: 'welcome'; participants: string[]; config: Record<string, unknown> }
  | { type: 'refused'; reason: string }
  | { type: 'joined'; name: string }
  | { type: 'left'; name: string }
  /** The answer for the publishing connection. */
  | { type: 'published'; sdp: string }
  /** The offer of the subscribing connection. */
  | { type: 'subscribe'; sdp: string; tracks: Subscriptions }
  | { type: 'relay'; from: string; message: unknown };
