/**
 * Media that the page packs and sends by itself, without RTP: WebCodecs' VP8 and Opus, each frame in one message, over the WebSocket
 * of the room or a data channel to the server, which passes messages on as they are.
 *
 * A message: kind (1: 0 delta frame, 1 key frame, 2 sound) || time in µs (8) || what the specimen's cipher makes of the frame. The
 * first nine bytes are in clear. Who it is from, the server puts before it: the name's length (1) || the name.
 */
import type { ServerMessage } from '../protocol.ts';
import { concatenate } from './bytes.ts';
import type { Call, Hooks } from './conference.ts';
import { openRoom, type Room } from './room.ts';

const HEADER_BYTES = 9;
const KINDS = ['delta', 'key', 'sound'] as const;
type Kind = (typeof KINDS)[number];

const VIDEO = { codec: 'vp8', width: 640, height: 360 };
const AUDIO = { codec: 'opus', sampleRate: 48_000, numberOfChannels: 1 };
/** Frames from one key frame to the next: who joins late sees something within 2 s. */
const KEY_FRAME_EVERY = 30;
/** A channel that is so far behind (bytes) gets no more frames. */
const MOST_BUFFERED = 1 << 20;

export interface PackedHooks extends Pick<Hooks, 'onMessage' | 'onLeft'> {
  afterJoin?(call: Call, participants: string[]): Promise<void>;
  /** What takes the place of a frame, which is lost where that is nothing. `header`: the nine bytes before it. */
  seal(header: Uint8Array<ArrayBuffer>, frame: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined>;
  /** The other way round. */
  open(header: Uint8Array<ArrayBuffer>, sealed: Uint8Array<ArrayBuffer>, from: string): Promise<Uint8Array | undefined>;
}

/** Sets the page up. */
export function packedConference(over: 'socket' | 'channel', hooks: PackedHooks): void {
  openRoom((room) => packed(room, over, hooks));
}

function packed(room: Room, over: 'socket' | 'channel', hooks: PackedHooks) {
  const { name, meeting, send } = room;
  const players = new Map<string, Player>();
  const ends: (() => void)[] = [];
  let channel: RTCDataChannel | undefined;
  let connection: RTCPeerConnection | undefined;
  let work = Promise.resolve();

  /** One after the other, in the order in which they were made or came. */
  function then(act: () => Promise<void>): void {
    work = work.then(act).catch(() => {});
  }

  function carry(message: Uint8Array<ArrayBuffer>): void {
    if (over === 'socket') room.sendBytes(message);
    else if (channel?.readyState === 'open' && channel.bufferedAmount < MOST_BUFFERED) channel.send(message);
  }

  function give(kind: Kind, chunk: EncodedVideoChunk | EncodedAudioChunk): void {
    const header = new Uint8Array(HEADER_BYTES);
    header[0] = KINDS.indexOf(kind);
    new DataView(header.buffer).setBigInt64(1, BigInt(chunk.timestamp));
    const frame = new Uint8Array(chunk.byteLength);
    chunk.copyTo(frame);
    then(async () => {
      const sealed = await hooks.seal(header, frame);
      if (sealed) carry(concatenate(header, sealed));
    });
  }

  function publish(): void {
    for (const track of room.local.getTracks())
      ends.push(track.kind === 'video' ? film(track, give) : listen(track, give));
  }

  async function connect(): Promise<void> {
    connection = new RTCPeerConnection({ iceServers: [] });
    room.follow(connection);
    // As with media over RTP, what is late is of no use.
    channel = connection.createDataChannel('media', { ordered: true, maxRetransmits: 3 });
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }) => take(new Uint8Array(data as ArrayBuffer));
    await connection.setLocalDescription();
    send({ type: 'publish', sdp: connection.localDescription!.sdp });
  }

  function take(message: Uint8Array<ArrayBuffer>): void {
    const start = 1 + message[0]!;
    const from = new TextDecoder().decode(message.subarray(1, start));
    const header = message.slice(start, start + HEADER_BYTES);
    const sealed = message.slice(start + HEADER_BYTES);
    then(async () => {
      const frame = await hooks.open(header, sealed, from);
      if (!frame) return;
      const player = players.get(from) ?? play(from);
      player(KINDS[header[0]!]!, Number(new DataView(header.buffer).getBigInt64(1)), frame);
    });
  }

  function play(from: string): Player {
    const player = playerOf((track) => room.play(from, track));
    players.set(from, player);
    return player;
  }

  return {
    async handle(message: ServerMessage): Promise<void> {
      switch (message.type) {
        case 'welcome': {
          const { participants, config } = message;
          const relay = (to: string, message: unknown) => send({ type: 'relay', to, message });
          await hooks.afterJoin?.({ name, meeting, config, send: relay }, participants);
          publish();
          return over === 'socket' ? room.joined() : connect();
        }
        case 'published':
          return connection?.setRemoteDescription({ type: 'answer', sdp: message.sdp });
        case 'left':
          players.delete(message.name);
          return hooks.onLeft?.(message.name);
        case 'relay':
          return hooks.onMessage?.(message.from, message.message);
      }
    },
    take,
    close() {
      for (const end of ends) end();
      connection?.close();
    },
  };
}

type Give = (kind: Kind, chunk: EncodedVideoChunk | EncodedAudioChunk) => void;
type Player = (kind: Kind, timestamp: number, frame: Uint8Array) => void;

/** W3C mediacapture-transform, which TypeScript's library lacks. */
declare const MediaStreamTrackProcessor: new <T>(init: { track: MediaStreamTrack }) => { readable: ReadableStream<T> };
declare const MediaStreamTrackGenerator: new <T>(init: {
  kind: 'audio' | 'video';
}) => MediaStreamTrack & { writable: WritableStream<T> };

/** @returns what ends it */
function film(track: MediaStreamTrack, give: Give): () => void {
  const encoder = new VideoEncoder({
    output: (chunk) => give(chunk.type === 'key' ? 'key' : 'delta', chunk),
    error() {},
  });
  encoder.configure({ ...VIDEO, bitrate: 500_000, framerate: 15, latencyMode: 'realtime' });
  let count = 0;
  const encode = (frame: VideoFrame) => encoder.encode(frame, { keyFrame: count++ % KEY_FRAME_EVERY === 0 });
  return pump<VideoFrame>(track, encoder, encode);
}

function listen(track: MediaStreamTrack, give: Give): () => void {
  const encoder = new AudioEncoder({ output: (chunk) => give('sound', chunk), error() {} });
  let isReady = false;
  return pump<AudioData>(track, encoder, (data) => {
    const { sampleRate, numberOfChannels } = data;
    if (!isReady) encoder.configure({ codec: AUDIO.codec, sampleRate, numberOfChannels, bitrate: 32_000 });
    isReady = true;
    encoder.encode(data);
  });
}

function pump<T extends { close(): void }>(
  track: MediaStreamTrack,
  encoder: { state: CodecState; close(): void },
  encode: (piece: T) => void,
): () => void {
  const reader = new MediaStreamTrackProcessor<T>({ track }).readable.getReader();
  void (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (encoder.state !== 'closed') encode(value);
      value.close();
    }
  })();
  return () => {
    void reader.cancel();
    if (encoder.state !== 'closed') encoder.close();
  };
}

/** Plays what comes from one participant, from its first key frame on. */
function playerOf(show: (track: MediaStreamTrack) => void): Player {
  const picture = new MediaStreamTrackGenerator<VideoFrame>({ kind: 'video' });
  const sound = new MediaStreamTrackGenerator<AudioData>({ kind: 'audio' });
  const [pictures, sounds] = [picture.writable.getWriter(), sound.writable.getWriter()];
  const video = new VideoDecoder({ output: (frame) => void pictures.write(frame).catch(() => {}), error() {} });
  const audio = new AudioDecoder({ output: (data) => void sounds.write(data).catch(() => {}), error() {} });
  video.configure(VIDEO);
  audio.configure(AUDIO);
  show(picture);
  show(sound);
  let hasBegun = false;
  return (kind, timestamp, data) => {
    if (kind === 'sound') {
      if (audio.state === 'configured') audio.decode(new EncodedAudioChunk({ type: 'key', timestamp, data }));
      return;
    }
    hasBegun ||= kind === 'key';
    if (hasBegun && video.state === 'configured') video.decode(new EncodedVideoChunk({ type: kind, timestamp, data }));
  };
}
