/**
 * `npm run bench [NAME...]`: what watching costs a call, how fast secrets are searched and tried, how an audit grows with the
 * recording. Each figure is a ratio within one run, on whatever machine this is.
 */
import { bench as audit } from './bench/audit.ts';
import { bench as call } from './bench/call.ts';
import type { Report } from './bench/report.ts';
import { bench as search } from './bench/search.ts';
import { bench as trial } from './bench/trial.ts';

const ALL: Record<string, (report: Report) => Promise<void>> = { call, trial, search, audit };

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !ALL[name]);
if (unknown) {
  console.error(`bench: unknown benchmark "${unknown}"; expected ${Object.keys(ALL).join(', ')}`);
  process.exit(2);
}
for (const [name, bench] of Object.entries(ALL))
  if (wanted.length === 0 || wanted.includes(name))
    await bench(({ what, ratio, detail, aim }) =>
      console.log(`${what.padEnd(52)} ${ratio.toFixed(2).padStart(6)}   ${detail.padEnd(26)} ${aim && `aim ${aim}`}`),
    );
