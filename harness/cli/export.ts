import { resolve } from 'node:path';
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
