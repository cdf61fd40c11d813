/** Which frames of a stream a decoder gets: a window at the start and one from the last key frame on. */

/** Frames of one window. */
const WINDOW = { video: 75, audio: 400 };

interface Frame {
  key: boolean;
}

/** Keeps two windows of what it is shown; holds no more than these. */
export class Windows<F extends Frame> {
  readonly #medium: 'audio' | 'video';
  #start: F[] = [];
  #end: F[] = [];
  /** Frames that were shown since, and after, `#start` was full. */
  #hasKey = false;
  #isFull = false;

  constructor(medium: 'audio' | 'video') {
    this.#medium = medium;
  }

  add(frame: F): void {
    const size = WINDOW[this.#medium];
    if (this.#isFull) {
      // Of audio the last frames; of video those from the last key frame on.
      if (this.#medium === 'audio') this.#end.push(frame);
      else if (frame.key) this.#end = [frame];
      else if (this.#end.length > 0 && this.#end.length < size) this.#end.push(frame);
      if (this.#end.length > size) this.#end.shift();
      return;
    }
    // A decoder can't begin but with a key frame.
    if (frame.key && !this.#hasKey) this.#start = [];
    this.#hasKey ||= frame.key;
    this.#start.push(frame);
    if (this.#start.length >= size) {
      if (this.#hasKey || this.#medium === 'audio') this.#isFull = true;
      else this.#start.shift();
    }
  }

  /** The windows, without those that stayed empty. */
  get all(): F[][] {
    return [this.#start, this.#end].filter((window) => window.length > 0);
  }
}

export function windowsOf<F extends Frame>(frames: Iterable<F>, medium: 'audio' | 'video'): F[][] {
  const windows = new Windows<F>(medium);
  for (const frame of frames) windows.add(frame);
  return windows.all;
}
