import { mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { verdictTable } from '../../reports/table.ts';
import { judgeFolder } from './audit.ts';
import { Progress } from './progress.ts';
import { recordAsked, seconds } from './record.ts';

const LIAR = 'specimen/zoom-2020';
const HONEST = 'specimen/sealed';

export function demo(signal: AbortSignal): Command {
  return new Command('demo')
    .description(`show a liar and an honest service: ${LIAR} and ${HONEST}`)
    .option('--seconds <n>', 'how long each call lasts', seconds, 10)
    .action(async (options: { seconds: number }) => {
      const folder = mkdtempSync(resolve('demo-'));
      const ends: string[] = [];
      for (const service of [LIAR, HONEST]) {
        const progress = new Progress(service);
        const out = join(folder, `${service.split('/')[1]}.kw`);
        try {
          await recordAsked(
            service,
            { claim: [], scenario: 'two-party', seconds: options.seconds, out },
            signal,
            progress,
          );
          progress.say('judging the recording');
          const result = await judgeFolder(out, { report: true, signal });
          ends.push(
            `${verdictTable(result, { color: process.stdout.isTTY === true })}\nReport: ${join(out, 'report.html')}`,
          );
        } finally {
          progress.done();
        }
      }
      console.log(ends.join('\n\n'));
    });
}
