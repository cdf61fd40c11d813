/** Something for each of a great many frames, in little memory. */

/** What tells a frame from all others of a call; `timestamp` is RTP's. */
export interface FrameId {
  participant: string;
  ssrc: number;
  timestamp: number;
}

export class ByFrame<T> {
  readonly #streams = new Map<string, Map<number, T>>();

  get({ participant, ssrc, timestamp }: FrameId): T | undefined {
    return this.#streams.get(`${ssrc} ${participant}`)?.get(timestamp);
  }

  set({ participant, ssrc, timestamp }: FrameId, value: T): void {
    const name = `${ssrc} ${participant}`;
    const frames = this.#streams.get(name) ?? new Map<number, T>();
    this.#streams.set(name, frames.set(timestamp, value));
  }

  *[Symbol.iterator](): Generator<[FrameId, T]> {
    for (const [name, frames] of this.#streams) {
      const [ssrc, participant] = name.split(/ (.*)/s) as [string, string];
      for (const [timestamp, value] of frames) yield [{ participant, ssrc: Number(ssrc), timestamp }, value];
    }
  }
}
