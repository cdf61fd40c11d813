import type { Cipher } from '../ciphers/scheme.ts';
import type { KeyEvidence, StreamEvidence } from '../claims/evidence.ts';

/** At most so many events are named that show a key in use. */
const MOST_EVIDENCE = 16;

/** The keys found so far, by their bytes and cipher; what there is to say of where they come from is filled in once all are. */
export class KeyRing {
  readonly all: KeyEvidence[] = [];
  readonly #nonces = new Map<KeyEvidence, Map<string, number>>();

  of(bytes: Uint8Array, found: KeyEvidence['found'], cipher: Cipher): KeyEvidence {
    const known = this.all.find((key) => Buffer.compare(key.bytes, bytes) === 0 && key.cipher.mode === cipher.mode);
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
    this.#nonces.set(key, new Map());
    return key;
  }

  /** Notes that a key sealed a frame. */
  use(
    key: KeyEvidence,
    stream: StreamEvidence,
    evidence: number[],
    nonce: Uint8Array | undefined,
    keyId: bigint | undefined = undefined,
  ): void {
    if (!key.streams.includes(stream)) key.streams.push(stream);
    key.frames++;
    if (key.evidence.length < MOST_EVIDENCE) key.evidence.push(...evidence);
    if (!nonce) return;
    key.nonces++;
    const seen = this.#nonces.get(key)!;
    // A sender that numbers its keys may begin its nonces anew with each.
    const name = `${keyId ?? ''} ${Buffer.from(nonce).toString('latin1')}`;
    const earlier = seen.get(name);
    if (earlier === undefined) seen.set(name, evidence[0]!);
    else {
      key.noncesReused++;
      if (key.nonceReuse.length < MOST_EVIDENCE) key.nonceReuse.push([earlier, evidence[0]!]);
    }
  }
}
