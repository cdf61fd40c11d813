import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { auditFolder } from './audit.ts';
import { ffmpegDecoder, findFfmpeg } from './decoder.ts';
import { recordSoundCall, type SoundCall } from './fixtures/sound-call.ts';
import { digestOf, type Proof } from './reproduce.ts';

const ffmpeg = findFfmpeg()!.path;
const within = mkdtempSync(join(tmpdir(), 'keywitness-proof-'));
afterAll(() => rmSync(within, { recursive: true }));

/** A nonce of 12 bytes that counts. */
function nonce(count: number): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(count, 8);
  return new Uint8Array(bytes);
}

/** A counter block of 16 bytes. */
function counter(count: number): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.alloc(4), nonce(count)]));
}

async function judged(call: Omit<SoundCall, 'claim'>) {
  const folder = recordSoundCall(mkdtempSync(join(within, 'call-')), { claim: 'ciphertext-sound', ...call });
  const { result, reader } = await auditFolder(folder, ffmpegDecoder(ffmpeg));
  reader.close();
  const { verdict, findings } = result.verdicts[0]!;
  return { verdict, findings, proof: join(folder, 'proofs', 'ciphertext-sound') };
}

function read(folder: string): Proof {
  return JSON.parse(readFileSync(join(folder, 'proof.json'), 'utf8'));
}

function run(folder: string) {
  const env = { ...process.env, FFMPEG_BIN: ffmpeg };
  const { status, stdout, stderr } = spawnSync('node', [join(folder, 'reproduce.mjs')], { encoding: 'utf8', env });
  return { status, stdout, stderr };
}

/** Runs it with something else in its `proof.json`, which says that it is as it was written. */
function forged(folder: string, forge: (proof: Proof) => unknown) {
  const proof = read(folder);
  forge(proof);
  proof.digest = digestOf(proof);
  writeFileSync(join(folder, 'proof.json'), JSON.stringify(proof));
  return run(folder);
}

describe('the proof of a nonce that was used again', () => {
  it('shows frames that share it, and their stream', async () => {
    const { verdict, findings, proof } = await judged({
      streams: [
        (index) => ({ nonce: nonce(10_000 + index) }),
        // Late, so that the first frames don't show it.
        (index) => ({ nonce: nonce(index < 260 ? index : index - 37) }),
      ],
    });
    expect(verdict).toBe('refuted');
    const [, times] = /used with a nonce that it had been used with before, (\d+) times$/.exec(findings[0]!.title)!;
    const { ssrc, reuse } = read(proof);
    expect(ssrc).toBe(12);
    expect(reuse!.times).toBe(Number(times));
    expect(reuse!.pairs).toHaveLength(5);
    for (const [a, b] of reuse!.pairs) expect(a.nonce).toBe(b.nonce);
    const { status, stdout } = run(proof);
    expect(status).toBe(0);
    expect(stdout).toContain(`a nonce of others ${times} times in the whole call. Shown here, 5 of these`);
    expect(stdout.match(/ have the nonce 0{20}....; their ciphertexts differ/g)).toHaveLength(5);
  });

  it('shows frames of two streams, or with tags of two lengths', async () => {
    for (const tags of [[128, 128] as const, [128, 64] as const]) {
      const { verdict, proof } = await judged({
        streams: tags.map((tagLength, stream) => (index) => ({
          nonce: nonce(stream === 1 && index >= 150 ? index - 150 : 1000 * stream + index),
          tagLength,
        })),
      });
      expect(verdict).toBe('refuted');
      expect(read(proof).reuse!.streams.map(({ ssrc }) => ssrc)).toEqual([11, 12]);
      const { status, stdout } = run(proof);
      expect(status).toBe(0);
      expect(stdout).toMatch(/SSRC 11\) and \d+ \(alice, SSRC 12\) have the nonce/);
    }
  });

  it('shows counter blocks that overlap', async () => {
    const { verdict, proof } = await judged({ streams: [(index) => ({ nonce: counter(index), cipher: 'CTR' })] });
    expect(verdict).toBe('refuted');
    expect(read(proof).reuse!.pairs[0]![0]).toMatchObject({ counterBits: 64 });
    const { status, stdout } = run(proof);
    expect(status).toBe(0);
    expect(stdout).toMatch(/have counter blocks in common \(\d+\), as they begin with 0{28}(.{4}) and 0{28}(?!\1)/);
  });

  it('shows it of a key that was found by trial', async () => {
    const streams = [(index: number) => ({ nonce: nonce(index < 290 ? index : index - 200) })];
    const { verdict, proof } = await judged({ seen: false, streams });
    expect(verdict).toBe('refuted');
    expect(read(proof)).toMatchObject({ scheme: 'aes-gcm', reuse: { pairs: { length: 5 } } });
    expect(run(proof)).toMatchObject({ status: 0, stdout: expect.stringContaining('have the nonce') });
  });

  it('fails where it was changed', async () => {
    const { proof } = await judged({ streams: [(index) => ({ nonce: nonce(index < 290 ? index : index - 200) })] });
    const { reuse } = read(proof);
    const [[first], [second]] = [reuse!.pairs[0]!, reuse!.pairs[1]!];
    const forgeries: [(pairs: NonNullable<Proof['reuse']>['pairs']) => unknown, RegExp][] = [
      [([pair]) => Object.assign(pair![1], { nonce: second.nonce }), /the key and nonce do not open the frame/],
      [([pair]) => Object.assign(pair![1], { gives: second.gives }), /the key and nonce do not open the frame/],
      [([pair]) => Object.assign(pair![1], second), /have no nonce in common/],
      [([pair]) => Object.assign(pair![1], first), /hold the same ciphertext/],
      [([pair]) => Object.assign(pair![1], { counterBits: 128 }), /counter of another length/],
      [(pairs) => pairs.splice(0), /no frames are shown/],
    ];
    for (const [forge, says] of forgeries) {
      const original = readFileSync(join(proof, 'proof.json'));
      const { status, stderr } = forged(proof, ({ reuse }) => forge(reuse!.pairs));
      writeFileSync(join(proof, 'proof.json'), original);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^FAILED: .*\n$/);
      expect(stderr).toMatch(says);
    }
  });

  it('is not there where each frame has its own', async () => {
    for (const seen of [true, false]) {
      const { verdict, findings } = await judged({ seen, streams: [(index) => ({ nonce: nonce(index) })] });
      expect(verdict).not.toBe('refuted');
      expect(findings).toEqual([]);
    }
  });
});
