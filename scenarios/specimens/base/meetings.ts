/** The signalling server: who is in which meeting, and what they tell each other. */
import type { Server } from 'node:https';
import { type WebSocket, WebSocketServer } from 'ws';
import { createLeg, type Leg, type Source } from './media.ts';
import { type ClientMessage, clientMessage, type ServerMessage } from './protocol.ts';
import type { Relay, Specimen } from './specimen.ts';

const SEATS = 4;
const MOST_BYTES = 1 << 20;

interface Meeting {
  members: Map<string, Member>;
  relay: Relay;
}

interface Member extends Pick<Meeting, 'members' | 'relay'> {
  name: string;
  leg: Leg;
  sources: Source[];
  tell(message: ServerMessage): void;
  send(bytes: Uint8Array): void;
}

/**
 * Serves meetings at `/signal` of this server.
 * @param config What the join reply carries beside the roster.
 */
export function serveMeetings(
  server: Server,
  { seats = SEATS, relay = () => asItIs }: Pick<Specimen, 'seats' | 'relay'>,
  config: (meeting: string) => Record<string, unknown>,
): void {
  const meetings = new Map<string, Meeting>();

  new WebSocketServer({ server, path: '/signal', maxPayload: MOST_BYTES }).on('connection', (socket) => {
    let member: Member | undefined;
    let work = Promise.resolve();
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        if (member) pass(member, data as Buffer);
        return;
      }
      work = work
        .then(async () => {
          if (socket.readyState !== socket.OPEN) return;
          const message = clientMessage.parse(JSON.parse(data.toString()));
          if (message.type === 'join') member ??= join(message, socket);
          else if (member) await handle(message, member);
        })
        .catch((error: Error) => {
          tell(socket, { type: 'refused', reason: error.message });
          socket.close(1008);
        });
    });
    socket.on('error', () => socket.close());
    socket.on('close', () => {
      if (member) leave(member);
    });
  });

  function join({ meeting: id, name }: ClientMessage & { type: 'join' }, socket: WebSocket): Member {
    const meeting = meetings.get(id) ?? { members: new Map(), relay: relay(id) };
    const { members } = meeting;
    if (members.has(name)) throw new Error(`somebody called ${name} is in the meeting already`);
    if (members.size >= seats) throw new Error('the meeting is full');
    const others = [...members.values()];
    const member: Member = {
      ...meeting,
      name,
      sources: [],
      tell: (message) => tell(socket, message),
      send: (bytes) => socket.send(bytes),
      leg: createLeg(name, {
        data: (bytes) => pass(member, bytes, 'channel'),
        source(source) {
          member.sources.push(source);
          for (const other of members.values()) if (other !== member) other.leg.forward(source);
        },
        offer: (sdp, tracks) => member.tell({ type: 'subscribe', sdp, tracks }),
      }),
    };
    members.set(name, member);
    meetings.set(id, meeting);
    member.tell({ type: 'welcome', participants: others.map((other) => other.name), config: config(id) });
    for (const other of others) {
      other.tell({ type: 'joined', name });
      for (const source of other.sources) member.leg.forward(source);
    }
    return member;
  }

  function leave({ name, members, leg }: Member): void {
    members.delete(name);
    leg.close();
    for (const other of members.values()) {
      other.leg.unforward(name);
      other.tell({ type: 'left', name });
    }
    for (const [id, { members }] of meetings) if (members.size === 0) meetings.delete(id);
  }
}

/** Passes on what a participant packed by itself, to each other participant by the way that it came. */
function pass({ name, members }: Member, bytes: Uint8Array, by: 'socket' | 'channel' = 'socket'): void {
  const message = Buffer.concat([Buffer.of(name.length), Buffer.from(name), bytes]);
  for (const other of members.values()) {
    if (other.name === name) continue;
    if (by === 'socket') other.send(message);
    else other.leg.send(message);
  }
}

async function handle(message: Exclude<ClientMessage, { type: 'join' }>, member: Member): Promise<void> {
  switch (message.type) {
    case 'publish':
      return member.tell({ type: 'published', sdp: await member.leg.publish(message.sdp) });
    case 'subscribed':
      return member.leg.subscribed(message.sdp);
    case 'relay': {
      const passed = await member.relay(member.name, message.to, message.message);
      return member.members.get(message.to)?.tell({ type: 'relay', from: member.name, message: passed });
    }
  }
}

function asItIs(_from: string, _to: string, message: unknown): unknown {
  return message;
}

function tell(socket: WebSocket, message: ServerMessage): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
