import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
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
function changed(folder: string, forge: (proof: Proof) => unknown) {
  const file = join(folder, 'proof.json');
  const original = readFileSync(file);
  const proof = read(folder);
  forge(proof);
  proof.digest = digestOf(proof);
  writeFileSync(file, JSON.stringify(proof));
  const result = run(folder);
  writeFileSync(file, original);
  return result;
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
      const { status, stderr } = changed(proof, ({ reuse }) => forge(reuse!.pairs));
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

describe('the proof of ciphertext that repeats', () => {
  const block = noise('block', 16);
  const frame = (index: number, holds: boolean) => {
    const bytes = noise(`frame ${index}`, 160);
    // Where headers don't stand: elsewhere in each frame.
    if (holds) bytes.set(block, 32 + 16 * (index % 6));
    return bytes;
  };

  it('shows frames that hold the blocks, however late, and counts these alone', async () => {
    const { verdict, proof } = await judged({ streams: [(index) => frame(index, index >= 290)] });
    expect(verdict).toBe('refuted');
    const { status, stdout } = run(proof);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /[1-9] of \d+ 16-byte blocks of ciphertext repeat an earlier one in the 25\d frames of this proof/,
    );
    const { status: failed, stderr } = changed(proof, ({ ciphertext }) => {
      for (const part of ciphertext!) part.length = 16;
    });
    expect(failed).toBe(1);
    expect(stderr).toBe('FAILED: no block of ciphertext repeats in the frames of this proof\n');
  });

  it('is not there where none does', async () => {
    expect((await judged({ streams: [(index) => frame(index, false)] })).findings).toEqual([]);
  });
});

describe('the proof of media in clear behind the header', () => {
  const streams = (clear: number) => [(index: number) => ({ nonce: nonce(index), clear })];

  it('shows frames that begin as the page had them', async () => {
    const { verdict, findings, proof } = await judged({ params: { clearBytes: 1 }, streams: streams(10) });
    expect(verdict).toBe('refuted');
    expect(findings[0]!.title).toMatch(/leaves 10 bytes of a frame in clear$/);
    const { status, stdout } = run(proof);
    expect(status).toBe(0);
    expect(stdout).toMatch(/\d+ of the \d+ frames of this proof begin with the 10 bytes that they began with before/);
    const { timestamp } = read(proof).clear![0]!;
    const { status: failed, stderr } = changed(proof, ({ clear }) =>
      Object.assign(clear![0]!, { bytes: '00'.repeat(10) }),
    );
    expect(failed).toBe(1);
    expect(stderr).toBe(`FAILED: the frame at RTP time ${timestamp} does not begin as it did before it was sealed\n`);
  });

  it('is not there where no more is in clear than is stated', async () => {
    expect((await judged({ params: { clearBytes: 1 }, streams: streams(1) })).findings).toEqual([]);
  });
});
