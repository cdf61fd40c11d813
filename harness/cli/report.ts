import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { judgeFolder } from './audit.ts';

export function report(signal: AbortSignal): Command {
  return new Command('report')
    .description('judge a recording and write its report.html')
    .argument('<recording>', "the recording's folder")
    .option('--json', 'print where the report is as JSON')
    .action(async (recording: string, options: { json?: boolean }) => {
      const folder = resolve(recording);
      await judgeFolder(folder, { report: true, signal });
      const path = join(folder, 'report.html');
      console.log(options.json ? JSON.stringify({ report: path }) : `Report: ${path}`);
    });
}
