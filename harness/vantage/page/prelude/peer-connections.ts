/** Peer connections as the page makes them: configuration, descriptions, states, data channels, transports (W3C WebRTC). */
import { emit } from './emit.ts';
import {
  bytesOf,
  bytesOfBlob,
  classOf,
  encodeText,
  hookConstructor,
  hookMethod,
  hookSetter,
  type Native,
  quietly,
  quietlyAfter,
} from './hook.ts';

interface Connection {
  name: string;
  peer: WeakRef<RTCPeerConnection>;
}

let count = 0;
let connections: Connection[] = [];
/** Which connection a channel belongs to. */
const channels = new WeakMap<RTCDataChannel, string>();
const names = new WeakMap<RTCPeerConnection, string>();
/** The platform's own functions. */
let getStats: Native;
let listen: Native;

export function hookPeerConnections(): void {
  listen = EventTarget.prototype.addEventListener;
  // Workers have none, but may be handed data channels.
  if (!globalThis.RTCPeerConnection) {
    if (globalThis.RTCDataChannel) hookHandedChannels();
    return;
  }
  const { prototype } = RTCPeerConnection;
  getStats = prototype.getStats;
  hookConnection();
  for (const side of ['local', 'remote'] as const) hookDescription(side);
  hookMethod(prototype, 'close', ({ self, run }) => {
    const connection = names.get(self as RTCPeerConnection);
    const result = run();
    if (connection) emit('rtc.state', { connection, state: 'closed' });
    return result;
  });
  hookMethod(prototype, 'createDataChannel', ({ self, run }) => {
    const channel = run() as RTCDataChannel;
    quietly('a data channel', () => watchChannel(channel, names.get(self as RTCPeerConnection)!));
    return channel;
  });
  hookSend();
}

function hookConnection(): void {
  const Original = RTCPeerConnection;
  hookConstructor('RTCPeerConnection', (args, make) => {
    const peer = make(args) as RTCPeerConnection;
    quietly('a peer connection', () => watch(peer, args[0]));
    return peer;
  });
  const alias = Object.getOwnPropertyDescriptor(globalThis, 'webkitRTCPeerConnection');
  if (alias?.value === Original)
    Object.defineProperty(globalThis, 'webkitRTCPeerConnection', { ...alias, value: RTCPeerConnection });
}

function watch(peer: RTCPeerConnection, configuration: unknown): void {
  const connection = { name: `c${count++}`, peer: new WeakRef(peer) };
  connections.push(connection);
  names.set(peer, connection.name);
  emit('rtc.opened', { connection: connection.name, configuration: configuration ?? {} });
  on(peer, 'connectionstatechange', () => {
    emit('rtc.state', { connection: connection.name, state: peer.connectionState });
    if (peer.connectionState === 'connected') reportTransport(connection);
  });
  on(peer, 'datachannel', (event) => watchChannel((event as RTCDataChannelEvent).channel, connection.name));
}

/** Our listeners come first, since they are added before the page has the object. */
function on(target: EventTarget, type: string, act: (event: Event) => void): void {
  const listener = (event: Event) => quietly(`the event ${type}`, () => act(event));
  Reflect.apply(listen, target, [type, listener] as never[]);
}

function hookDescription(side: 'local' | 'remote'): void {
  const name = side === 'local' ? 'setLocalDescription' : 'setRemoteDescription';
  const property = side === 'local' ? 'localDescription' : 'remoteDescription';
  hookMethod(RTCPeerConnection.prototype, name, async ({ self, run }) => {
    const result = await run();
    quietly('a description', () => {
      const peer = self as RTCPeerConnection;
      const connection = names.get(peer);
      const description = peer[property];
      if (connection && description)
        emit('rtc.description', { connection, side, kind: description.type, sdp: description.sdp });
    });
    return result;
  });
}

// --- data channels

function hookSend(): void {
  hookMethod(RTCDataChannel.prototype, 'send', ({ self, args, run }) => {
    const channel = self as RTCDataChannel;
    // Made into a text once: an object may say something else the next time.
    const data = isBinary(args[0]) ? args[0] : `${args[0]}`;
    const message = quietly('a data channel message', () => takeMessage(data));
    const result = run([data]);
    const connection = channels.get(channel);
    if (connection && message) emitMessage(connection, channel.label, 'send', message);
    return result;
  });
}

/** Of a channel that a worker was handed it isn't known here which connection it belongs to: it gets a name of its own. */
function hookHandedChannels(): void {
  const { prototype } = RTCDataChannel;
  const handed = (channel: object) => {
    if (!channels.has(channel as RTCDataChannel))
      quietly('a data channel', () => watchChannel(channel as RTCDataChannel, `c${count++}`));
  };
  hookSend();
  for (const name of ['send', 'close'])
    hookMethod(prototype, name, ({ self, run }) => {
      handed(self);
      return run();
    });
  hookSetter(prototype, 'onmessage', ({ self, run }) => {
    handed(self);
    return run();
  });
  hookMethod(EventTarget.prototype, 'addEventListener', ({ self, run }) => {
    if (classOf(self) === 'RTCDataChannel') handed(self);
    return run();
  });
}

type Message = { binary: boolean; body: Uint8Array | Promise<Uint8Array> };

function watchChannel(channel: RTCDataChannel, connection: string): void {
  channels.set(channel, connection);
  on(channel, 'message', (event) => {
    const message = takeMessage((event as MessageEvent).data);
    if (message) emitMessage(connection, channel.label, 'receive', message);
  });
}

function takeMessage(data: unknown): Message | undefined {
  if (classOf(data) === 'Blob') return { binary: true, body: bytesOfBlob(data as Blob) };
  const bytes = bytesOf(data);
  if (bytes) return { binary: true, body: bytes };
  return { binary: false, body: encodeText(data as string) };
}

function isBinary(data: unknown): boolean {
  return ArrayBuffer.isView(data) || ['Blob', 'ArrayBuffer', 'SharedArrayBuffer'].includes(classOf(data));
}

function emitMessage(connection: string, label: string, direction: 'send' | 'receive', message: Message): void {
  const { binary, body } = message;
  const fields = { connection, label, direction, binary };
  if (body instanceof Uint8Array) emit('rtc.data', { ...fields, body });
  else quietlyAfter('a data channel message', async () => emit('rtc.data', { ...fields, body: await body }));
}

// --- transports

/** Emits what getStats says now of every connection that is not closed. */
export async function reportTransports(): Promise<void> {
  connections = connections.filter(({ peer }) => peer.deref());
  await Promise.all(connections.map(reportTransport));
}

async function reportTransport({ name, peer }: Connection): Promise<void> {
  await quietlyAfter('a transport', async () => {
    const connection = peer.deref();
    if (!connection || connection.connectionState === 'closed') return;
    const report = (await Reflect.apply(getStats, connection, [])) as RTCStatsReport;
    const all = [...report.values()];
    for (const transport of all) if (transport.type === 'transport') emitTransport(name, transport, report, all);
  });
}

/** W3C Identifiers for WebRTC's Statistics API: RTCTransportStats and the ones that it points to. */
// biome-ignore lint/suspicious/noExplicitAny: TypeScript's library types no report by its `type`
function emitTransport(connection: string, transport: any, report: RTCStatsReport, all: any[]): void {
  const pair = report.get(transport.selectedCandidatePairId);
  const sum = (type: string, field: string) =>
    all
      .filter((stats) => stats.type === type && (!stats.transportId || stats.transportId === transport.id))
      .reduce((sum, stats) => sum + (stats[field] ?? 0), 0);
  emit('rtc.transport', {
    connection,
    local: addressOf(report.get(pair?.localCandidateId)),
    remote: addressOf(report.get(pair?.remoteCandidateId)),
    dtlsVersion: transport.tlsVersion,
    dtlsCipher: transport.dtlsCipher,
    srtpCipher: transport.srtpCipher,
    localCertificate: report.get(transport.localCertificateId)?.fingerprint,
    remoteCertificate: report.get(transport.remoteCertificateId)?.fingerprint,
    packetsSent: sum('outbound-rtp', 'packetsSent'),
    packetsReceived: sum('inbound-rtp', 'packetsReceived'),
    dataSent: sum('data-channel', 'bytesSent'),
  });
}

/** A candidate's `ip:port`; a host that hides behind mDNS has no address. */
function addressOf(candidate: { address?: string; port?: number } | undefined): string | undefined {
  if (!candidate?.address) return undefined;
  const address = candidate.address.includes(':') ? `[${candidate.address}]` : candidate.address;
  return `${address}:${candidate.port}`;
}
