/**
 * Frames before and after the application's own transform, in both APIs: RTCRtpScriptTransformer of a worker (W3C WebRTC
 * Encoded Transform) and `createEncodedStreams` of a sender or receiver, Chromium's older one. A tap stands on each side
 * of the application: platform → before → application → after → platform.
 */
import { emit } from './emit.ts';
import { hookGetter, hookMethod, quietly } from './hook.ts';
import { apply, bare, bytesOf, getter, ignoreFailure, isOf, keep, lengthOf, list, method } from './natives.ts';

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

const { TransformStream: OwnTransformStream } = globalThis;
const { exec } = RegExp.prototype;
const readableOf = getter<ReadableStream<Frame>>('TransformStream', 'readable');
const writableOf = getter<WritableStream<Frame>>('TransformStream', 'writable');
const pipeTo = method<Promise<void>>('ReadableStream', 'pipeTo');
const pipeThrough = method<ReadableStream<Frame>>('ReadableStream', 'pipeThrough');
const enqueue = method<void>('TransformStreamDefaultController', 'enqueue');
const keyOf = getter<string>('RTCEncodedVideoFrame', 'type');
const FACES = { video: faceOf('RTCEncodedVideoFrame'), audio: faceOf('RTCEncodedAudioFrame') };

function faceOf(owner: string) {
  return { data: getter<ArrayBuffer>(owner, 'data'), metadata: method<Metadata>(owner, 'getMetadata') };
}

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
  const known = keep(new WeakMap<object, Streams>());
  const streamsOf = (transformer: object) => {
    let streams = known.get(transformer);
    if (!streams) {
      const readable = apply(ownReadable, transformer, []) as Streams['readable'];
      const writable = apply(ownWritable, transformer, []) as Streams['writable'];
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
    const stream = new OwnTransformStream<Frame, Frame>(
      bare({
        transform(frame: Frame, controller: TransformStreamDefaultController<Frame>) {
          quietly('a frame', () => {
            const isVideo = isOf(keyOf, frame);
            const face = FACES[isVideo ? 'video' : 'audio'];
            const metadata = bare(face.metadata(frame));
            const bytes = bytesOf(face.data(frame))!;
            if (isRepeated(metadata, bytes)) return;
            emit('frame', {
              transform,
              api,
              position,
              direction: direction(metadata),
              medium: isVideo ? 'video' : 'audio',
              ssrc: metadata.synchronizationSource ?? 0,
              timestamp: metadata.rtpTimestamp ?? 0,
              key: isVideo && keyOf(frame) === 'key',
              payloadType: metadata.payloadType,
              mimeType: metadata.mimeType,
              body: bytes,
            });
          });
          enqueue(controller, frame);
        },
      }),
    );
    return bare({ readable: readableOf(stream), writable: writableOf(stream) });
  };
  const after = tap('after');
  // Ends, or fails, with the track; the application's own stream is told by it.
  ignoreFailure(pipeTo(after.readable, writable));
  return { readable: pipeThrough(readable, tap('before')), writable: after.writable };
}

/** A worker doesn't learn whether its transform is a sender's or a receiver's, but only received frames have a time of it. */
function directionOf({ receiveTime }: Metadata): Direction {
  if (receiveTime !== undefined) return 'receive';
  const version = (apply(exec, /Chrome\/(\d+)/, [navigator.userAgent]) as RegExpExecArray | null)?.[1];
  return Number(version) >= TELLS_RECEIVED ? 'send' : 'unknown';
}

/** Receivers of the older API deliver some frames twice. */
function repetitions(): (metadata: Metadata, bytes: Uint8Array) => boolean {
  const recent = keep(new Set<string>());
  const order = list<string>();
  let count = 0;
  return ({ synchronizationSource, rtpTimestamp, sequenceNumber, frameId, spatialIndex }, bytes) => {
    const name = `${synchronizationSource} ${rtpTimestamp} ${sequenceNumber} ${frameId} ${spatialIndex} ${lengthOf(bytes)}`;
    if (recent.has(name)) return true;
    recent.add(name);
    const place = count++ % REMEMBERED;
    if (order[place] !== undefined) recent.delete(order[place]!);
    order[place] = name;
    return false;
  };
}
