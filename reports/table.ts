/** Verdicts as a table for the terminal. */
import type { AuditResult } from '../harness/audit/audit.ts';
import type { VerdictKind } from '../harness/claims/claim.ts';
import { printable } from './printable.ts';
import { stated, summary, VERDICTS } from './words.ts';

export interface TableOptions {
  /** Whether to colour verdicts; a file or pipe takes none. */
  color: boolean;
  /** Columns; the terminal's own, 100 at most, unless said otherwise. */
  width?: number;
}

/** Columns of the widest and the narrowest table. */
const WIDTH = { most: 100, least: 56 };
/** Columns of the claim and of the verdict, `? inconclusive`. */
const CLAIM = 20;
const VERDICT = 14;
const GAP = '  ';
/** Characters of a reason; the report has all of it. */
const LONGEST_REASON = 280;

/** SGR parameters (ECMA-48, 8.3.117). */
const COLOURS: Record<VerdictKind, string> = { refuted: '1;31', upheld: '1;32', inconclusive: '1;33', untested: '2' };

/** One row a claim: its id with what was stated, the verdict, the reason in short; then the sentence that sums up. */
export function verdictTable({ service, verdicts }: AuditResult, { color, width }: TableOptions): string {
  const columns = Math.max(WIDTH.least, Math.min(WIDTH.most, width ?? process.stdout.columns ?? WIDTH.most));
  const rest = columns - CLAIM - VERDICT - 2 * GAP.length;
  const paint = (text: string, sgr: string) => (color ? `\x1b[${sgr}m${text}\x1b[0m` : text);
  const row = (claim: string, verdict: string, reason: string, sgr: string) =>
    `${claim.padEnd(CLAIM)}${GAP}${paint(verdict.padEnd(VERDICT), sgr)}${GAP}${reason}`.trimEnd();

  const lines = [paint(printable(service, columns), '1'), ''];
  lines.push(row('claim', 'verdict', 'reason', '0'), '─'.repeat(columns));
  for (const { claim, params, verdict, reason } of verdicts) {
    const left = [
      ...wrap(printable(claim, 60), CLAIM),
      ...wrap(printable(stated(params), 120), CLAIM - 2).map((line) => `  ${line}`),
    ];
    const right = wrap(printable(reason, LONGEST_REASON), rest);
    const height = Math.max(left.length, right.length);
    for (let line = 0; line < height; line++) {
      const word = line === 0 ? `${VERDICTS[verdict].sign} ${verdict}` : '';
      lines.push(row(left[line] ?? '', word, right[line] ?? '', COLOURS[verdict]));
    }
  }
  lines.push('─'.repeat(columns), summary(verdicts));
  return lines.join('\n');
}

/** Breaks text at spaces into lines of at most `width` characters; longer words are cut. */
function wrap(text: string, width: number): string[] {
  const lines: string[][] = [];
  let line: string[] = [];
  for (const word of text.split(' ')) {
    // By characters, since a surrogate pair must not be cut.
    const characters = [...word];
    if (line.length > 0 && line.length + 1 + characters.length > width) {
      lines.push(line);
      line = [];
    }
    line = line.length > 0 ? [...line, ' ', ...characters] : characters;
    for (; line.length > width; line = line.slice(width)) lines.push(line.slice(0, width));
  }
  if (line.length > 0) lines.push(line);
  return lines.map((characters) => characters.join(''));
}
