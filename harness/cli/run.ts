import { Command } from 'commander';
import { judgeFolder, sayResult } from './audit.ts';
import { exitCode } from './exit.ts';
import { Progress } from './progress.ts';
import { type RecordOptions, recordAsked, withRecordOptions } from './record.ts';

export function run(signal: AbortSignal): Command {
  return withRecordOptions(new Command('run').description('record a call, judge it, write the report')).action(
    async (service: string, options: RecordOptions) => {
      const progress = new Progress();
      try {
        const folder = await recordAsked(service, options, signal, progress);
        progress.say('judging the recording');
        const result = await judgeFolder(folder, { report: true, signal });
        progress.done();
        sayResult(result, folder, options);
        process.exitCode = exitCode(result);
      } finally {
        progress.done();
      }
    },
  );
}
