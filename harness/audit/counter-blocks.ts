/** The counter blocks that a frame takes in CTR mode (NIST SP 800-38A, 6.5): where two frames' overlap, so do their keystreams. */

export const BLOCK = 16;

export interface Counted {
  nonce: Uint8Array;
  /** Bytes of ciphertext. */
  length: number;
  /** Bits of the nonce that count blocks. */
  counterBits?: number | undefined;
}

/** From the first of each run to behind its last. A counter that comes to its end begins anew, and leaves the bits before it as they are. */
export function counterBlocks({ nonce, length, counterBits = 8 * BLOCK }: Counted): [from: bigint, to: bigint][] {
  const block = Buffer.alloc(BLOCK);
  block.set(nonce.subarray(0, BLOCK));
  const first = BigInt(`0x${block.toString('hex')}`);
  const start = (first >> BigInt(counterBits)) << BigInt(counterBits);
  const end = start + (1n << BigInt(counterBits));
  const last = first + BigInt(Math.ceil(length / BLOCK));
  return last > end
    ? [
        [first, end],
        [start, start + (last - end)],
      ]
    : [[first, last]];
}

/** How many blocks of one frame another takes, too. */
export function overlap(a: Counted, b: Counted): number {
  let shared = 0n;
  for (const [from, to] of counterBlocks(a))
    for (const [otherFrom, otherTo] of counterBlocks(b)) {
      const begin = from > otherFrom ? from : otherFrom;
      const end = to < otherTo ? to : otherTo;
      if (begin < end) shared += end - begin;
    }
  return Number(shared);
}
