import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  Encryption_Type,
  JoinResponse,
  ParticipantInfo,
  ParticipantUpdate,
  SignalResponse,
  TrackInfo,
  TrackPublishedResponse,
} from '@livekit/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { startRelay } from './relay.ts';
import type { Relay } from './service.ts';

const track = () => new TrackInfo({ sid: 'TR_1', encryption: Encryption_Type.GCM });
const person = (identity: string) => new ParticipantInfo({ identity, tracks: [track()] });
const MESSAGES = [
  new SignalResponse({
    message: {
      case: 'join',
      value: new JoinResponse({ participant: person('alice'), otherParticipants: [person('bob')] }),
    },
  }),
  new SignalResponse({
    message: { case: 'update', value: new ParticipantUpdate({ participants: [person('alice'), person('bob')] }) },
  }),
  new SignalResponse({ message: { case: 'trackPublished', value: new TrackPublishedResponse({ track: track() }) } }),
];

/** In the place of LiveKit: says back what it was asked, then sends the messages. */
let livekit: WebSocketServer;
let relay: Relay | undefined;
beforeEach(async () => {
  livekit = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  livekit.on('connection', (socket, { url }) =>
    socket.on('message', (data) => {
      socket.send(`${url} ${data}`);
      for (const message of MESSAGES) socket.send(message.toBinary());
    }),
  );
  await once(livekit, 'listening');
});
afterEach(async () => {
  await relay?.close();
  for (const client of livekit.clients) client.terminate();
  await new Promise((resolve) => livekit.close(resolve));
});

async function through(flipped: 'own' | 'all') {
  relay = await startRelay(`ws://127.0.0.1:${(livekit.address() as AddressInfo).port}`, flipped);
  const client = new WebSocket(`${relay.url}/rtc?token=x`);
  const received: unknown[] = [];
  const all = new Promise<void>((resolve) =>
    client.on('message', (data, isBinary) => {
      received.push(isBinary ? SignalResponse.fromBinary(new Uint8Array(data as Buffer)).message.value : String(data));
      if (received.length === 1 + MESSAGES.length) resolve();
    }),
  );
  client.on('open', () => client.send('hello'));
  await all;
  const [text, join, update, published] = received as [string, JoinResponse, ParticipantUpdate, TrackPublishedResponse];
  const flags = (people: ParticipantInfo[]) => people.map(({ tracks }) => Encryption_Type[tracks[0]!.encryption]);
  return {
    text,
    join: flags([join.participant!, ...join.otherParticipants]),
    update: flags(update.participants),
    published: Encryption_Type[published.track!.encryption],
    client,
  };
}

describe('the relay passes everything on, and says', () => {
  test('of the own tracks that they are not encrypted', async () => {
    expect(await through('own')).toMatchObject({
      text: '/rtc?token=x hello',
      join: ['NONE', 'GCM'],
      update: ['NONE', 'GCM'],
      published: 'NONE',
    });
  });

  test('of all tracks that they are not encrypted', async () => {
    expect(await through('all')).toMatchObject({ join: ['NONE', 'NONE'], update: ['NONE', 'NONE'], published: 'NONE' });
  });

  test('when the other side is gone', async () => {
    const { client } = await through('own');
    const closed = once(client, 'close');
    for (const socket of livekit.clients) socket.close();
    await closed;
  });
});
