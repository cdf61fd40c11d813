/**
 * Judges a recording: evidence once, then each claim that the vendor's statements come to. The same recording gives the
 * same verdicts on any machine. Writes `verdicts.json` and `proofs/` into the recording's folder, unless told not to.
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Claim, Control, Judgement, VerdictKind } from '../claims/claim.ts';
import type { Decoder } from '../media/decoder.ts';
import type { AskedClaim, Recording, Vantage } from '../recording/format.ts';
import { RecordingError, RecordingReader } from '../recording/reader.ts';
import { writeFileAtomically } from '../recording/writer.ts';
import { claims, schemes } from './catalogue.ts';
import { type Gathered, gather } from './evidence.ts';
import { type ProofRequest, writeProof } from './proof.ts';

/** What `audit --json` prints and `verdicts.json` holds. */
export interface AuditResult {
  /** The recording's id. */
  recording: string;
  service: string;
  scenario: string;
  verdicts: Verdict[];
}

export interface Verdict {
  claim: string;
  params: AskedClaim['params'];
  /** The vendor's words. */
  statement: { quote: string; source: string; date: string };
  verdict: VerdictKind;
  reason: string;
  findings: {
    title: string;
    /** Event numbers. */
    evidence: number[];
    /** Folder, relative to the recording's; and the digest of what it says, as in its `proof.json`. */
    proof?: string;
    proofDigest?: string;
  }[];
  controls: Control[];
}

/** Everything that a report shows. */
export interface Audit {
  recording: Recording;
  result: AuditResult;
  gathered: Gathered;
  /** The catalogue's entry of each claim judged. */
  claims: Map<string, Claim>;
}

/** At most so many events are named for a finding. */
const MOST_EVIDENCE = 40;

/** @throws RecordingError where the folder holds no whole recording. */
export async function audit(reader: RecordingReader, decoder: Decoder): Promise<Audit> {
  try {
    return await auditNow(reader, decoder);
  } finally {
    // There once the audit has failed; otherwise in its place by now.
    rmSync(unfinished(reader.folder), { recursive: true, force: true });
  }
}

/** Where proofs are written until all of them are. */
export function unfinished(folder: string): string {
  return join(folder, 'proofs.new');
}

async function auditNow(reader: RecordingReader, decoder: Decoder): Promise<Audit> {
  const { recording, folder } = reader;
  const catalogue = await claims();
  const gathered = await gather(reader, decoder, await schemes());
  const proofs = unfinished(folder);
  rmSync(proofs, { recursive: true, force: true });
  const verdicts: Verdict[] = [];
  for (const { claims: asked, ...statement } of recording.vendor.statements)
    for (const { claim: id, params } of asked) {
      const judgement = judge(catalogue.get(id), params, gathered);
      // One claim may be stated twice, with different parameters.
      const times = verdicts.filter(({ claim }) => claim === id).length;
      const name = times === 0 ? id : `${id}-${times + 1}`;
      const shown = await prove(judgement, { claim: id, gathered, reader }, join(proofs, name));
      const { verdict, reason, controls } = shown.judgement;
      const findings = judgement.findings.map(({ title, evidence }, index) => ({
        title,
        evidence: [...new Set(evidence)].sort((a, b) => a - b).slice(0, MOST_EVIDENCE),
        ...(index === shown.proven ? { proof: `proofs/${name}`, proofDigest: shown.digest } : {}),
      }));
      verdicts.push({ claim: id, params, statement, verdict, reason, findings, controls });
    }
  const result: AuditResult = {
    recording: recording.id,
    service: recording.service.name,
    scenario: recording.scenario.name,
    verdicts,
  };
  rmSync(join(folder, 'proofs'), { recursive: true, force: true });
  if (verdicts.some(({ findings }) => findings.some(({ proof }) => proof))) renameSync(proofs, join(folder, 'proofs'));
  writeFileAtomically(join(folder, 'verdicts.json'), `${JSON.stringify(result, null, 2)}\n`);
  return { recording, result, gathered, claims: catalogue };
}

/** Writes the proof of the first finding whose proof comes out, video first. Without one nothing is refuted that has a proof planned. */
async function prove(
  judgement: Judgement,
  about: Omit<ProofRequest, 'reason' | 'plan'>,
  folder: string,
): Promise<{ judgement: Judgement; proven?: number; digest?: string }> {
  const { reason } = judgement;
  const plans = judgement.findings.flatMap(({ proof }, index) => (proof ? [{ plan: proof, index }] : []));
  const isVideo = ({ plan }: (typeof plans)[number]) => Number(plan.stream.medium === 'video');
  let flaw = '';
  for (const { plan, index } of plans.sort((a, b) => isVideo(b) - isVideo(a))) {
    try {
      mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
      return { judgement, proven: index, digest: await writeProof(folder, { ...about, reason, plan }) };
    } catch (error) {
      if (error instanceof RecordingError) throw error;
      flaw ||= (error as Error).message;
    }
  }
  if (plans.length === 0 || judgement.verdict !== 'refuted') return { judgement };
  return {
    judgement: {
      ...judgement,
      verdict: 'inconclusive',
      reason: `What speaks against it could not be shown again: ${flaw}.`,
    },
  };
}

/** Opens, judges and closes a recording's folder. */
export async function auditFolder(folder: string, decoder: Decoder): Promise<Audit & { reader: RecordingReader }> {
  const reader = new RecordingReader(folder);
  try {
    return { ...(await audit(reader, decoder)), reader };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function judge(claim: Claim | undefined, params: AskedClaim['params'], { evidence }: Gathered): Judgement {
  const untested = (reason: string): Judgement => ({ verdict: 'untested', reason, findings: [], controls: [] });
  if (!claim) return untested('This version of keywitness has no such claim in its catalogue.');
  const parsed = claim.params.safeParse(params);
  if (!parsed.success) return untested(`Its parameters are not understood: ${parsed.error.issues[0]!.message}.`);
  const isRecorded = (vantage: Vantage) => evidence.health.some((one) => one.vantage === vantage);
  const missing = claim.needs.filter((vantage) => !isRecorded(vantage));
  if (missing.length === 0) return claim.check(evidence, parsed.data);
  // A part of a recording, as of one that was imported, may still hold the proof.
  const judgement = claim.refutedWith?.every(isRecorded) ? claim.check(evidence, parsed.data) : undefined;
  if (judgement?.verdict === 'refuted') return judgement;
  return untested(`It needs what was not recorded: ${missing.join(', ')}.`);
}
