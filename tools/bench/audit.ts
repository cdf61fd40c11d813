/** How an audit grows with the recording: time against size, and memory. Each is judged in a process of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { call, sizeOf } from './call.ts';
import { lengthen } from './long-recording.ts';
import type { Report } from './report.ts';

/** Bytes of the recordings that are judged. */
const SIZES = [250e6, 1000e6];
/** MB that an audit may take. */
const MOST_MEMORY = 512;

export async function bench(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'keywitness-audit-'));
  try {
    const short = join(folder, 'short.kw');
    await call(['proxy', 'page', 'rtp'], short);
    const results = SIZES.map((size, index) => {
      const long = join(folder, `${index}.kw`);
      lengthen(short, long, Math.ceil(size / sizeOf(short)));
      const result = { bytes: sizeOf(long), ...judge(long) };
      rmSync(long, { recursive: true });
      return result;
    });
    const [small, large] = results as [Result, Result];
    const perByte = ({ seconds, bytes }: Result) => seconds / bytes;
    report({
      what: 'audit time for each MB, of 1 GB / of 250 MB',
      ratio: perByte(large) / perByte(small),
      detail: `${rate(large)} / ${rate(small)} MB/s`,
      aim: '<= 1.2',
    });
    report({
      what: 'memory of an audit of 1 GB / 512 MB',
      ratio: large.memory / MOST_MEMORY,
      detail: `${large.memory.toFixed(0)} MB (250 MB: ${small.memory.toFixed(0)} MB)`,
      aim: '<= 1',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Result {
  bytes: number;
  seconds: number;
  /** The largest resident set, in MB. */
  memory: number;
}

function judge(recording: string): Omit<Result, 'bytes'> {
  const script = fileURLToPath(new URL('./judge.ts', import.meta.url));
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', tsx, script, recording], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the audit failed: ${stderr}`);
  return JSON.parse(stdout) as Omit<Result, 'bytes'>;
}

function rate({ bytes, seconds }: Result): string {
  return (bytes / 1e6 / seconds).toFixed(1);
}
