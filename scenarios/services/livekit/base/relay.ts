/**
 * A signalling server that stands between clients and LiveKit, as whoever runs LiveKit could, and says of tracks that they aren't
 * end-to-end encrypted. Signalling is binary messages of livekit_rtc.proto (https://github.com/livekit/protocol) on a WebSocket.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Encryption_Type, type ParticipantInfo, SignalResponse, type TrackInfo } from '@livekit/protocol';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { Relay } from './service.ts';

/** Whose tracks a client hears that of: its own, or all. */
export type Flipped = 'own' | 'all';

export async function startRelay(url: string, flipped: Flipped): Promise<Relay> {
  const server = createServer((_, response) => response.writeHead(404).end());
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (client, { url: target = '/' }) => {
    const livekit = new WebSocket(url + target);
    const flip = flipFor(flipped);
    // What comes before the other side is open waits in the order in which it came.
    const open = once(livekit, 'open');
    open.catch(() => client.close());
    client.on(
      'message',
      (data, isBinary) => void open.then(() => livekit.send(data, { binary: isBinary })).catch(() => {}),
    );
    livekit.on('message', (data, isBinary) => client.send(isBinary ? flip(data) : data, { binary: isBinary }));
    client.on('close', () => livekit.close());
    livekit.on('close', () => client.close());
    for (const socket of [client, livekit]) socket.on('error', () => client.close());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        sockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** For one client. */
function flipFor(flipped: Flipped): (data: RawData) => Uint8Array {
  let own: string | undefined;
  return (data) => {
    const response = SignalResponse.fromBinary(new Uint8Array(data as Buffer));
    const { message } = response;
    if (message.case === 'join') own = message.value.participant?.identity;
    const people = peopleIn(message).filter(({ identity }) => flipped === 'all' || identity === own);
    const tracks = people.flatMap(({ tracks }) => tracks);
    // Only the one who published it is told so.
    if (message.case === 'trackPublished' && message.value.track) tracks.push(message.value.track);
    for (const track of tracks) denyEncryption(track);
    return response.toBinary();
  };
}

function peopleIn(message: SignalResponse['message']): ParticipantInfo[] {
  if (message.case === 'update') return message.value.participants;
  if (message.case !== 'join') return [];
  const { participant, otherParticipants } = message.value;
  return [...(participant ? [participant] : []), ...otherParticipants];
}

function denyEncryption(track: TrackInfo): void {
  track.encryption = Encryption_Type.NONE;
}
