import { basename, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { record as recordCall } from '../call/record.ts';
import { type Asked, findScenario, findService } from './catalogue.ts';
import { UsageError } from './exit.ts';
import { Progress } from './progress.ts';

/** Options of the commands that record. */
export interface RecordOptions {
  claim: string[];
  vendor?: string;
  trustUpstream?: string;
  scenario: string;
  seconds: number;
  out?: string;
  json?: boolean;
}

/** Adds the options of {@link RecordOptions}. */
export function withRecordOptions(command: Command): Command {
  return command
    .argument(
      '<service>',
      'a name (keywitness list services), or the address of a page that joins by itself, with {meeting}, {participant}, {secret}',
    )
    .option(
      '--claim <id[,param=value...]>',
      'judge this claim (may be repeated); otherwise what the vendor states',
      collect,
      [],
    )
    .option('--vendor <file.yaml>', 'the vendor profile whose statements are judged')
    .option('--trust-upstream <ca.pem>', 'certificates that the service may show beside those the system trusts')
    .option('--scenario <name>', 'the course of the call (keywitness list scenarios)', 'two-party')
    .option('--seconds <n>', 'how long to talk once connected', seconds, 10)
    .option('--out <dir.kw>', "the recording's folder; otherwise a new one in this folder")
    .option('--json', 'print the result as JSON');
}

/** Records a call as asked; returns its folder. */
export async function recordAsked(
  service: string,
  options: RecordOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<string> {
  const { claim: claims, vendor, trustUpstream, scenario, seconds, out } = options;
  if (out !== undefined && !out.endsWith('.kw'))
    throw new UsageError(`--out ${out}: expected a folder name that ends in .kw`);
  const asked: Asked = { service, claims, vendor, trustUpstream };
  const found = await findService(asked);
  const course = await findScenario(scenario);
  const folder = resolve(out ?? freshName(service));
  await recordCall({
    service: found,
    scenario: course,
    seconds,
    folder,
    signal,
    progress: (what) => progress.say(what),
  });
  return folder;
}

export function record(signal: AbortSignal): Command {
  return withRecordOptions(new Command('record').description('record a call, without judging it')).action(
    async (service: string, options: RecordOptions) => {
      const progress = new Progress();
      const folder = await recordAsked(service, options, signal, progress).finally(() => progress.done());
      console.log(options.json ? JSON.stringify({ recording: folder }) : `Recorded: ${folder}`);
    },
  );
}

function freshName(service: string): string {
  const name = basename(service.replace(/^https?:\/\//, '').replaceAll(/[^a-zA-Z0-9]+/g, '-')).replace(/^-+|-+$/g, '');
  return `${name.slice(0, 60)}-${new Date().toISOString().replaceAll(/[:.]/g, '')}.kw`;
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

/** Reads `--seconds`. */
export function seconds(value: string): number {
  const number = Number(value);
  if (!Number.isFinite(number) || number < 1 || number > 3600)
    throw new InvalidArgumentError('expected 1 to 3600 seconds.');
  return number;
}
