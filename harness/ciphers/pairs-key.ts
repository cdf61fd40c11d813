/**
 * What a key shows of pairs: the mode it was used in, the nonces, and where nonce and tag stand.
 *
 * As plaintext and ciphertext are known, AES gives its own input away: decrypting a block of keystream gives the counter block
 * that made it. So nonces needn't be guessed, nor even be sent. ChaCha20 has no way back: its nonces are sought in the frame.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { BLOCK, type Changed, headers, locate, MIN_PAIRS, type Place, text } from './pairs.ts';
import { isConstant, patterns } from './pairs-counters.ts';
import type { Cipher } from './scheme.ts';
import { positions, uniformity } from './statistics.ts';

/** How a key opens frames of one form. What is said holds for each of `frames`. */
export interface OpenedForm {
  /** Frames that come out as they went in, to the last byte. Those of less than 24 bytes are too short to show it. */
  readonly frames: number;
  /** Frames that it was tried on: the first {@link MAX_TRIED}. */
  readonly of: number;
  /** `CTR` where only the keystream is shown: a mode with a tag looks so, too, if its tag couldn't be worked out again. */
  readonly cipher: Cipher;
  /** Bytes between clear prefix and ciphertext. */
  readonly header: number;
  readonly nonce: OpenedNonce | undefined;
  readonly tag: OpenedTag | undefined;
}

export interface OpenedNonce {
  /** 12 in GCM and ChaCha20; 16 in CBC (the IV) and CTR (the first counter block). */
  readonly length: number;
  /** `random`: all differ, and at least 1,280 bytes show no pattern. `unclear`: no pattern in fewer, or another one. */
  readonly behaviour: 'constant' | 'counter' | 'random' | 'repeated' | 'unclear';
  readonly distinct: number;
  /** Where in the frame it stands, or all of it that changes; `undefined` where it doesn't, or is written in another way. */
  readonly stated:
    | (Place & { /** Combined with a constant by XOR, as in SFrame. */ readonly salted: boolean })
    | undefined;
}

export interface OpenedTag extends Place {
  /** What it covers beside the ciphertext, in this order. */
  readonly additional: Additional;
}

type Additional = 'nothing' | 'prefix' | 'header' | 'header, prefix' | 'prefix, header';

/** Frames of one form that a key is tried on. */
export const MAX_TRIED = 256;
/** Plaintext bytes, beyond those that gave the nonce, that have to come out: chance makes it 2^-64. */
const MIN_OPENED = 8;
/** Tag bytes that have to stand there in each frame; RFC 9605 §4.5 has the shortest tags. */
const MIN_TAG = 4;
const TAG = 16;
const NONCE = 12;
/** Bytes beside the ciphertext in which a nonce is sought. */
const MAX_SIDE = 64;
/** Bytes before the ciphertext that are tried: the nonce and tag of libsodium's `secretbox` come to so many. */
const MAX_HEADER = 40;
/** Bits by which the place of a nonce must be better than chance. */
const PLACE_BITS = 32;
/** Block counters of ChaCha20 at a frame's start: behind the block that Poly1305's key is from (RFC 8439 §2.8), or 0. */
const CHACHA_STARTS = [1, 0];
/** Bytes of its nonce that a frame may state, zeros standing before them: all, RFC 8439's without the constant, 32 bits. */
const CHACHA_NONCES = [NONCE, 8, 4];
/** Frames in which ChaCha20's nonce is sought. */
const MAX_SOUGHT = 8;
/** Bytes below which no pattern would be found ({@link uniformity}). */
const MIN_RANDOM = 1280;

/** One frame as a key opens it. */
interface Opened {
  readonly pair: Changed;
  readonly mode: 'ECB' | 'CBC' | 'CTR' | 'ChaCha20';
  readonly header: number;
  /** IV or first counter block; for ChaCha20 the block counter, 4 bytes little-endian, and the nonce. Empty in ECB. */
  readonly iv: Uint8Array;
}

/** Tries a key on frames that grow by the same number of bytes. `undefined`: it opens none of them. */
export function openForm(pairs: readonly Changed[], key: Uint8Array): OpenedForm | undefined {
  const tried = pairs.slice(0, MAX_TRIED);
  const aes = openAes(tried, key);
  const opened = commonest(aes.length > 0 ? aes : openChaCha(tried, key));
  const first = opened[0];
  if (!first) return undefined;
  const { mode, header } = first;
  const tag = tagOf(opened, key);
  const bits = { keyBits: 8 * key.length, tagBits: 8 * (tag?.length ?? 0) };
  const cipher: Cipher =
    mode === 'ChaCha20'
      ? { algorithm: 'ChaCha20', mode: tag ? 'Poly1305' : 'CTR', ...bits }
      : { algorithm: 'AES', mode: tag ? 'GCM' : mode, ...bits };
  const nonce =
    mode === 'ECB'
      ? undefined
      : describe(
          opened,
          opened.map(({ iv }) => nonceIn(iv, mode, tag)),
        );
  return { frames: opened.length, of: tried.length, cipher, header, nonce, tag };
}

function nonceIn(iv: Uint8Array, mode: Opened['mode'], tag: OpenedTag | undefined): Uint8Array {
  if (mode === 'ChaCha20') return iv.subarray(iv.length - NONCE);
  return tag ? iv.subarray(0, NONCE) : iv;
}

/** Those that were opened as most were. */
function commonest(all: readonly Opened[]): readonly Opened[] {
  const ways = new Map<string, Opened[]>();
  for (const one of all) {
    const way = `${one.mode} ${one.header}`;
    const same = ways.get(way);
    if (same) same.push(one);
    else ways.set(way, [one]);
  }
  return [...ways.values()].reduce((most, way) => (way.length > most.length ? way : most), []);
}

function plaintext({ before, clearPrefix }: Changed): Uint8Array {
  return before.subarray(clearPrefix);
}

function openAes(pairs: readonly Changed[], key: Uint8Array): Opened[] {
  if (![16, 24, 32].includes(key.length)) return [];
  const decipher = createDecipheriv(`aes-${8 * key.length}-ecb`, key, null).setAutoPadding(false);
  const decrypt = (block: Uint8Array) => decipher.update(block);
  let likely = 0;
  return pairs.flatMap((pair) => {
    for (const header of new Set([likely, ...Array.from({ length: headers(pair, MAX_HEADER) + 1 }, (_, n) => n)])) {
      const opened = openAesAt(pair, header, key, decrypt);
      if (!opened) continue;
      likely = header;
      return [opened];
    }
    return [];
  });
}

function openAesAt(pair: Changed, header: number, key: Uint8Array, decrypt: (block: Uint8Array) => Uint8Array) {
  const plain = plaintext(pair);
  const sealed = pair.after.subarray(pair.clearPrefix + header);
  const first = sealed.subarray(0, BLOCK);
  if (plain.length < BLOCK + MIN_OPENED || first.length < BLOCK) return undefined;
  const input = decrypt(first);
  const guesses: Opened[] = [
    { pair, mode: 'ECB', header, iv: new Uint8Array() },
    { pair, mode: 'CBC', header, iv: xor(input, plain) },
    { pair, mode: 'CTR', header, iv: decrypt(xor(first, plain)) },
  ];
  return guesses.find((guess) => opens(guess, key, 2 * BLOCK) && opens(guess, key, plain.length));
}

/** The first bytes XORed with each other, as many as `a` has. */
function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!);
}

/** Whether the first bytes of a frame come out; of ECB and CBC whole blocks only, and CBC has to show two. */
function opens({ pair, mode, header, iv }: Opened, key: Uint8Array, most: number): boolean {
  const plain = plaintext(pair).subarray(0, most);
  const length = mode === 'ECB' || mode === 'CBC' ? plain.length - (plain.length % BLOCK) : plain.length;
  if (mode === 'CBC' && length < 2 * BLOCK) return false;
  const name = mode === 'ChaCha20' ? 'chacha20' : `aes-${8 * key.length}-${mode.toLowerCase()}`;
  const decipher = createDecipheriv(name, key, mode === 'ECB' ? null : iv).setAutoPadding(false);
  const start = pair.clearPrefix + header;
  const out = decipher.update(pair.after.subarray(start, start + length));
  return Buffer.compare(out, plain.subarray(0, length)) === 0;
}

/** Where ChaCha20's nonce stands, how much of it, the rest being zeros before it; and what else the frames have in common. */
interface ChaChaWay {
  readonly place: Place;
  readonly start: number;
  readonly header: number;
}

function openChaCha(pairs: readonly Changed[], key: Uint8Array): Opened[] {
  if (key.length !== 32) return [];
  let way: ChaChaWay | undefined;
  for (const pair of pairs.slice(0, MAX_SOUGHT)) way ??= chachaWay(pair, key);
  return pairs.flatMap((pair) => (way && openChaChaAt(pair, key, way)) ?? []);
}

function openChaChaAt(pair: Changed, key: Uint8Array, { place, start, header }: ChaChaWay): Opened | undefined {
  const opened: Opened = { pair, mode: 'ChaCha20', header, iv: chachaIv(pair, place, start) };
  return opens(opened, key, Number.POSITIVE_INFINITY) ? opened : undefined;
}

function chachaIv(pair: Changed, place: Place, start: number): Uint8Array {
  const iv = Buffer.alloc(BLOCK);
  iv.writeUInt32LE(start);
  const at = locate(pair, place);
  iv.set(pair.after.subarray(at, at + place.length), BLOCK - place.length);
  return iv;
}

function chachaWay(pair: Changed, key: Uint8Array): ChaChaWay | undefined {
  const plain = plaintext(pair).subarray(0, BLOCK);
  if (plain.length < MIN_OPENED) return undefined;
  const most = headers(pair, MAX_HEADER);
  const begin = Buffer.from(pair.after.subarray(pair.clearPrefix, pair.clearPrefix + most + plain.length));
  const size = Math.min(MAX_SIDE, pair.after.length - pair.before.length);
  for (const length of CHACHA_NONCES)
    for (const from of ['end', 'header'] as const)
      for (let at = 0; at + length <= size; at++)
        for (const start of CHACHA_STARTS) {
          const place: Place = { from, offset: from === 'header' ? at : at + length, length };
          const header = begin.indexOf(createCipheriv('chacha20', key, chachaIv(pair, place, start)).update(plain));
          if (header >= 0) return { place, start, header };
        }
  return undefined;
}

/** The tag, if one of GCM or Poly1305 stands beside the ciphertext. */
function tagOf(opened: readonly Opened[], key: Uint8Array): OpenedTag | undefined {
  if (!opened.every(mayHaveTag)) return undefined;
  for (const additional of ['nothing', 'prefix', 'header', 'header, prefix', 'prefix, header'] as const) {
    const first = opened[0]!;
    const found = findTag(first, workedOut(first, key, additional));
    if (!found) continue;
    let length = found.length;
    for (const one of opened) length = Math.min(length, agreeing(one, found, workedOut(one, key, additional)));
    if (length >= MIN_TAG) return { ...found, length, additional };
  }
  return undefined;
}

/** The first block counter is 2 in GCM (NIST SP 800-38D §7.1) and 1 in ChaCha20-Poly1305 (RFC 8439 §2.8). */
function mayHaveTag({ mode, iv }: Opened): boolean {
  const view = new DataView(iv.buffer, iv.byteOffset, iv.byteLength);
  return (mode === 'CTR' && view.getUint32(NONCE) === 2) || (mode === 'ChaCha20' && view.getUint32(0, true) === 1);
}

function workedOut({ pair, mode, header, iv }: Opened, key: Uint8Array, additional: Additional): Uint8Array {
  const { after, clearPrefix } = pair;
  const parts = {
    prefix: after.subarray(0, clearPrefix),
    header: after.subarray(clearPrefix, clearPrefix + header),
    nothing: new Uint8Array(),
  };
  const aad = Buffer.concat(additional.split(', ').map((part) => parts[part as keyof typeof parts]));
  const plain = plaintext(pair);
  const cipher =
    mode === 'ChaCha20'
      ? createCipheriv('chacha20-poly1305', key, iv.subarray(BLOCK - NONCE), { authTagLength: TAG })
      : createCipheriv(`aes-${8 * key.length}-gcm` as 'aes-128-gcm', key, iv.subarray(0, NONCE));
  cipher.setAAD(aad, { plaintextLength: plain.length });
  cipher.update(plain);
  cipher.final();
  return cipher.getAuthTag();
}

/** Bytes behind the ciphertext. */
function trailer({ pair, header }: Opened): number {
  return pair.after.length - pair.before.length - header;
}

function findTag(one: Opened, tag: Uint8Array): Place | undefined {
  const places: Place[] = [];
  for (let offset = trailer(one); offset >= MIN_TAG; offset--) places.push({ from: 'end', offset, length: offset });
  for (let offset = 0; offset + MIN_TAG <= one.header; offset++)
    places.push({ from: 'header', offset, length: one.header - offset });
  return places.find((place) => agreeing(one, place, tag) >= MIN_TAG);
}

/** Bytes of the tag that stand at a place, at most as many as the place has. */
function agreeing({ pair }: Opened, place: Place, tag: Uint8Array): number {
  const at = locate(pair, place);
  let n = 0;
  while (n < Math.min(place.length, TAG) && pair.after[at + n] === tag[n]) n++;
  return n;
}

function describe(opened: readonly Opened[], nonces: readonly Uint8Array[]): OpenedNonce {
  const distinct = new Set(nonces.map((nonce) => text(nonce))).size;
  return {
    length: nonces[0]!.length,
    behaviour: behaviour(nonces, distinct),
    distinct,
    stated: statedAt(opened, nonces, false) ?? statedAt(opened, nonces, true),
  };
}

function columnsOf(rows: readonly Uint8Array[]): Uint8Array[] {
  return Array.from({ length: rows[0]?.length ?? 0 }, (_, at) => Uint8Array.from(rows, (row) => row[at]!));
}

function behaviour(nonces: readonly Uint8Array[], distinct: number): OpenedNonce['behaviour'] {
  if (distinct < nonces.length) return distinct === 1 ? 'constant' : 'repeated';
  if (nonces.length < MIN_PAIRS) return 'unclear';
  const columns = columnsOf(nonces);
  if (patterns(columns, true).some(({ counter }) => counter)) return 'counter';
  const changing = columns.filter((column) => !isConstant(column));
  const { bytes, verdict } = uniformity(changing, 'audio');
  const patterned = positions(columnsOf(changing), changing.length).some(({ structured }) => structured);
  return bytes >= MIN_RANDOM && verdict !== 'structured' && !patterned ? 'random' : 'unclear';
}

/** Where all of the nonce that changes stands in each frame; with what stands beside it as in the nonce, if not salted. */
function statedAt(opened: readonly Opened[], nonces: readonly Uint8Array[], salted: boolean): OpenedNonce['stated'] {
  const nonce = columnsOf(nonces);
  const changing = nonce.flatMap((column, at) => (isConstant(column) ? [] : [at]));
  const first = changing[0] ?? 0;
  const last = changing.at(-1) ?? nonce.length - 1;
  const bits = 8 * (changing.length || nonce.length) * (opened.length - (salted ? 1 : 0));
  if (bits < PLACE_BITS || (salted && changing.length === 0)) return undefined;
  for (const from of ['header', 'end'] as const) {
    const sizes = opened.map((one) => (from === 'header' ? one.header : trailer(one)));
    const size = Math.max(0, Math.min(MAX_SIDE, ...sizes));
    const rows = opened.map(({ pair }) => {
      const at = from === 'header' ? pair.clearPrefix : pair.after.length - size;
      return pair.after.subarray(at, at + size);
    });
    const columns = columnsOf(rows);
    const same = (k: number, at: number) => {
      const [a, b] = [nonce[k], columns[at]];
      return a !== undefined && b !== undefined && isConstant(xor(a, b)) && (salted || a[0] === b[0]);
    };
    for (let at = 0; at + (last - first) < size; at++) {
      const shift = at - first;
      let [begin, end] = [first, last];
      while (begin <= last && same(begin, begin + shift)) begin++;
      if (begin <= last) continue;
      begin = first;
      while (!salted && same(begin - 1, begin - 1 + shift)) begin--;
      while (!salted && same(end + 1, end + 1 + shift)) end++;
      const offset = begin + shift;
      return { from, offset: from === 'header' ? offset : size - offset, length: end - begin + 1, salted };
    }
  }
  return undefined;
}
