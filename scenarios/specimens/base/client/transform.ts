/**
 * Encoded transforms in a worker (W3C WebRTC Encoded Transform): the page attaches them with {@link attach}, the worker
 * serves them with {@link serveTransforms}.
 */
import type { Medium } from '../protocol.ts';

/** What the page tells the worker of a transform. `participant`: whose medium it is. */
export interface TransformOptions {
  direction: 'send' | 'receive';
  kind: Medium;
  participant: string;
}

/** Puts a transform of this worker on a sender or receiver. */
export function attach(target: RTCRtpSender | RTCRtpReceiver, worker: Worker, options: TransformOptions): void {
  target.transform = new RTCRtpScriptTransform(worker, options);
}

/** The worker's side of a transform; TypeScript's DOM library has only the page's. */
export interface Transformer {
  readonly readable: ReadableStream<EncodedFrame>;
  readonly writable: WritableStream<EncodedFrame>;
  readonly options: TransformOptions;
  /** Of a receiver: asks the sender for a key frame. */
  sendKeyFrameRequest(): Promise<void>;
}

export type EncodedFrame = RTCEncodedVideoFrame | RTCEncodedAudioFrame;

/** In the worker: runs every frame through `transform`, in order; a frame is dropped where it returns nothing. */
export function serveTransforms(
  transform: (
    frame: EncodedFrame,
    transformer: Transformer,
  ) => Promise<Uint8Array | undefined> | Uint8Array | undefined,
): void {
  addEventListener('rtctransform', (event) => {
    const { transformer } = event as unknown as { transformer: Transformer };
    const frames = new TransformStream<EncodedFrame, EncodedFrame>({
      async transform(frame, controller) {
        const data = await transform(frame, transformer);
        if (!data) return;
        frame.data = data.slice().buffer;
        controller.enqueue(frame);
      },
    });
    // Ends with the track.
    transformer.readable
      .pipeThrough(frames)
      .pipeTo(transformer.writable)
      .catch(() => {});
  });
}

/**
 * How many bytes at the start of a frame stay clear, so that packetisers and servers still see the codec's header: of VP8
 * (RFC 6386, section 9.1) 10 in a key frame and 3 in another, of Opus (RFC 6716, section 3.1) 1.
 */
export function clearBytes(frame: EncodedFrame, kind: Medium): number {
  const header = kind === 'audio' ? 1 : (frame as RTCEncodedVideoFrame).type === 'key' ? 10 : 3;
  return Math.min(header, frame.data.byteLength);
}
