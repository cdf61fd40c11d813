/** Any page that joins by itself is a service, too. */
import { writeFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import type { AuditResult } from '../harness/audit/audit.ts';
import type { Service } from '../harness/call/service.ts';
import { service as sealed } from './specimens/sealed.ts';
import { service as transportOnly } from './specimens/transport-only.ts';
import { keywitness } from './testing/keywitness.ts';

/** Runs a specimen's page by its address alone, as if nothing were known of it. */
async function runByAddress(service: Service, info: { outputPath(name: string): string }, ...options: string[]) {
  const running = await service.start();
  try {
    const { port } = new URL(running.origin!);
    const ca = info.outputPath('ca.pem');
    writeFileSync(ca, running.trust!.join('\n'));
    const address = `https://127.0.0.1:${port}/room/{meeting}#name={participant}&join&secret={secret}`;
    const args = [
      'run',
      address,
      '--trust-upstream',
      ca,
      '--out',
      info.outputPath('call.kw'),
      '--json',
      '--seconds',
      '6',
    ];
    return await keywitness([...args, ...options]);
  } finally {
    await running.stop();
  }
}

test('a page that only claims to encrypt is refuted', async ({}, info) => {
  const claims = ['--claim', 'media-confidential', '--claim', 'cipher,algorithm=AES-GCM,keyBits=256'];
  const { code, stdout, stderr } = await runByAddress(transportOnly, info, ...claims);
  expect(code, stderr).toBe(1);
  const { verdicts } = JSON.parse(stdout) as AuditResult;
  expect(verdicts.map(({ claim, params, verdict }) => ({ claim, params, verdict }))).toEqual([
    { claim: 'media-confidential', params: {}, verdict: 'refuted' },
    { claim: 'cipher', params: { algorithm: 'AES-GCM', keyBits: 256 }, verdict: 'refuted' },
  ]);
});

test('a page that seals its media is upheld, and its words come from a profile', async ({}, info) => {
  const profile = info.outputPath('vendor.yaml');
  const claims = '[{claim: media-confidential}, {claim: cipher, params: {algorithm: AES-GCM, keyBits: 256}}]';
  writeFileSync(
    profile,
    `vendor: V\nstatements:\n  - {quote: Sealed., source: a page, date: "2026-01-02", claims: ${claims}}\n`,
  );
  const { code, stdout, stderr } = await runByAddress(sealed, info, '--vendor', profile);
  expect(code, stderr + stdout).toBe(0);
  const { verdicts } = JSON.parse(stdout) as AuditResult;
  expect(verdicts.map(({ statement, verdict }) => [statement.quote, verdict])).toEqual([
    ['Sealed.', 'upheld'],
    ['Sealed.', 'upheld'],
  ]);
});
