/**
 * Encoded transforms in a worker (W3C WebRTC Encoded Transform): the page attaches them with {@link transformsIn}, the worker
 * serves them with {@link serveFrames}.
 */
import type { Medium } from '../protocol.ts';
import { concatenate } from './bytes.ts';
import type { Hooks } from './conference.ts';

/** What the page tells the worker of a transform. `participant`: whose medium it is, empty for our own. */
export interface TransformOptions {
  direction: 'send' | 'receive';
  kind: Medium;
  participant: string;
}

/** Puts transforms of this worker on all that we send and receive. */
export function transformsIn(worker: Worker): Pick<Hooks, 'onSender' | 'onReceiver'> {
  const attach = (target: RTCRtpSender | RTCRtpReceiver, options: TransformOptions) => {
    target.transform = new RTCRtpScriptTransform(worker, options);
  };
  return {
    onSender: (sender, kind) => attach(sender, { direction: 'send', kind, participant: '' }),
    onReceiver: (receiver, kind, participant) => attach(receiver, { direction: 'receive', kind, participant }),
  };
}

/** The worker's side of a transform; TypeScript's DOM library has only the page's. */
interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
  /** Of a receiver: asks the sender for a key frame. */
  sendKeyFrameRequest(): Promise<void>;
}

type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

const transformers = new Set<Transformer>();

/**
 * In the worker: runs every frame through `transform`, in order. `header` is what stays clear of a frame; what takes the place
 * of `rest` is returned, or nothing where the frame is to be dropped.
 */
export function serveFrames(
  transform: (
    header: Uint8Array<ArrayBuffer>,
    rest: Uint8Array<ArrayBuffer>,
    options: TransformOptions,
  ) => Promise<Uint8Array | undefined> | Uint8Array | undefined,
): void {
  addEventListener('rtctransform', (event) => {
    const { transformer } = event as unknown as { transformer: Transformer };
    const frames = new TransformStream<EncodedFrame, EncodedFrame>({
      async transform(frame, controller) {
        const bytes = new Uint8Array(frame.data);
        const header = bytes.slice(0, clearBytes(frame, transformer.options.kind));
        const body = await transform(header, bytes.slice(header.length), transformer.options);
        if (!body) return;
        frame.data = concatenate(header, body).buffer;
        controller.enqueue(frame);
      },
    });
    transformers.add(transformer);
    // Ends with the track.
    transformer.readable
      .pipeThrough(frames)
      .pipeTo(transformer.writable)
      .catch(() => {})
      .finally(() => transformers.delete(transformer));
  });
}

/** In the worker: asks this participant for a key frame, as there is a new key: what came before may have been lost. */
export function requestKeyFrames(participant: string): void {
  for (const transformer of transformers) {
    const { direction, kind, participant: from } = transformer.options;
    if (direction !== 'receive' || kind !== 'video' || from !== participant) continue;
    // Fails where the track ended meanwhile.
    transformer.sendKeyFrameRequest().catch(() => {});
  }
}

/**
 * How many bytes at the start of a frame stay clear, so that packetisers and servers still see the codec's header: of VP8
 * (RFC 6386, section 9.1) 10 in a key frame and 3 in another, of Opus (RFC 6716, section 3.1) 1.
 */
function clearBytes(frame: EncodedFrame, kind: Medium): number {
  const header = kind === 'audio' ? 1 : (frame as RTCEncodedVideoFrame).type === 'key' ? 10 : 3;
  return Math.min(header, frame.data.byteLength);
}
