/**
 * Frames before and after the application's own transform, in both APIs: RTCRtpScriptTransformer of a worker (W3C WebRTC
 * Encoded Transform) and `createEncodedStreams` of a sender or receiver, Chromium's older one. A tap stands on each side
 * of the application: platform → before → application → after → platform.
 */
import { emit } from './emit.ts';
import { bytesOf, hookGetter, hookMethod, quietly } from './hook.ts';

type Frame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;
type Direction = 'send' | 'receive' | 'unknown';

interface Streams {
  readable: ReadableStream<Frame>;
  writable: WritableStream<Frame>;
}

/** RTCEncodedVideoFrameMetadata and RTCEncodedAudioFrameMetadata as far as they are used here. */
interface Metadata {
  synchronizationSource?: number;
  rtpTimestamp?: number;
  payloadType?: number;
  mimeType?: string;
  receiveTime?: number;
  sequenceNumber?: number;
  frameId?: number;
  spatialIndex?: number;
}

/** The first Chromium in which `receiveTime` was seen on all received frames and on no sent ones. */
const TELLS_RECEIVED = 156;
/** How many frames of a transform are remembered, to know one that is delivered twice. */
const REMEMBERED = 64;

let transforms = 0;

export function hookEncodedTransforms(): void {
  hookStreams('RTCRtpSender', 'send');
  hookStreams('RTCRtpReceiver', 'receive');
  hookScriptTransformer();
}

function prototypeOf(name: string): object | undefined {
  return (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name]?.prototype;
}

function hookStreams(owner: string, direction: Direction): void {
  const prototype = prototypeOf(owner);
  if (!prototype || !('createEncodedStreams' in prototype)) return;
  hookMethod(prototype, 'createEncodedStreams', ({ run }) => tapped(run() as Streams, 'streams', () => direction));
}

function hookScriptTransformer(): void {
  const prototype = prototypeOf('RTCRtpScriptTransformer');
  if (!prototype) return;
  const known = new WeakMap<object, Streams>();
  const streamsOf = (transformer: object) => {
    let streams = known.get(transformer);
    if (!streams) {
      const readable = Reflect.apply(ownReadable, transformer, []) as Streams['readable'];
      const writable = Reflect.apply(ownWritable, transformer, []) as Streams['writable'];
      streams = tapped({ readable, writable }, 'script', directionOf);
      known.set(transformer, streams);
    }
    return streams;
  };
  const ownReadable = hookGetter(prototype, 'readable', ({ self }) => streamsOf(self).readable);
  const ownWritable = hookGetter(prototype, 'writable', ({ self }) => streamsOf(self).writable);
}

function tapped(
  { readable, writable }: Streams,
  api: 'streams' | 'script',
  direction: (of: Metadata) => Direction,
): Streams {
  const transform = `t${transforms++}`;
  const tap = (position: 'before' | 'after') => {
    const isRepeated = repetitions();
    return new TransformStream<Frame, Frame>({
      transform(frame, controller) {
        quietly('a frame', () => {
          const metadata = frame.getMetadata() as Metadata;
          const bytes = bytesOf(frame.data)!;
          if (isRepeated(metadata, bytes)) return;
          const isVideo = 'type' in frame;
          emit('frame', {
            transform,
            api,
            position,
            direction: direction(metadata),
            medium: isVideo ? 'video' : 'audio',
            ssrc: metadata.synchronizationSource ?? 0,
            timestamp: metadata.rtpTimestamp ?? 0,
            key: isVideo && frame.type === 'key',
            payloadType: metadata.payloadType,
            mimeType: metadata.mimeType,
            body: bytes,
          });
        });
        controller.enqueue(frame);
      },
    });
  };
  const after = tap('after');
  // Ends, or fails, with the track; the application's own stream is told by it.
  after.readable.pipeTo(writable).catch(() => {});
  return { readable: readable.pipeThrough(tap('before')), writable: after.writable };
}

/** A worker doesn't learn whether its transform is a sender's or a receiver's, but only received frames have a time of it. */
function directionOf({ receiveTime }: Metadata): Direction {
  if (receiveTime !== undefined) return 'receive';
  const version = /Chrome\/(\d+)/.exec(navigator.userAgent)?.[1];
  return Number(version) >= TELLS_RECEIVED ? 'send' : 'unknown';
}

/** Receivers of the older API deliver some frames twice. */
function repetitions(): (metadata: Metadata, bytes: Uint8Array) => boolean {
  const recent = new Set<string>();
  return ({ synchronizationSource, rtpTimestamp, sequenceNumber, frameId, spatialIndex }, bytes) => {
    const name = [synchronizationSource, rtpTimestamp, sequenceNumber, frameId, spatialIndex, bytes.length].join();
    if (recent.has(name)) return true;
    recent.add(name);
    const [oldest] = recent;
    if (recent.size > REMEMBERED) recent.delete(oldest!);
    return false;
  };
}
