/** Values that two of many give together: by XOR, or one behind the other. */
import type { Derivation } from './derivation.ts';

/** Two values, and how they make one. */
export interface Pair<T> {
  from: [T, T];
  derivation: Derivation;
}

/** Finds pairs in time that grows with the number of values. */
export class Pairs<T extends { bytes: Uint8Array }> {
  /** By length in bytes, then by the first four. */
  readonly #byLength = new Map<number, Map<number, T[]>>();

  /** @param candidates of four bytes or more. */
  constructor(candidates: readonly T[]) {
    for (const candidate of candidates) {
      const { length } = candidate.bytes;
      const some = this.#byLength.get(length) ?? new Map<number, T[]>();
      this.#byLength.set(length, some);
      const start = startOf(candidate.bytes);
      const same = some.get(start);
      if (same) same.push(candidate);
      else some.set(start, [candidate]);
    }
  }

  /** The first pair that gives `value`; neither of the two is `value` itself. */
  find(value: Uint8Array): Pair<T> | undefined {
    return this.#xor(value) ?? this.#join(value);
  }

  #xor(value: Uint8Array): Pair<T> | undefined {
    const same = this.#byLength.get(value.length);
    if (!same) return undefined;
    const start = startOf(value);
    for (const [one, firsts] of same)
      for (const second of same.get((one ^ start) >>> 0) ?? [])
        for (const first of firsts)
          if (isXor(first.bytes, second.bytes, value) && !equal(first.bytes, value) && !equal(second.bytes, value))
            return { from: [first, second], derivation: { do: 'xor' } };
    return undefined;
  }

  #join(value: Uint8Array): Pair<T> | undefined {
    for (const [length, some] of this.#byLength) {
      if (length >= value.length) continue;
      const first = this.#at(some, value.subarray(0, length));
      const others = first && this.#byLength.get(value.length - length);
      const second = others && this.#at(others, value.subarray(length));
      if (first && second) return { from: [first, second], derivation: { do: 'join' } };
    }
    return undefined;
  }

  #at(some: Map<number, T[]>, bytes: Uint8Array): T | undefined {
    return some.get(startOf(bytes))?.find((one) => equal(one.bytes, bytes));
  }
}

function isXor(a: Uint8Array, b: Uint8Array, value: Uint8Array): boolean {
  return value.every((byte, index) => (a[index]! ^ b[index]!) === byte);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function startOf(bytes: Uint8Array): number {
  return ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}
