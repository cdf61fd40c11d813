/** The command line. Each command is a file of its own in this folder. */
import { Command, CommanderError } from 'commander';
import { keywitnessVersion } from '../call/software.ts';
import { audit } from './audit.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { EXIT, failure, Interrupted } from './exit.ts';
import { exporting } from './export.ts';
import { importing } from './import.ts';
import { list } from './list.ts';
import { record } from './record.ts';
import { report } from './report.ts';
import { run } from './run.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => interruption.abort(new Interrupted()));

const program = new Command('keywitness')
  .description("Shows what is true of a conferencing service's end-to-end encryption claims.")
  .version(keywitnessVersion())
  .showHelpAfterError('(keywitness --help lists the commands)')
  .addHelpText('after', exitHelp());
for (const command of [run, record, audit, report, exporting, importing, list, doctor, demo])
  program.addCommand(command(interruption.signal));
for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else {
    const { code, line } = failure(error);
    console.error(`keywitness: ${line}`);
    process.exitCode = code;
  }
}

function exitHelp(): string {
  return `
Exit: 0 nothing refuted; 1 a claim refuted; 2 usage or configuration; 3 nothing refuted, but a stated claim is
inconclusive or untested; 4 the recording failed; 130 interrupted.`;
}
