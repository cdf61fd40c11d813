/** How the command line ends: exit codes, and what becomes of errors. */
import type { AuditResult } from '../audit/audit.ts';
import { CallError } from '../call/call.ts';
import { RecordingError } from '../recording/reader.ts';
import { FolderError } from '../recording/writer.ts';

export const EXIT = {
  /** Nothing refuted. */
  ok: 0,
  /** A claim refuted. */
  refuted: 1,
  /** Usage or configuration. */
  usage: 2,
  /** Nothing refuted, but a stated claim is inconclusive or untested. */
  open: 3,
  /** The recording failed: service not reached, call never connected. */
  recording: 4,
  interrupted: 130,
} as const;

/** Something that the user has to put right; the message is one line. */
export class UsageError extends Error {}

/** A run that SIGINT or SIGTERM ended. */
export class Interrupted extends Error {}

export function exitCode({ verdicts }: AuditResult): number {
  if (verdicts.some(({ verdict }) => verdict === 'refuted')) return EXIT.refuted;
  return verdicts.every(({ verdict }) => verdict === 'upheld') ? EXIT.ok : EXIT.open;
}

/** The exit code of an error, and its one line; errors that nobody foresaw keep their stack. */
export function failure(error: unknown): { code: number; line: string } {
  if (error instanceof Interrupted) return { code: EXIT.interrupted, line: 'interrupted' };
  if (error instanceof CallError) return { code: EXIT.recording, line: error.message };
  if (error instanceof UsageError || error instanceof RecordingError || error instanceof FolderError)
    return { code: EXIT.usage, line: error.message };
  return { code: EXIT.recording, line: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
