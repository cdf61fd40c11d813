import { type Cipher, sameCipher } from '../ciphers/scheme.ts';
import type { KeyEvidence, StreamEvidence } from '../claims/evidence.ts';

/** At most so many events are named that show a key in use. */
const MOST_EVIDENCE = 16;

/** Bytes at its end by which a ciphertext is told from others: a tag is as long. */
export const MARK_BYTES = 16;

/** The keys found so far, by their bytes and cipher; what there is to say of where they come from is filled in once all are. */
export class KeyRing {
  readonly all: KeyEvidence[] = [];
  /** By the key's bytes: under two ciphers, or with tags of two lengths, it gives the same keystream. */
  readonly #nonces = new Map<string, Map<string, { event: number; end: string }>>();

  of(bytes: Uint8Array, found: KeyEvidence['found'], cipher: Cipher): KeyEvidence {
    const known = this.all.find((key) => Buffer.compare(key.bytes, bytes) === 0 && sameCipher(key.cipher, cipher));
    if (known) return known;
    const key: KeyEvidence = {
      name: `key ${this.all.length + 1}`,
      bytes,
      found,
      cipher,
      scheme: undefined,
      streams: [],
      frames: 0,
      path: undefined,
      suspect: false,
      givenAwayBy: undefined,
      repeatable: false,
      sources: [],
      roots: { made: [], unknown: [], crossed: [] },
      guards: { made: [], unknown: [], crossed: [] },
      sight: undefined,
      noncesReused: 0,
      nonceReuse: [],
      nonces: 0,
      holders: [],
      unaccounted: [],
      swappable: [],
      evidence: [],
    };
    this.all.push(key);
    return key;
  }

  /**
   * Notes that a key sealed a frame.
   *
   * @param sealed the ciphertext. The same one sent twice is no second use of its nonce.
   */
  use(
    key: KeyEvidence,
    stream: StreamEvidence,
    evidence: number[],
    nonce: Uint8Array | undefined,
    sealed: Uint8Array,
    keyId: bigint | undefined = undefined,
  ): void {
    if (!key.streams.includes(stream)) key.streams.push(stream);
    key.frames++;
    if (key.evidence.length < MOST_EVIDENCE) key.evidence.push(...evidence);
    if (!nonce) return;
    key.nonces++;
    const bytes = Buffer.from(key.bytes).toString('latin1');
    const seen = this.#nonces.get(bytes) ?? new Map();
    this.#nonces.set(bytes, seen);
    // A sender that numbers its keys may begin its nonces anew with each.
    const name = `${keyId ?? ''} ${Buffer.from(nonce).toString('latin1')}`;
    const earlier = seen.get(name);
    const end = Buffer.from(sealed.subarray(-MARK_BYTES)).toString('latin1');
    if (earlier === undefined) seen.set(name, { event: evidence[0]!, end });
    else if (earlier.end !== end) {
      key.noncesReused++;
      if (key.nonceReuse.length < MOST_EVIDENCE) key.nonceReuse.push([earlier.event, evidence[0]!]);
    }
  }
}
