/** What turns encoded frames back into pictures and sound. `audit` has one that runs ffmpeg. */
import type { EncodedFrame } from './frames.ts';

/** A decoded picture. */
export interface Picture {
  /** Pixels. */
  width: number;
  height: number;
  /** The planes Y, U, V, one after another; U and V have half the width and height, rounded up. */
  i420: Uint8Array;
}

/** Decodes one stream at a time. Bad media never makes it throw: it gives what decoded, which may be nothing. */
export interface Decoder {
  /**
   * Decodes VP8 frames in order, from the first key frame on. Each picture keeps its own size.
   * @returns the pictures, each with the frame that it came from, and whether frames were left out since they would
   * have gone beyond the decoder's bounds.
   */
  decodeVideo(frames: readonly EncodedFrame[]): Promise<DecodedVideo>;
  /** Decodes Opus packets in order to 48 kHz mono; gaps between them are closed up. */
  decodeAudio(frames: readonly EncodedFrame[]): Promise<Int16Array>;
}

export interface DecodedVideo {
  pictures: (Picture & { frame: EncodedFrame })[];
  truncated: boolean;
}
