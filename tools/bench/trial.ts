/** How many candidates are tried in a second, against what node:crypto does by itself with the same bytes. */
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { openAll, type Scheme, type SealedFrame } from '../../harness/ciphers/scheme.ts';
import { scheme as oneOpening } from '../../harness/ciphers/schemes/getstream.ts';
import { scheme as passphrase } from '../../harness/ciphers/schemes/livekit-passphrase.ts';
import type { Report } from './report.ts';

const ROUNDS = 5;
/** Bytes of a frame: most of a call's are shorter. */
const FRAME = 1000;
const CLEAR = 3;
/** Of GetStream's trailer; see its scheme. */
const TRAILER = 20;

export async function bench(report: Report): Promise<void> {
  const frame = sealed();
  const keys = Array.from({ length: 20_000 }, () => randomBytes(32));
  compare(
    report,
    'AES-GCM candidates',
    keys,
    (key) => void tried(oneOpening, frame, key),
    (key) => open(key, frame.data),
  );
  const words = Array.from({ length: 20 }, () => randomBytes(12));
  const asLiveKit = { ...frame, data: Buffer.concat([frame.data, randomBytes(12), Buffer.from([12, 0])]) };
  compare(
    report,
    'PBKDF2 candidates',
    words,
    (word) => void tried(passphrase, asLiveKit, word),
    (word) => void pbkdf2Sync(word, 'LKFrameEncryptionKey', 100_000, 32, 'sha256'),
  );
}

/** Takes turns, and the best of each. */
function compare(
  report: Report,
  what: string,
  candidates: Buffer[],
  ours: (candidate: Buffer) => void,
  bare: (candidate: Buffer) => void,
): void {
  const best = { ours: 0, bare: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    best.ours = Math.max(best.ours, rate(candidates, ours));
    best.bare = Math.max(best.bare, rate(candidates, bare));
  }
  report({
    what: `${what} a second, trial / node:crypto`,
    ratio: best.ours / best.bare,
    detail: `${best.ours.toFixed(0)} / ${best.bare.toFixed(0)} a second`,
    aim: '>= 0.8',
  });
}

function rate(candidates: Buffer[], attempt: (candidate: Buffer) => void): number {
  const began = performance.now();
  for (const candidate of candidates) attempt(candidate);
  return candidates.length / ((performance.now() - began) / 1000);
}

function tried(scheme: Scheme, frame: SealedFrame, secret: Uint8Array): void {
  if (openAll(scheme, [frame], secret)) throw new Error('a random secret opened the frame');
}

function sealed(): SealedFrame {
  const clear = randomBytes(CLEAR);
  const [prefix, counter] = [randomBytes(8), randomBytes(4)];
  const cipher = createCipheriv('aes-256-gcm', randomBytes(32), Buffer.concat([prefix, counter]));
  cipher.setAAD(clear);
  const rest = Buffer.concat([cipher.update(randomBytes(FRAME)), cipher.final(), cipher.getAuthTag()]);
  const trailer = Buffer.concat([counter, prefix, Buffer.from([0, 0, CLEAR, 1, 0xe2, 0xee, 0xfe, 0xed])]);
  return { medium: 'video', key: false, ssrc: 1, timestamp: 0, data: Buffer.concat([clear, rest, trailer]) };
}

/** What opening such a frame comes to, at least. */
function open(key: Uint8Array, data: Uint8Array): void {
  const end = data.length - TRAILER;
  const nonce = Buffer.concat([data.subarray(end + 4, end + 12), data.subarray(end, end + 4)]);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(data.subarray(0, CLEAR));
  decipher.setAuthTag(data.subarray(end - 16, end));
  decipher.update(data.subarray(CLEAR, end - 16));
  try {
    decipher.final();
  } catch {
    return;
  }
  throw new Error('a random key opened the frame');
}
