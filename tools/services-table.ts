/**
 * Writes docs/services.md: what each service came to, claim by claim, over all recordings of it.
 *
 *   node --import tsx tools/services-table.ts RECORDING.kw...
 *
 * Each recording has been judged (`keywitness run` or `audit`). Exit code: 0 written, 2 a recording that isn't one, or not judged.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AuditResult } from '../harness/audit/audit.ts';
import { recordingSchema } from '../harness/recording/format.ts';

const PAGE = fileURLToPath(new URL('../docs/services.md', import.meta.url));
/** Software of the recordings that says what was called with. */
const NAMED = ['keywitness', 'chromium'];

interface Called {
  service: string;
  title: string;
  date: string;
  software: Record<string, string>;
  verdicts: AuditResult['verdicts'];
}

const folders = process.argv.slice(2);
if (folders.length === 0) fail('name the recordings: node --import tsx tools/services-table.ts RECORDING.kw...');
const calls = folders.map(read);
writeFileSync(PAGE, page(calls));
console.log(`${PAGE}: ${calls.length} calls of ${new Set(calls.map(({ service }) => service)).size} services`);

function read(folder: string): Called {
  try {
    const recording = recordingSchema.parse(JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8')));
    const { verdicts } = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8')) as AuditResult;
    const { service, clock, software } = recording;
    return { service: service.name, title: service.title, date: clock.origin.slice(0, 10), software, verdicts };
  } catch (error) {
    return fail(`${folder}: expected a recording that was judged: ${(error as Error).message.split('\n')[0]}`);
  }
}

function fail(message: string): never {
  console.error(`services-table: ${message}`);
  process.exit(2);
}

function page(all: Called[]): string {
  const services = [...groupBy(all, ({ service }) => service)].sort(([a], [b]) => (a < b ? -1 : 1));
  const claims = [...new Set(all.flatMap(({ verdicts }) => verdicts.map(({ claim }) => claim)))];
  const dates = all.map(({ date }) => date).sort();
  const versions = NAMED.map(
    (name) => `${name} ${[...new Set(all.map(({ software }) => software[name] ?? '?'))].join(', ')}`,
  );
  const rows = services.map(([name, calls]) => [
    `\`${name}\``,
    calls[0]!.title,
    String(calls.length),
    ...claims.map((claim) => counts(calls, claim)),
  ]);
  return `# What real services came to

Generated from recordings by \`tools/services-table.ts\`, ${dates[0]} to ${dates.at(-1)}; ${versions.join(', ')}. A cell says
how many of a service's calls came to which verdict; an empty one, that the claim was not asked.

${table(['service', 'what it is', 'calls', ...claims], rows)}

${services.map(([name, calls]) => reasons(name, calls)).join('\n\n')}
`;
}

function counts(calls: Called[], claim: string): string {
  const verdicts = calls.flatMap((call) =>
    call.verdicts.filter((one) => one.claim === claim).map((one) => one.verdict),
  );
  return [...groupBy(verdicts, (verdict) => verdict)]
    .map(([verdict, all]) => `${verdict} ${all.length} of ${calls.length}`)
    .join(', ');
}

/** What is stated of a service, and the reasons that its first call gave. */
function reasons(name: string, [first]: Called[]): string {
  const lines = first!.verdicts.map(({ claim, verdict, reason, statement }) => {
    const quote = statement ? ` (“${oneLine(statement.quote)}”, ${oneLine(statement.source)})` : '';
    return `- **${claim}: ${verdict}**${quote}: ${oneLine(reason)}`;
  });
  return `## ${name}\n\n${lines.join('\n')}`;
}

function groupBy<T>(all: T[], nameOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(nameOf(one), [...(groups.get(nameOf(one)) ?? []), one]);
  return groups;
}

function table(heads: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
