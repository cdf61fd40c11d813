/** Peer connections as the page makes them: configuration, descriptions, states, data channels, transports (W3C WebRTC). */
import { emit } from './emit.ts';
import { bytesOfBlob, encodeText, hookConstructor, hookMethod, hookSetter, quietly, quietlyAfter } from './hook.ts';
import {
  apply,
  bare,
  bytesOf,
  create,
  getter,
  isBlob,
  isBytes,
  isOf,
  isSource,
  keep,
  list,
  method,
  settled,
} from './natives.ts';

interface Connection {
  name: string;
  peer: WeakRef<object>;
}

let count = 0;
let connections = list<Connection>();
/** Which connection a channel belongs to. */
const channels = keep(new WeakMap<object, string>());
const names = keep(new WeakMap<object, string>());

const descriptions = {
  local: getter<RTCSessionDescription | null>('RTCPeerConnection', 'localDescription'),
  remote: getter<RTCSessionDescription | null>('RTCPeerConnection', 'remoteDescription'),
};
const kindOf = getter<string>('RTCSessionDescription', 'type');
const sdpOf = getter<string>('RTCSessionDescription', 'sdp');
const stateOf = getter<string>('RTCPeerConnection', 'connectionState');
const configurationOf = method<object>('RTCPeerConnection', 'getConfiguration');
const statsOf = method<Promise<RTCStatsReport>>('RTCPeerConnection', 'getStats');
const eachOf = method<void>('RTCStatsReport', 'forEach');
const labelOf = getter<string>('RTCDataChannel', 'label');
const protocolOf = getter<string>('RTCDataChannel', 'protocol');
const isNegotiated = getter<boolean>('RTCDataChannel', 'negotiated');
const channelOf = getter<object>('RTCDataChannelEvent', 'channel');
const dataOf = getter<unknown>('MessageEvent', 'data');
const listen = method<void>('EventTarget', 'addEventListener');
const held = method<object | undefined>('WeakRef', 'deref');
const { WeakRef: OwnWeakRef } = globalThis;
const { includes } = String.prototype;

export function hookPeerConnections(): void {
  // Workers have none, but may be handed data channels.
  if (!globalThis.RTCPeerConnection) {
    if (globalThis.RTCDataChannel) {
      hookChannels();
      hookListening();
    }
    return;
  }
  const { prototype } = RTCPeerConnection;
  hookConnection();
  for (const side of ['local', 'remote'] as const) hookDescription(side);
  hookMethod(prototype, 'close', ({ self, run }) => {
    const result = run();
    quietly('a peer connection', () => emit('rtc.state', { connection: nameOf(self), state: 'closed' }));
    return result;
  });
  hookMethod(prototype, 'createDataChannel', ({ self, run }) => {
    const channel = run() as RTCDataChannel;
    quietly('a data channel', () => {
      watchChannel(channel, nameOf(self));
      emitChannel(channel, nameOf(self), 'send');
    });
    return channel;
  });
  hookMethod(prototype, 'setConfiguration', ({ self, run }) => {
    const result = run();
    quietly('a configuration', () => emitConfiguration(self, nameOf(self)));
    return result;
  });
  hookChannels();
}

function hookConnection(): void {
  const Original = RTCPeerConnection;
  hookConstructor('RTCPeerConnection', (args, make) => {
    const peer = make(args) as RTCPeerConnection;
    quietly('a peer connection', () => watch(peer));
    return peer;
  });
  const alias = Object.getOwnPropertyDescriptor(globalThis, 'webkitRTCPeerConnection');
  if (alias?.value === Original)
    Object.defineProperty(globalThis, 'webkitRTCPeerConnection', { ...alias, value: RTCPeerConnection });
}

/** A connection's name. One that another realm made is met here for the first time, and gets another name than it has there. */
function nameOf(peer: object): string {
  return names.get(peer) ?? watch(peer);
}

function watch(peer: object): string {
  // Asked first: it throws where this is none.
  stateOf(peer);
  const name = `c${count++}`;
  const connection = { name, peer: new OwnWeakRef(peer) };
  connections[connections.length] = connection;
  names.set(peer, name);
  emitConfiguration(peer, name);
  on(peer, 'connectionstatechange', () => {
    const state = stateOf(peer);
    emit('rtc.state', { connection: name, state });
    if (state === 'connected') reportTransport(connection);
  });
  on(peer, 'datachannel', (event) => {
    watchChannel(channelOf(event), name);
    emitChannel(channelOf(event), name, 'receive');
  });
  return name;
}

/** What the platform made of the page's object, whose fields may be inherited, or others at each look. */
function emitConfiguration(peer: object, connection: string): void {
  emit('rtc.opened', { connection, configuration: configurationOf(peer) });
}

/** Our listeners come first, since they are added before the page has the object. What the page itself dispatches is none of the platform's. */
function on(target: object, type: string, act: (event: Event) => void): void {
  const listener = (event: Event) => {
    // The event's own property, which the page can't change.
    if (event.isTrusted) quietly(`the event ${type}`, () => act(event));
  };
  listen(target, type, listener);
}

function hookDescription(side: 'local' | 'remote'): void {
  const name = side === 'local' ? 'setLocalDescription' : 'setRemoteDescription';
  hookMethod(RTCPeerConnection.prototype, name, async ({ self, run }) => {
    const result = await settled(run());
    quietly('a description', () => {
      const description = descriptions[side](self);
      if (!description) return;
      emit('rtc.description', { connection: nameOf(self), side, kind: kindOf(description), sdp: sdpOf(description) });
    });
    return result;
  });
}

// --- data channels

/** Of a channel that a worker was handed, or that another realm made, it isn't known here which connection it belongs to. */
function met(channel: object): void {
  if (!channels.has(channel) && isOf(labelOf, channel))
    quietly('a data channel', () => watchChannel(channel, `c${count++}`));
}

function hookChannels(): void {
  const { prototype } = RTCDataChannel;
  hookMethod(prototype, 'send', ({ self, args, run }) => {
    met(self);
    // Made into a text once: an object may say something else the next time.
    const data = isBlob(args[0]) || isSource(args[0]) ? args[0] : `${args[0]}`;
    const message = quietly('a data channel message', () => takeMessage(data));
    const result = run([data]);
    const connection = channels.get(self);
    if (connection && message) emitMessage(connection, labelOf(self), 'send', message);
    return result;
  });
  hookMethod(prototype, 'close', ({ self, run }) => {
    met(self);
    return run();
  });
  hookSetter(prototype, 'onmessage', ({ self, run }) => {
    met(self);
    return run();
  });
}

function hookListening(): void {
  hookMethod(EventTarget.prototype, 'addEventListener', ({ self, run }) => {
    met(self);
    return run();
  });
}

type Message = { binary: boolean; body: Uint8Array | Promise<{ bytes: Uint8Array }> };

function watchChannel(channel: object, connection: string): void {
  channels.set(channel, connection);
  on(channel, 'message', (event) => emitMessage(connection, labelOf(channel), 'receive', takeMessage(dataOf(event))));
}

/** Of a channel that both sides agreed on by other means, nothing is sent. */
function emitChannel(channel: object, connection: string, direction: 'send' | 'receive'): void {
  if (isNegotiated(channel)) return;
  emit('rtc.channel', { connection, direction, label: labelOf(channel), protocol: protocolOf(channel) });
}

function takeMessage(data: unknown): Message {
  if (isBlob(data)) return { binary: true, body: bytesOfBlob(data) };
  const bytes = bytesOf(data);
  if (bytes) return { binary: true, body: bytes };
  return { binary: false, body: encodeText(data as string) };
}

function emitMessage(connection: string, label: string, direction: 'send' | 'receive', message: Message): void {
  const { binary, body } = message;
  const fields = { connection, label, direction, binary };
  if (isBytes(body)) emit('rtc.data', { ...fields, body });
  else
    quietlyAfter('a data channel message', async () =>
      emit('rtc.data', { ...fields, body: (await settled(body)).bytes }),
    );
}

// --- transports

/** Emits what getStats says now of every connection that is not closed. */
export async function reportTransports(): Promise<void> {
  const open = list<Connection>();
  const reports = list<Promise<void>>();
  for (let index = 0; index < connections.length; index++) {
    const connection = connections[index]!;
    if (!held(connection.peer)) continue;
    open[open.length] = connection;
    reports[reports.length] = reportTransport(connection);
  }
  connections = open;
  for (let index = 0; index < reports.length; index++) await settled(reports[index]);
}

async function reportTransport({ name, peer }: Connection): Promise<void> {
  await settled(
    quietlyAfter('a transport', async () => {
      const connection = held(peer);
      if (!connection || stateOf(connection) === 'closed') return;
      const all = list<Stats>();
      const byId: Record<string, Stats> = create(null);
      eachOf(await settled(statsOf(connection)), (stats: Stats) => {
        all[all.length] = byId[stats.id] = bare(stats);
      });
      for (let index = 0; index < all.length; index++)
        if (all[index]!.type === 'transport') emitTransport(name, all[index]!, byId, all);
    }),
  );
}

/** W3C Identifiers for WebRTC's Statistics API: RTCTransportStats and the ones that it points to. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript's library types no report by its `type`
type Stats = any;

function emitTransport(connection: string, transport: Stats, byId: Record<string, Stats>, all: Stats[]): void {
  const pair = byId[transport.selectedCandidatePairId];
  const sum = (type: string, field: string) => {
    let sum = 0;
    for (let index = 0; index < all.length; index++) {
      const stats = all[index];
      if (stats.type === type && (!stats.transportId || stats.transportId === transport.id)) sum += stats[field] ?? 0;
    }
    return sum;
  };
  emit('rtc.transport', {
    connection,
    local: addressOf(byId[pair?.localCandidateId]),
    remote: addressOf(byId[pair?.remoteCandidateId]),
    dtlsVersion: transport.tlsVersion,
    dtlsCipher: transport.dtlsCipher,
    srtpCipher: transport.srtpCipher,
    localCertificate: byId[transport.localCertificateId]?.fingerprint,
    remoteCertificate: byId[transport.remoteCertificateId]?.fingerprint,
    packetsSent: sum('outbound-rtp', 'packetsSent'),
    packetsReceived: sum('inbound-rtp', 'packetsReceived'),
    dataSent: sum('data-channel', 'bytesSent'),
  });
}

/** A candidate's `ip:port`; a host that hides behind mDNS has no address. */
function addressOf(candidate: { address?: string; port?: number } | undefined): string | undefined {
  if (!candidate?.address) return undefined;
  const address = apply(includes, candidate.address, [':']) ? `[${candidate.address}]` : candidate.address;
  return `${address}:${candidate.port}`;
}
