import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { software } from '../call/software.ts';
import { readAddress } from '../interchange/datagrams.ts';
import { importFiles, type NamedParticipant } from '../interchange/import.ts';
import { InterchangeError } from '../interchange/source.ts';
import { findService } from './catalogue.ts';
import { UsageError } from './exit.ts';

interface ImportOptions {
  out: string;
  participant: NamedParticipant[];
  claim: string[];
  vendor?: string;
  keylog?: string;
  json?: boolean;
}

/** Stands for a service, of which an import has none; RFC 6761 keeps the name from being anybody's. */
const NO_SERVICE = 'https://import.invalid/';

export function importing(signal: AbortSignal): Command {
  return new Command('import')
    .description('make a recording from files that others made: pcap, pcapng, HAR, flows of mitmproxy')
    .argument('<file...>', 'captures, HARs and flow files of one call; a HAR is named after whose it is, as alice.har')
    .requiredOption('--out <dir.kw>', "the recording's folder")
    .option(
      '--participant <name=address[:port]>',
      'whose packets are whose (may be repeated); otherwise each local address that sends RTP is a participant',
      participant,
      [],
    )
    .option(
      '--claim <id[,param=value...]>',
      'judge this claim (may be repeated)',
      (one, all) => [...all, one],
      [] as string[],
    )
    .option('--vendor <file.yaml>', 'the vendor profile whose statements are judged')
    .option('--keylog <file>', 'a TLS key log, to decrypt a capture with (needs tshark)')
    .option('--json', 'print the result as JSON')
    .action(async (files: string[], options: ImportOptions) => {
      const { out, participant: participants, claim: claims, vendor, keylog, json } = options;
      if (!out.endsWith('.kw')) throw new UsageError(`--out ${out}: expected a folder name that ends in .kw`);
      const isAsked = claims.length > 0 || vendor !== undefined;
      const profile = isAsked ? (await findService({ service: NO_SERVICE, claims, vendor })).vendor : undefined;
      const { keywitness = '', node = '', platform = '' } = software();
      const folder = resolve(out);
      try {
        await importFiles({
          ...{ files, folder, participants, vendor: profile, keylog, signal },
          software: { keywitness, node, platform },
        });
      } catch (error) {
        if (error instanceof InterchangeError) throw new UsageError(error.message);
        throw error;
      }
      console.log(json ? JSON.stringify({ recording: folder }) : `Imported: ${folder}`);
    });
}

/** `NAME=ADDRESS`, `NAME=ADDRESS:PORT`; an IPv6 address with a port stands in brackets. */
function participant(value: string, all: NamedParticipant[]): NamedParticipant[] {
  const wrong = () => new InvalidArgumentError('expected NAME=ADDRESS or NAME=ADDRESS:PORT, as in alice=192.168.1.7.');
  const [, name, place] = /^([^=]+)=(.+)$/.exec(value) ?? [];
  if (name === undefined || place === undefined) throw wrong();
  const alone = readAddress(place);
  if (alone !== undefined) return [...all, { name, address: alone }];
  const [, inside = '', digits] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(place) ?? [];
  const address = readAddress(inside);
  if (address === undefined || Number(digits) > 65535) throw wrong();
  return [...all, { name, address, port: Number(digits) }];
}
