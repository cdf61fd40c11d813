/** The words in which verdicts are told, the same in every report. */
import type { Verdict } from '../harness/audit/audit.ts';
import type { VerdictKind } from '../harness/claims/claim.ts';

/** Each verdict's sign and meaning. A sign never stands without its word. */
export const VERDICTS: Record<VerdictKind, { sign: string; means: string }> = {
  refuted: { sign: '✗', means: 'The recording shows that it is not true. A proof comes with it that anyone can run.' },
  upheld: {
    sign: '✓',
    means: 'The recording could have shown that it is not true, and did not. It holds for this call, no further.',
  },
  inconclusive: {
    sign: '?',
    means: 'The recording can neither refute nor uphold it. The reason says what was missing.',
  },
  untested: { sign: '–', means: 'What a test needs was not recorded. Nothing is said about it.' },
};

/** How it went, in one sentence. */
export function summary(verdicts: readonly Pick<Verdict, 'verdict'>[]): string {
  const all = verdicts.length;
  const count = (kind: VerdictKind) => verdicts.filter(({ verdict }) => verdict === kind).length;
  const claims = all === 1 ? 'claim' : 'claims';
  const open = count('inconclusive') + count('untested');
  const unjudged = `${open} could not be judged`;
  if (all === 0) return 'No claim was tested.';
  if (open === all) return all === 1 ? 'The claim could not be judged.' : `None of ${all} ${claims} could be judged.`;
  const refuted = count('refuted');
  if (refuted === 1 && all === 1) return 'The claim is refuted.';
  const rest = [count('upheld') > 0 && `${count('upheld')} upheld`, open > 0 && unjudged].filter(Boolean);
  if (refuted > 0) return `${[`${refuted} of ${all} ${claims} refuted`, ...rest].join(', ')}.`;
  if (open > 0) return `None of ${all} ${claims} refuted: ${rest.join(', ')}.`;
  return all === 1 ? 'The claim is upheld.' : `All ${all} claims are upheld.`;
}

/** A claim's parameters as the vendor stated them, e.g. `algorithm AES, key bits 256`; empty where there are none. */
export function stated(params: Verdict['params']): string {
  return Object.entries(params)
    .map(([name, value]) => `${name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()} ${value}`)
    .join(', ');
}
