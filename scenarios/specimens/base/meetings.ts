/** The signalling server: who is in which meeting, and what they tell each other. */
import type { Server } from 'node:https';
import { type WebSocket, WebSocketServer } from 'ws';
import { createLeg, type Leg, type Source } from './media.ts';
import { type ClientMessage, clientMessage, type ServerMessage } from './protocol.ts';

const MOST_PARTICIPANTS = 4;
const MOST_BYTES = 1 << 20;

interface Member {
  name: string;
  meeting: Map<string, Member>;
  leg: Leg;
  sources: Source[];
  tell(message: ServerMessage): void;
}

/**
 * Serves meetings at `/signal` of this server.
 * @param config What the join reply carries beside the roster.
 */
export function serveMeetings(
  server: Server,
  config: (meeting: string, name: string) => Record<string, unknown>,
): void {
  const meetings = new Map<string, Map<string, Member>>();

  new WebSocketServer({ server, path: '/signal', maxPayload: MOST_BYTES }).on('connection', (socket) => {
    let member: Member | undefined;
    let work = Promise.resolve();
    socket.on('message', (data) => {
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
    const meeting = meetings.get(id) ?? new Map<string, Member>();
    if (meeting.has(name)) throw new Error(`somebody called ${name} is in the meeting already`);
    if (meeting.size >= MOST_PARTICIPANTS) throw new Error('the meeting is full');
    const others = [...meeting.values()];
    const member: Member = {
      name,
      meeting,
      sources: [],
      tell: (message) => tell(socket, message),
      leg: createLeg(name, {
        source(source) {
          member.sources.push(source);
          for (const other of meeting.values()) if (other !== member) other.leg.forward(source);
        },
        offer: (sdp, tracks) => member.tell({ type: 'subscribe', sdp, tracks }),
      }),
    };
    meetings.set(id, meeting.set(name, member));
    member.tell({ type: 'welcome', participants: others.map((other) => other.name), config: config(id, name) });
    for (const other of others) {
      other.tell({ type: 'joined', name });
      for (const source of other.sources) member.leg.forward(source);
    }
    return member;
  }

  function leave(member: Member): void {
    member.meeting.delete(member.name);
    member.leg.close();
    for (const other of member.meeting.values()) {
      other.leg.unforward(member.name);
      other.tell({ type: 'left', name: member.name });
    }
    for (const [id, meeting] of meetings) if (meeting.size === 0) meetings.delete(id);
  }
}

async function handle(message: Exclude<ClientMessage, { type: 'join' }>, member: Member): Promise<void> {
  switch (message.type) {
    case 'publish':
      return member.tell({ type: 'published', sdp: await member.leg.publish(message.sdp) });
    case 'subscribed':
      return member.leg.subscribed(message.sdp);
    case 'relay':
      return member.meeting.get(message.to)?.tell({ type: 'relay', from: member.name, message: message.message });
  }
}

function tell(socket: WebSocket, message: ServerMessage): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
}
