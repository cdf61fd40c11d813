/**
 * What a claim of the catalogue is: a testable proposition, with the pure function that judges it. One claim is one file in
 * this folder that exports `claim`; its file name is its id. A check knows no vendor and no service, and gets nothing but
 * the evidence.
 */
import type { z } from 'zod';
import type { Vantage } from '../recording/format.ts';
import type { Evidence, KeyEvidence, StreamEvidence } from './evidence.ts';

/** SARIF `result.kind` fail, pass, review, open. */
export type VerdictKind = 'refuted' | 'upheld' | 'inconclusive' | 'untested';

/** Something that must hold for the recording to have been able to refute a claim; what makes "upheld" earned. */
export interface Control {
  title: string;
  held: boolean;
  /** The numbers that it rests on. */
  detail: string;
}

/** What a proof folder shows: media as the provider carried it, opened with a key that the provider has, if one is needed. */
export interface ProofPlan {
  stream: StreamEvidence;
  key?: KeyEvidence;
  /** It shows frames, too, that the key sealed with a nonce, or counter blocks, of another. */
  reuse?: true;
  /** Its frames hold blocks of ciphertext that repeat. */
  repeats?: true;
  /** Its frames begin with bytes that the page had before it sealed them, so many at most. */
  clear?: number;
}

/** A fact of the recording that bears on a claim. */
export interface Finding {
  title: string;
  /** Event numbers. */
  evidence: number[];
  proof?: ProofPlan;
}

/** What a check says. */
export interface Judgement {
  verdict: VerdictKind;
  /** One or two sentences for people. */
  reason: string;
  findings: Finding[];
  controls: Control[];
}

export interface Claim<Params = Record<string, unknown>> {
  id: string;
  /** What it says, for people. */
  says: string;
  /** What refutes it, for people. */
  refutedBy: string;
  /** What this test can't see, for people. */
  blindTo: string;
  params: z.ZodType<Params>;
  /** Without these vantage points the claim is not upheld; it is `untested`, unless it is refuted. */
  needs: readonly Vantage[];
  /** With these alone it can be refuted, where what they show is a proof by itself; otherwise it takes all of `needs`. */
  refutedWith?: readonly Vantage[];
  /** Pure; gets evidence of a recording that has all that it needs, or what refutes it. */
  check(evidence: Evidence, params: Params): Judgement;
}
