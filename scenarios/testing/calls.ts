/** Whole calls, and what came of them. */
import { spawnSync } from 'node:child_process';
import { expect } from '@playwright/test';
import type { AuditResult } from '../../harness/audit/audit.ts';
import { readCardFromGray } from '../../harness/media/test-card.ts';
import { keywitness } from './keywitness.ts';

/** Runs a service for 6 s and returns what it came to. */
export async function run(service: string, folder: string, ...options: string[]) {
  const args = ['run', service, '--out', folder, '--json', '--seconds', '6', ...options];
  const { code, stdout, stderr } = await keywitness(args);
  expect(code, stderr).not.toBe(4);
  return { code, stderr, result: JSON.parse(stdout) as AuditResult };
}

export function verdictsOf({ verdicts }: AuditResult): Record<string, string> {
  return Object.fromEntries(verdicts.map(({ claim, verdict }) => [claim, verdict]).sort());
}

/** Runs a proof's script. */
export function reproduce(proof: string) {
  return spawnSync(process.execPath, ['reproduce.mjs'], { cwd: proof, encoding: 'utf8' });
}

/** The test card in a PNG, read through ffmpeg. */
export function cardIn(picture: string) {
  const { stdout } = spawnSync('ffmpeg', ['-v', 'error', '-i', picture, '-f', 'rawvideo', '-pix_fmt', 'gray', '-'], {
    maxBuffer: 1 << 24,
  });
  return readCardFromGray(stdout, 640, 360);
}
