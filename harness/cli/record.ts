import { existsSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { findFfmpeg } from '../audit/decoder.ts';
import { Assisted } from '../call/assisted.ts';
import { record as recordCall, USUAL } from '../call/record.ts';
import type { Vantage } from '../recording/format.ts';
import { ENGINES, type Engine } from '../vantage/proxy/engines.ts';
import { findDumpcap } from '../vantage/wire/dumpcap.ts';
import { type Asked, findScenario, findService } from './catalogue.ts';
import { UsageError } from './exit.ts';
import { Progress } from './progress.ts';

/** Options of the commands that record. */
export interface RecordOptions {
  claim: string[];
  vendor?: string;
  trustUpstream?: string;
  /** `mockttp` unless given. */
  proxy?: Engine;
  /** The service's own, or `two-party`, unless given. */
  scenario?: string;
  seconds: number;
  out?: string;
  /** Vantage points beside the usual ones. */
  screen?: boolean;
  wire?: boolean;
  /** A person joins by hand. */
  assisted?: boolean;
  /** File to which what the person did is saved. */
  saveJoin?: string;
  /** File with a script that joins. */
  join?: string;
  /** Folder of kept browser profiles. */
  profile?: string;
  json?: boolean;
}

/** Adds the options of {@link RecordOptions}. */
export function withRecordOptions(command: Command): Command {
  return command
    .argument(
      '<service>',
      'a name (keywitness list services), or the address of a page, with {meeting}, {participant}, {secret}',
    )
    .option(
      '--claim <id[,param=value...]>',
      'judge this claim (may be repeated); otherwise what the vendor states',
      collect,
      [],
    )
    .option('--vendor <file.yaml>', 'the vendor profile whose statements are judged')
    .option('--trust-upstream <ca.pem>', 'certificates that the service may show beside those the system trusts')
    .addOption(
      new Option('--proxy <engine>', 'the engine of the intercepting proxies')
        .choices(Object.keys(ENGINES))
        .default('mockttp'),
    )
    .option(
      '--scenario <name>',
      "the course of the call (keywitness list scenarios); otherwise the service's own, or two-party",
    )
    .option('--seconds <n>', 'how long to talk once connected', seconds, 10)
    .option('--out <dir.kw>', "the recording's folder; otherwise a new one in this folder")
    .option('--screen', 'record what each participant sees and hears, too, as screen/PARTICIPANT.webm')
    .option('--wire', "record the call's packets, too, as wire.pcapng with TLS's secrets inside; needs dumpcap")
    .option('--assisted', 'windows open, and a person joins by hand, at any address; the terminal says what to do')
    .option(
      '--save-join <file.ts>',
      'with --assisted: save what the person did to join, but for passwords, as a script',
    )
    .option('--join <file.ts>', 'join by such a script')
    .option('--profile <dir>', "keep each participant's sign-ins in this folder, and use them the next time")
    .option('--json', 'print the result as JSON');
}

/** Records a call as asked; returns its folder. */
export async function recordAsked(
  service: string,
  options: RecordOptions,
  signal: AbortSignal,
  progress: Progress,
): Promise<string> {
  const { claim: claims, vendor, trustUpstream, proxy: engine, scenario, seconds, out, join, profile } = options;
  if (out !== undefined && !out.endsWith('.kw'))
    throw new UsageError(`--out ${out}: expected a folder name that ends in .kw`);
  checkJoining(service, options);
  const vantages = vantagesOf(options);
  const asked: Asked = { service, claims, vendor, trustUpstream, join };
  const found = await findService(asked);
  const course = await findScenario(scenario ?? found.scenario ?? 'two-party');
  const folder = resolve(out ?? freshName(service));
  if (profile !== undefined && isWithin(folder, profile))
    throw new UsageError(`--profile ${profile}: it holds sign-ins; expected a folder outside of the recording`);
  const assisted = options.assisted ? assistedAt(progress, options.saveJoin) : undefined;
  try {
    await recordCall({
      service: found,
      scenario: course,
      seconds,
      folder,
      vantages,
      ffmpeg: options.screen ? findFfmpeg()?.path : undefined,
      engine,
      assisted,
      profiles: profile && resolve(profile),
      signal,
      progress: (what) => progress.say(what),
    });
  } finally {
    assisted?.close();
  }
  return folder;
}

/** @throws UsageError if one can't be had here */
function vantagesOf({ screen, wire }: RecordOptions): Vantage[] {
  if (wire && !findDumpcap())
    throw new UsageError('--wire: dumpcap was not found on the PATH; install it (Debian: apt-get install tshark)');
  return [...USUAL, ...(screen ? (['screen'] as const) : []), ...(wire ? (['wire'] as const) : [])];
}

/** What can't go together, or can't be done here. @throws UsageError */
function checkJoining(service: string, { assisted, saveJoin, join }: RecordOptions): void {
  const isAddress = /^https?:/i.test(service);
  if (assisted && !isAddress)
    throw new UsageError(`--assisted: expected the address of a page; ${service} joins by itself`);
  if (join !== undefined && !isAddress)
    throw new UsageError(`--join: expected the address of a page; ${service} joins by itself`);
  if (assisted && join !== undefined)
    throw new UsageError('--join and --assisted: expected one of them, a script or a person');
  if (assisted && process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    throw new UsageError('--assisted opens windows, and there is no display (DISPLAY is not set; xvfb-run makes one)');
  if (saveJoin === undefined) return;
  if (!assisted) throw new UsageError('--save-join: expected --assisted beside it');
  if (!saveJoin.endsWith('.ts')) throw new UsageError(`--save-join ${saveJoin}: expected a file name that ends in .ts`);
  if (existsSync(saveJoin)) throw new UsageError(`--save-join ${saveJoin}: it is there already`);
  if (!existsSync(dirname(saveJoin))) throw new UsageError(`--save-join ${saveJoin}: its folder is not there`);
}

/** A person at this terminal. */
function assistedAt(progress: Progress, saveJoin: string | undefined): Assisted {
  const say = (line: string) => {
    progress.done();
    process.stderr.write(`\n${line}\n`);
  };
  say(
    'What is typed crosses the provider, and is recorded as it does, passwords too: use accounts made for this test.',
  );
  return new Assisted({ input: process.stdin, say, saveJoin });
}

function isWithin(folder: string, path: string): boolean {
  return !relative(folder, resolve(path)).startsWith('..');
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
