/**
 * The search for known secrets in signalling against ripgrep, on the same file with the same patterns: a gigabyte of what
 * services send, in which secrets are planted in each encoding. Both must find the same. They take turns at going first, and the best
 * of three runs counts.
 *
 * ripgrep is fastest with `--fixed-strings`, which takes no bytes that aren't UTF-8: it is timed without the raw secrets, and
 * asked for those once, by themselves and off the clock.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Pattern, patterns, Searcher } from '../../harness/knowledge/search.ts';
import type { Report } from './report.ts';

const BYTES = 1e9;
const SECRETS = 64;
/** So many of them stand in the file. */
const PLANTED = 24;
const ROUNDS = 3;
/** Bytes that are read at a time. */
const CHUNK = 1 << 20;
/** The signalling of calls is alike: so much is made up, and then repeated with other secrets planted. */
const BLOCK = 32 << 20;

export async function bench(report: Report): Promise<void> {
  if (spawnSync('rg', ['--version']).error) {
    console.error('ripgrep (rg) is not here: the search is not compared with it');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'keywitness-search-'));
  try {
    const file = join(folder, 'signalling');
    const secrets = Array.from({ length: SECRETS }, (_, index) => secretOf(index));
    write(file, secrets);
    const texts = join(folder, 'texts');
    const raw = join(folder, 'raw');
    const all = secrets.flatMap(patterns);
    writeFileSync(texts, lines(all.filter(isText).map(({ bytes }) => Buffer.from(bytes).toString('latin1'))));
    writeFileSync(raw, lines(all.filter((pattern) => !isText(pattern)).map(({ bytes }) => regex(bytes))));
    const best = { ours: Number.POSITIVE_INFINITY, ripgrep: Number.POSITIVE_INFINITY };
    const rawHits = grep(file, raw, ['--no-unicode']);
    for (let round = 0; round < ROUNDS; round++) {
      const hits: Record<'ours' | 'ripgrep', number[]> = { ours: [], ripgrep: [] };
      const runs = {
        ours: () => search(file, secrets),
        ripgrep: () => [...grep(file, texts, ['--fixed-strings']), ...rawHits],
      };
      for (const who of round % 2 === 0 ? (['ours', 'ripgrep'] as const) : (['ripgrep', 'ours'] as const)) {
        const [seconds, found] = timed(runs[who]);
        best[who] = Math.min(best[who], seconds);
        hits[who] = found;
      }
      compare(hits.ours, hits.ripgrep);
    }
    report({
      what: 'search of 64 secrets in 1 GB, ours / ripgrep',
      ratio: best.ripgrep / best.ours,
      detail: `${speed(best.ours)} / ${speed(best.ripgrep)} MB/s`,
      aim: '>= 1',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function timed<T>(run: () => T): [number, T] {
  const began = performance.now();
  const result = run();
  return [(performance.now() - began) / 1000, result];
}

function speed(seconds: number): string {
  return (BYTES / 1e6 / seconds).toFixed(0);
}

function search(file: string, secrets: Uint8Array[]): number[] {
  const found: number[] = [];
  const stream = new Searcher(secrets).stream();
  const chunk = Buffer.alloc(CHUNK);
  const handle = openSync(file, 'r');
  for (let length = readSync(handle, chunk); length > 0; length = readSync(handle, chunk))
    for (const { offset } of stream.push(chunk.subarray(0, length))) found.push(offset);
  closeSync(handle);
  return found;
}

/** Without what costs it time: line numbers and colours. For one file it has one thread, as we have. */
function grep(file: string, list: string, options: string[]): number[] {
  const always = ['--no-config', '--text', '--no-line-number', '--no-filename', '--color=never'];
  const run = spawnSync('rg', [...always, ...options, '--only-matching', '--byte-offset', '--file', list, file], {
    maxBuffer: 1 << 30,
    encoding: 'latin1',
  });
  if (run.status !== 0) throw new Error(`ripgrep: ${run.error?.message ?? run.stderr.slice(-200)}`);
  return [...run.stdout.matchAll(/^(\d+):/gm)].map((match) => Number(match[1]));
}

/** No two of the planted patterns overlap, which ripgrep would not report. */
function compare(ours: number[], its: number[]): void {
  const mine = new Set(ours);
  const missing = its.filter((offset) => !mine.has(offset));
  const theirs = new Set(its);
  const extra = ours.filter((offset) => !theirs.has(offset));
  if (missing.length > 0 || extra.length > 0)
    throw new Error(`the searches differ: ${missing.length} only ripgrep's, ${extra.length} only ours`);
}

/** ASCII, of which UTF-16 has zeros in between. */
function isText({ encoding }: Pattern): boolean {
  return encoding !== 'raw';
}

function regex(bytes: Uint8Array): string {
  return `(?-u:${Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')})`;
}

function lines(all: string[]): string {
  return all.map((line) => `${line}\n`).join('');
}

// --- what is searched

/** The same at each run; without line ends, which ripgrep's patterns can't hold. */
function secretOf(index: number): Uint8Array {
  for (let attempt = 0; ; attempt++) {
    const bytes = createHash('sha256').update(`secret ${index} ${attempt}`).digest();
    if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return bytes;
  }
}

/** Bytes that look random and are the same at each run: AES-128-CTR of zeros. */
function random(name: string): (length: number) => Buffer {
  const stream = createCipheriv('aes-128-ctr', createHash('md5').update(name).digest(), Buffer.alloc(16));
  return (length) => stream.update(Buffer.alloc(length));
}

function write(path: string, secrets: Uint8Array[]): void {
  const block = signalling(BLOCK);
  const draw = random('plants');
  const all = secrets.slice(0, PLANTED).flatMap(patterns);
  const handle = openSync(path, 'w');
  let planted = 0;
  for (let left = BYTES; left > 0; left -= block.length) {
    const copy = Buffer.from(block.subarray(0, Math.min(left, block.length)));
    for (let count = 0; count < 16 && planted < all.length; count++, planted++) {
      // One to a sixteenth, so that none overwrites another.
      const room = Math.floor(copy.length / 16);
      const { bytes } = all[(planted * 7919) % all.length]!;
      copy.set(bytes, count * room + (draw(4).readUInt32LE() % (room - bytes.length)));
    }
    for (let at = 0; at < copy.length; ) at += writeSync(handle, copy, at);
  }
  closeSync(handle);
}

/** What the signalling of calls consists of: joins and offers in JSON, candidates, tokens, binary frames, sealed keys, numbers. */
function signalling(length: number): Buffer {
  const draw = random('signalling');
  const hex = (bytes: number) => draw(bytes).toString('hex');
  const base64 = (bytes: number) => draw(bytes).toString('base64');
  const kinds: (() => string | Buffer)[] = [
    () =>
      JSON.stringify({ type: 'join', room: hex(8), user: { id: hex(16), name: `guest ${draw(1)[0]}` }, sdk: '2.15.4' }),
    () => JSON.stringify({ type: 'offer', sdp: sdp(hex, base64) }),
    () => JSON.stringify({ candidate: candidate(draw), sdpMid: '0', sdpMLineIndex: 0, usernameFragment: hex(2) }),
    () => `42["message",${JSON.stringify({ to: hex(10), payload: base64(180), ts: draw(6).readUIntLE(0, 6) })}]`,
    () =>
      `GET /signal?access_token=${['{"alg":"HS256"}', `{"sub":"${hex(8)}"}`].map((part) => Buffer.from(part).toString('base64url')).join('.')}.${draw(32).toString('base64url')} HTTP/1.1\r\nHost: sfu.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n`,
    () => JSON.stringify({ type: 'key', index: draw(1)[0], sealed: [...draw(60)] }),
    () => Buffer.concat([Buffer.from([0x0a, 0x20]), draw(32), Buffer.from([0x12, 0x80, 0x02]), draw(256)]),
    () =>
      JSON.stringify({
        type: 'stats',
        level: draw(1)[0]! / 255,
        speaking: true,
        participants: [hex(8), hex(8), hex(8)],
      }),
  ];
  const pieces: Buffer[] = [];
  for (let total = 0, next = 0; total < length; next++) {
    const piece = Buffer.from(kinds[next % kinds.length]!() as string);
    pieces.push(piece, Buffer.from('\n'));
    total += piece.length + 1;
  }
  return Buffer.concat(pieces).subarray(0, length);
}

function candidate(draw: (length: number) => Buffer): string {
  const [a, b, c, d] = draw(4);
  return `candidate:${draw(4).readUInt32LE()} 1 udp 2122260223 ${a}.${b}.${c}.${d} ${draw(2).readUInt16LE()} typ host generation 0`;
}

function sdp(hex: (bytes: number) => string, base64: (bytes: number) => string): string {
  const fingerprint = hex(32)
    .toUpperCase()
    .replaceAll(/..(?=.)/g, '$&:');
  const media = ['audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126', 'video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101'];
  return [
    `v=0\r\no=- ${Number.parseInt(hex(6), 16)} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n`,
    ...media.map((line, mid) =>
      [
        `m=${line}`,
        'c=IN IP4 0.0.0.0',
        `a=ice-ufrag:${base64(3)}`,
        `a=ice-pwd:${base64(18)}`,
        'a=ice-options:trickle',
        `a=fingerprint:sha-256 ${fingerprint}`,
        'a=setup:actpass',
        `a=mid:${mid}`,
        'a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level',
        'a=sendrecv',
        'a=rtcp-mux',
        'a=rtpmap:111 opus/48000/2',
        'a=fmtp:111 minptime=10;useinbandfec=1',
        `a=ssrc:${Number.parseInt(hex(4), 16)} cname:${base64(12)}`,
        '',
      ].join('\r\n'),
    ),
  ].join('');
}
