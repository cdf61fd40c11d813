import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { auditFolder } from './audit.ts';
import { ffmpegDecoder, findFfmpeg } from './decoder.ts';
import { recordSoundCall, type SoundCall } from './fixtures/sound-call.ts';

/** What is wrong with every proof. */
const proofs = vi.hoisted(() => ({ flaw: '' }));
vi.mock('./proof.ts', async (original) => {
  const real = await original<typeof import('./proof.ts')>();
  const writeProof: typeof real.writeProof = async (...args) => {
    if (proofs.flaw) throw new Error(proofs.flaw);
    return real.writeProof(...args);
  };
  return { ...real, writeProof };
});

const within = mkdtempSync(join(tmpdir(), 'keywitness-audit-'));
afterEach(() => {
  proofs.flaw = '';
});
afterAll(() => rmSync(within, { recursive: true }));

async function judged(call: SoundCall) {
  const folder = recordSoundCall(mkdtempSync(join(within, 'call-')), call);
  const { result, reader } = await auditFolder(folder, ffmpegDecoder(findFfmpeg()!.path));
  reader.close();
  return { ...result.verdicts[0]!, files: readdirSync(folder) };
}

/** Counts, and from frame `again` on once more what was there before. */
function counting(again = Number.POSITIVE_INFINITY) {
  return (index: number) => {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(index < again ? index : index - 37, 8);
    return { nonce: new Uint8Array(nonce) };
  };
}

describe('an audit', () => {
  const lie: SoundCall = { claim: 'ciphertext-sound', streams: [counting(260)] };

  it('refutes with a proof', async () => {
    const { verdict, findings, files } = await judged(lie);
    expect(verdict).toBe('refuted');
    expect(findings[0]!.proof).toBe('proofs/ciphertext-sound');
    expect(files).toContain('proofs');
  });

  it('is inconclusive, and says why, where no proof comes out', async () => {
    proofs.flaw = 'the key does not open the frame at RTP time 7';
    const { verdict, reason, findings, files } = await judged(lie);
    expect(verdict).toBe('inconclusive');
    expect(reason).toBe(`What speaks against it could not be shown again: ${proofs.flaw}.`);
    expect(findings[0]!.title).toMatch(/had been used with before/);
    expect(findings[0]!.proof).toBeUndefined();
    expect(files).not.toContain('proofs');
    expect(files).not.toContain('proofs.new');
  });

  it('judges sound that is sealed and travels in RED', async () => {
    for (const [algorithm, expected] of [['AES-CTR', 'refuted'] as const, ['AES-GCM', 'inconclusive'] as const]) {
      const params = { algorithm, keyBits: 256 };
      const { verdict, findings } = await judged({ claim: 'cipher', params, red: true, streams: [counting()] });
      expect(verdict).toBe(expected);
      expect(findings.map(({ proof }) => proof)).toEqual(expected === 'refuted' ? ['proofs/cipher'] : []);
    }
    expect((await judged({ ...lie, red: true })).verdict).toBe('refuted');
  });
});
