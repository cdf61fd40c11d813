/**
 * Writes docs/services.json, what each service came to over all recordings of it, and docs/services.md, the same for people.
 * Services of which there is no recording among those that are named stay as they are.
 *
 *   node --import tsx tools/services-table.ts RECORDING.kw...
 *
 * Each recording has been judged (`keywitness run` or `audit`). Exit code: 0 written, 2 a recording that isn't one, or not judged.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { AuditResult } from '../harness/audit/audit.ts';
import { recordingSchema } from '../harness/recording/format.ts';

const PAGE = fileURLToPath(new URL('../docs/services.md', import.meta.url));
const DATA = fileURLToPath(new URL('../docs/services.json', import.meta.url));
const BIOME = fileURLToPath(new URL('../node_modules/.bin/biome', import.meta.url));

const dataSchema = z.record(
  z.string(),
  z.strictObject({
    title: z.string(),
    calls: z.number(),
    /** Of the first call and the last. */
    dates: z.tuple([z.string(), z.string()]),
    /** Versions, joined. */
    chromium: z.string(),
    claims: z.array(
      z.strictObject({
        claim: z.string(),
        /** How many calls came to it, by verdict. */
        verdicts: z.record(z.string(), z.number()),
        quote: z.string().optional(),
        source: z.string().optional(),
        /** Of the first call. */
        reason: z.string(),
      }),
    ),
  }),
);
/** By the service's name. */
type Data = z.infer<typeof dataSchema>;

interface Called {
  service: { name: string; title: string };
  date: string;
  chromium: string;
  verdicts: AuditResult['verdicts'];
}

const folders = process.argv.slice(2);
if (folders.length === 0) fail('name the recordings: node --import tsx tools/services-table.ts RECORDING.kw...');
const calls = folders.map(read);
const known = dataSchema.parse(JSON.parse(readFileSync(DATA, 'utf8')));
const fresh = [...groupBy(calls, ({ service }) => service.name)].map(([name, own]) => [name, summary(own)] as const);
const data: Data = { ...known, ...Object.fromEntries(fresh) };
const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(DATA, `${JSON.stringify(sorted, null, 2)}\n`);
spawnSync(BIOME, ['format', '--write', DATA], { stdio: 'inherit' });
writeFileSync(PAGE, page(sorted));
console.log(`${PAGE}: ${calls.length} calls of ${fresh.length} services`);

function read(folder: string): Called {
  try {
    const recording = recordingSchema.parse(JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8')));
    const { verdicts } = JSON.parse(readFileSync(join(folder, 'verdicts.json'), 'utf8')) as AuditResult;
    const { service, clock, software } = recording;
    return { service, date: clock.origin.slice(0, 10), chromium: software.chromium ?? '?', verdicts };
  } catch (error) {
    return fail(`${folder}: expected a recording that was judged: ${(error as Error).message.split('\n')[0]}`);
  }
}

function fail(message: string): never {
  console.error(`services-table: ${message}`);
  process.exit(2);
}

function summary(own: Called[]): Data[string] {
  const first = own[0]!;
  const dates = own.map(({ date }) => date).sort();
  return {
    title: first.service.title,
    calls: own.length,
    dates: [dates[0]!, dates.at(-1)!],
    chromium: [...new Set(own.map(({ chromium }) => chromium))].join(', '),
    claims: first.verdicts.map(({ claim, reason, statement }) => ({
      claim,
      verdicts: counts(own.flatMap(({ verdicts }) => verdicts.filter((one) => one.claim === claim))),
      ...(statement ? { quote: oneLine(statement.quote), source: oneLine(statement.source) } : {}),
      reason: oneLine(reason),
    })),
  };
}

function counts(verdicts: AuditResult['verdicts']): Record<string, number> {
  return Object.fromEntries([...groupBy(verdicts, ({ verdict }) => verdict)].map(([name, all]) => [name, all.length]));
}

function page(all: Data): string {
  const services = Object.entries(all);
  const claims = [...new Set(services.flatMap(([, { claims }]) => claims.map(({ claim }) => claim)))];
  const rows = services.map(([name, { title, calls, dates, chromium, claims: own }]) => [
    `\`${name}\``,
    title,
    `${calls}, ${[...new Set(dates)].join(' to ')}, Chromium ${chromium}`,
    ...claims.map((claim) => cell(own.find((one) => one.claim === claim)?.verdicts, calls)),
  ]);
  return `# What real services came to

Generated from recordings by \`tools/services-table.ts\`. A cell says how many of a service's calls came to which verdict; an empty one,
that the claim was not asked.

${table(['service', 'what it is', 'calls', ...claims], rows)}

${services.map(([name, service]) => reasons(name, service)).join('\n\n')}
`;
}

function cell(verdicts: Record<string, number> = {}, calls: number): string {
  return Object.entries(verdicts)
    .map(([verdict, count]) => `${verdict} ${count} of ${calls}`)
    .join(', ');
}

/** What is stated of a service, and the reasons that its first call gave. */
function reasons(name: string, { claims }: Data[string]): string {
  const lines = claims.map(({ claim, verdicts, quote, source, reason }) => {
    const stated = quote === undefined ? '' : ` (“${quote}”, ${source})`;
    return `- **${claim}: ${Object.keys(verdicts).join(', ')}**${stated}: ${reason}`;
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
