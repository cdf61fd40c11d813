import { Command } from 'commander';
import { findFfmpeg } from '../audit/decoder.ts';
import { findChromium } from '../call/chromium.ts';
import { EXIT } from './exit.ts';

export function doctor(): Command {
  return new Command('doctor')
    .description('tell whether all that a run needs is here')
    .option('--json', 'print as JSON')
    .action((options: { json?: boolean }) => {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
      const chromium = findChromium();
      const ffmpeg = findFfmpeg();
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
          ok: ffmpeg !== undefined,
          version: ffmpeg?.version,
          where: ffmpeg?.path,
          otherwise: 'install ffmpeg (Debian: apt-get install ffmpeg) or name it in FFMPEG_BIN',
        },
      ];
      if (options.json) console.log(JSON.stringify(found, null, 2));
      else
        for (const { name, ok, version, where, otherwise } of found)
          console.log(ok ? `ok       ${name} ${version} (${where})` : `missing  ${name}: ${otherwise}`);
      process.exitCode = found.every(({ ok }) => ok) ? EXIT.ok : EXIT.usage;
    });
}
