import { Command } from 'commander';
import { findFfmpeg } from '../audit/decoder.ts';
import { findChromium } from '../call/chromium.ts';
import { findMitmproxy } from '../vantage/proxy/mitmproxy/engine.ts';
import { findDumpcap } from '../vantage/wire/dumpcap.ts';
import { EXIT } from './exit.ts';

export function doctor(): Command {
  return new Command('doctor')
    .description('tell whether all that a run needs is here')
    .option('--json', 'print as JSON')
    .action((options: { json?: boolean }) => {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
      const chromium = findChromium();
      const ffmpeg = findFfmpeg();
      const mitmproxy = findMitmproxy();
      const dumpcap = findDumpcap();
      const found = [
        {
          name: 'Node.js',
          ok: major > 20 || (major === 20 && minor >= 19),
          version: process.versions.node,
          where: process.execPath,
          otherwise: 'install Node.js 20.19 or newer',
        },
        {
          name: 'Chromium',
          ok: chromium !== undefined,
          version: chromium?.version,
          where: chromium?.path,
          otherwise: 'install Chromium (Debian: apt-get install chromium) or name it in KEYWITNESS_CHROMIUM',
        },
        {
          name: 'ffmpeg',
          ok: ffmpeg !== undefined && !ffmpeg.flaw,
          version: ffmpeg?.version,
          where: ffmpeg?.path,
          otherwise: ffmpeg?.flaw ?? 'install ffmpeg (Debian: apt-get install ffmpeg) or name it in FFMPEG_BIN',
        },
        {
          name: 'mitmproxy',
          ok: mitmproxy !== undefined,
          optional: true,
          version: mitmproxy?.version,
          where: mitmproxy?.path,
          otherwise:
            'for --proxy mitmproxy, install it (Debian: apt-get install mitmproxy) or name its mitmdump in KEYWITNESS_MITMDUMP',
        },
        {
          name: 'dumpcap',
          ok: dumpcap !== undefined,
          optional: true,
          version: dumpcap?.version,
          where: 'PATH',
          otherwise: 'for --wire, install it (Debian: apt-get install tshark)',
        },
      ];
      if (options.json) console.log(JSON.stringify(found, null, 2));
      else
        for (const { name, ok, optional, version, where, otherwise } of found)
          console.log(
            ok
              ? `ok       ${name} ${version} (${where})`
              : `${optional ? 'optional' : 'missing '} ${name}: ${otherwise}`,
          );
      process.exitCode = found.every(({ ok, optional }) => ok || optional) ? EXIT.ok : EXIT.usage;
    });
}
