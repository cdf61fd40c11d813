import { expect, test } from 'vitest';
import { backupHost } from './backups.ts';

const uploadOf = (backup: unknown) => ({ backup: Buffer.from(JSON.stringify(backup)).toString('base64') });
const key = '00ff'.repeat(16);

test('keys are kept, nested as they come', () => {
  const upload = backupHost(32).post['/keys']!;
  expect(upload(uploadOf({ v: 1, blob: key }))).toEqual({ backups: 1 });
  expect(upload(uploadOf({ v: 1, blob: key }))).toEqual({ backups: 2 });
});

test.each([
  ['a blob of another length', uploadOf({ v: 1, blob: `${key}00` })],
  ['a blob that is no hex', uploadOf({ v: 1, blob: 'x'.repeat(64) })],
  ['another version', uploadOf({ v: 2, blob: key })],
  ['what is not nested', { v: 1, blob: key }],
  ['what is no base64', { backup: '*' }],
])('%s is refused', (_, body) => {
  expect(() => backupHost(32).post['/keys']!(body)).toThrow();
});
