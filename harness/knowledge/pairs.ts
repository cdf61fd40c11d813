/** Values that two of many give together: by XOR, or one behind the other. */
import type { Derivation } from './derivation.ts';

/** Two values, and how they make one. */
export interface Pair<T> {
  from: [T, T];
  derivation: Derivation;
}

/** Finds pairs in time that grows with the number of values. */
export class Pairs<T extends { bytes: Uint8Array }> {
  /** By length in bytes, then by the first four, then by all of them. */
  readonly #byLength = new Map<number, Map<number, Map<string, T>>>();

  /** @param candidates of four bytes or more. */
  constructor(candidates: readonly T[]) {
    for (const candidate of candidates) {
      const { length } = candidate.bytes;
      const some = this.#byLength.get(length) ?? new Map<number, Map<string, T>>();
      this.#byLength.set(length, some);
      const start = startOf(candidate.bytes);
      const same = some.get(start) ?? new Map<string, T>();
      some.set(start, same);
      const name = nameOf(candidate.bytes);
      if (!same.has(name)) same.set(name, candidate);
    }
  }

  /** The first pair that gives `value`; they differ, and neither is `value` itself. */
  find(value: Uint8Array): Pair<T> | undefined {
    return this.#xor(value) ?? this.#join(value);
  }

  #xor(value: Uint8Array): Pair<T> | undefined {
    const same = this.#byLength.get(value.length);
    if (!same) return undefined;
    const start = startOf(value);
    for (const [one, firsts] of same) {
      const seconds = same.get((one ^ start) >>> 0);
      if (!seconds) continue;
      for (const first of firsts.values()) {
        const second = seconds.get(nameOf(value.map((byte, index) => byte ^ first.bytes[index]!)));
        if (second && second !== first && !equal(first.bytes, value) && !equal(second.bytes, value))
          return { from: [first, second], derivation: { do: 'xor' } };
      }
    }
    return undefined;
  }

  #join(value: Uint8Array): Pair<T> | undefined {
    for (const length of this.#byLength.keys()) {
      if (length >= value.length) continue;
      const first = this.#at(value.subarray(0, length));
      const second = first && this.#at(value.subarray(length));
      if (first && second) return { from: [first, second], derivation: { do: 'join' } };
    }
    return undefined;
  }

  #at(bytes: Uint8Array): T | undefined {
    return bytes.length < 4 ? undefined : this.#byLength.get(bytes.length)?.get(startOf(bytes))?.get(nameOf(bytes));
  }
}

function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function startOf(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}
