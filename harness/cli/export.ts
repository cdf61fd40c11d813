import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { Command } from 'commander';
import { exportHar } from '../interchange/export-har.ts';
import { exportPcapng } from '../interchange/export-pcapng.ts';
import { InterchangeError } from '../interchange/source.ts';
import { RecordingReader } from '../recording/reader.ts';
import { UsageError } from './exit.ts';

interface ExportOptions {
  har?: string;
  pcapng?: string;
  json?: boolean;
}

export function exporting(): Command {
  return new Command('export')
    .description('write a recording as files that other tools read: HAR 1.2, pcapng')
    .argument('<recording>', "the recording's folder")
    .option('--har <file>', 'HTTP and WebSockets, for developer tools')
    .option('--pcapng <file>', 'RTP and RTCP without SRTP, HTTP and WebSockets without TLS, for Wireshark')
    .option('--json', 'print what was written as JSON')
    .action((recording: string, { har, pcapng, json }: ExportOptions) => {
      if (har === undefined && pcapng === undefined)
        throw new UsageError('say what to write, with --har FILE or --pcapng FILE');
      const written: Record<string, string> = {};
      const lines: string[] = [];
      const reader = new RecordingReader(resolve(recording));
      try {
        refuseOverwriting(recording, { har, pcapng });
        if (har !== undefined) {
          const count = exportHar(reader, har);
          written.har = har;
          lines.push(`HAR: ${har} (${count} exchanges)`);
        }
        if (pcapng !== undefined) {
          const { packets, left } = exportPcapng(reader, pcapng);
          written.pcapng = pcapng;
          lines.push(`pcapng: ${pcapng} (${packets} packets${left > 0 ? `, without ${left} that are too large` : ''})`);
        }
      } catch (error) {
        if (error instanceof InterchangeError) throw new UsageError(error.message);
        throw error;
      } finally {
        reader.close();
      }
      console.log(json ? JSON.stringify(written) : lines.join('\n'));
    });
}

/** An export would take the place of what it is made from, or of the other one. @throws UsageError */
function refuseOverwriting(recording: string, { har, pcapng }: ExportOptions): void {
  const folder = real(recording);
  const placeOf = (file: string) => join(real(dirname(file)), basename(file));
  for (const [option, file] of [
    ['--har', har],
    ['--pcapng', pcapng],
  ])
    if (file !== undefined && placeOf(file).startsWith(folder + sep))
      throw new UsageError(`${option} ${file} is in the recording's folder; expected a file beside it`);
  if (har !== undefined && pcapng !== undefined && placeOf(har) === placeOf(pcapng))
    throw new UsageError(`--har and --pcapng are the same file, ${har}; expected two`);
}

/** A folder's path without symbolic links; what isn't there is told where it is written to. */
function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}
