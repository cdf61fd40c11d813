import { type Cipher, sameCipher } from '../ciphers/scheme.ts';
import type { KeyEvidence, StreamEvidence } from '../claims/evidence.ts';
import { counterBlocks } from './counter-blocks.ts';

/** At most so many events are named that show a key in use. */
const MOST_EVIDENCE = 16;

/** Bytes at its end by which a ciphertext is told from others: a tag is as long. */
export const MARK_BYTES = 16;

/** Counter blocks that are looked up together; a frame of video seldom has more. */
const BUCKET_BITS = 10n;
const BUCKET = 1 << Number(BUCKET_BITS);

/** What a frame's nonce was used for. */
export interface Use {
  nonce: Uint8Array | undefined;
  /** The ciphertext, or its last {@link MARK_BYTES}. The same one sent twice is no second use of its nonce. */
  sealed: Uint8Array;
  /** Bytes of ciphertext. */
  length: number;
  /** The sender's number for its key: one that numbers its keys may begin its nonces anew with each. */
  keyId?: bigint | undefined;
  /** Bits of the nonce that count blocks, in CTR mode. */
  counterBits?: number | undefined;
}

/** Counter blocks within a bucket that a frame took, and which frame. */
interface Taken {
  from: number;
  to: number;
  event: number;
  end: string;
  stream: StreamEvidence;
}

/** The keys found so far, by their bytes and cipher; what there is to say of where they come from is filled in once all are. */
export class KeyRing {
  readonly all: KeyEvidence[] = [];
  /** By the key's bytes: under two ciphers, or with tags of two lengths, it gives the same keystream. */
  readonly #seen = new Map<string, Seen>();
  /** How many of a key's pairs are of one stream that the provider carried. */
  readonly #best = new Map<KeyEvidence, number>();

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

  /** Notes that a key sealed a frame. */
  use(key: KeyEvidence, stream: StreamEvidence, evidence: number[], use: Use): void {
    if (!key.streams.includes(stream)) key.streams.push(stream);
    key.frames++;
    if (key.evidence.length < MOST_EVIDENCE) key.evidence.push(...evidence);
    if (!use.nonce) return;
    key.nonces++;
    const name = Buffer.from(key.bytes).toString('latin1');
    const seen = this.#seen.get(name) ?? { nonces: new Map(), blocks: new Map() };
    this.#seen.set(name, seen);
    const end = Buffer.from(use.sealed.subarray(-MARK_BYTES)).toString('latin1');
    const mark = { event: evidence[0]!, end, stream };
    const earlier = key.cipher.mode === 'CTR' ? takeBlocks(seen, use, mark) : takeNonce(seen, use, mark);
    if (earlier === undefined) return;
    key.noncesReused++;
    this.#keep(key, earlier, mark);
  }

  /** Pairs of one stream that the provider carried come first, whatever came before them: these are what a proof shows best. */
  #keep(key: KeyEvidence, earlier: Mark, { event, stream }: Mark): void {
    const pairs = key.nonceReuse;
    const best = this.#best.get(key) ?? 0;
    if (earlier.stream === stream && stream.route === 'provider' && best < MOST_EVIDENCE) {
      pairs.splice(best, 0, [earlier.event, event]);
      this.#best.set(key, best + 1);
    } else pairs.push([earlier.event, event]);
    pairs.length = Math.min(pairs.length, MOST_EVIDENCE);
  }
}

/** What was seen of one key's nonces, and of its counter blocks by bucket. */
interface Seen {
  nonces: Map<string, Mark>;
  blocks: Map<string, Taken[]>;
}

type Mark = Pick<Taken, 'event' | 'end' | 'stream'>;

/** The other frame that had a nonce before. */
function takeNonce({ nonces }: Seen, { nonce, keyId }: Use, mark: Mark): Mark | undefined {
  const name = `${keyId ?? ''} ${Buffer.from(nonce!).toString('latin1')}`;
  const earlier = nonces.get(name);
  if (!earlier) nonces.set(name, mark);
  return earlier && earlier.end !== mark.end ? earlier : undefined;
}

/** Another frame whose counter blocks overlap: where they do, so do the keystreams. Those that are kept never overlap. */
function takeBlocks({ blocks }: Seen, use: Use, mark: Mark): Mark | undefined {
  const wanted = [...bucketsOf(use)];
  for (const { bucket, from, to } of wanted)
    for (const taken of blocks.get(bucket) ?? [])
      if (from < taken.to && taken.from < to) return isSame(taken, { from, to, ...mark }) ? undefined : taken;
  for (const { bucket, from, to } of wanted) {
    const taken = blocks.get(bucket) ?? [];
    taken.push({ from, to, ...mark });
    blocks.set(bucket, taken);
  }
  return undefined;
}

function isSame(a: Taken, b: Omit<Taken, 'stream'>): boolean {
  return a.from === b.from && a.to === b.to && a.end === b.end;
}

/** A frame's counter blocks, by bucket. */
function* bucketsOf({ nonce, length, keyId, counterBits }: Use) {
  for (const [from, to] of counterBlocks({ nonce: nonce!, length, counterBits }))
    for (let at = from; at < to; at = ((at >> BUCKET_BITS) + 1n) << BUCKET_BITS) {
      const base = (at >> BUCKET_BITS) << BUCKET_BITS;
      yield {
        bucket: `${keyId ?? ''} ${base}`,
        from: Number(at - base),
        to: Math.min(BUCKET, Number(to - base)),
      };
    }
}
