import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { renderHtml } from '../../reports/html.ts';
import { verdictTable } from '../../reports/table.ts';
import { type AuditResult, auditFolder, unfinished } from '../audit/audit.ts';
import { ffmpegDecoder, findFfmpeg } from '../audit/decoder.ts';
import { writeFileAtomically } from '../recording/writer.ts';
import { EXIT, exitCode, UsageError } from './exit.ts';

/**
 * Judges a recording; writes `verdicts.json`, `proofs/`, and, if asked, `report.html` into it.
 * @throws UsageError where the folder can't be written to
 */
export async function judgeFolder(
  folder: string,
  { report, signal }: { report: boolean; signal?: AbortSignal },
): Promise<AuditResult> {
  // Judging takes seconds and leaves nothing but this behind.
  const stop = () => {
    rmSync(unfinished(folder), { recursive: true, force: true });
    process.exit(EXIT.interrupted);
  };
  const ffmpeg = findFfmpeg();
  if (!ffmpeg) throw new UsageError('ffmpeg was not found: install it, or name it in FFMPEG_BIN');
  if (ffmpeg.flaw) throw new UsageError(ffmpeg.flaw);
  signal?.addEventListener('abort', stop);
  try {
    const judged = await auditFolder(folder, ffmpegDecoder(ffmpeg.path));
    try {
      // A report of an earlier audit could say something else.
      rmSync(join(folder, 'report.html'), { force: true });
      if (report) writeFileAtomically(join(folder, 'report.html'), renderHtml(judged, judged.reader));
    } finally {
      judged.reader.close();
    }
    return judged.result;
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOSPC')
      throw new UsageError(`cannot write to ${path ?? folder}: ${code}`);
    throw error;
  } finally {
    // What comes next has its own way of ending.
    signal?.removeEventListener('abort', stop);
  }
}

/** Prints verdicts, as JSON or for people. */
export function sayResult(result: AuditResult, folder: string, { json }: { json?: boolean }): void {
  if (json) {
    console.log(JSON.stringify(result, null, 2));
    return;
  }
  console.log(verdictTable(result, { color: process.stdout.isTTY === true }));
  console.log(`Report: ${join(folder, 'report.html')}`);
}

export function audit(signal: AbortSignal): Command {
  return new Command('audit')
    .description('judge a recording; needs no browser and no network')
    .argument('<recording>', "the recording's folder")
    .option('--json', 'print the result as JSON')
    .action(async (recording: string, options: { json?: boolean }) => {
      const folder = resolve(recording);
      const result = await judgeFolder(folder, { report: false, signal });
      if (options.json) console.log(JSON.stringify(result, null, 2));
      else
        console.log(
          `${verdictTable(result, { color: process.stdout.isTTY === true })}\nVerdicts: ${join(folder, 'verdicts.json')}`,
        );
      process.exitCode = exitCode(result);
    });
}
