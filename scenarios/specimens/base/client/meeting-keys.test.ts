import { createDecipheriv, createHash, hkdfSync, pbkdf2Sync } from 'node:crypto';
import { expect, test } from 'vitest';
import { derivedKey, joinedKey, passphraseKey, sha256 } from './meeting-keys.ts';

const text = new TextEncoder().encode('a frame');
const iv = new Uint8Array(12);

/** What another implementation of AES-256-GCM makes of what this key sealed. */
async function opened(sealing: CryptoKey, key: Uint8Array): Promise<string> {
  const sealed = Buffer.from(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, sealing, text));
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(sealed.subarray(-16));
  return decipher.update(sealed.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
}

test('of a passphrase and the meeting', async () => {
  const key = pbkdf2Sync('correct horse', 'standup', 100_000, 32, 'sha256');
  expect(await opened(await passphraseKey('correct horse', 'standup'), key)).toBe('a frame');
  await expect(opened(await passphraseKey('correct horse', 'retro'), key)).rejects.toThrow();
});

test('of a text', async () => {
  const digest = createHash('sha256').update('standup').digest();
  const key = Buffer.from(hkdfSync('sha256', digest, 'public-derivation', 'media', 32));
  expect(await opened(await derivedKey('standup'), key)).toBe('a frame');
});

test('of two halves, in either order', async () => {
  const half = await sha256('one');
  const other = await sha256('other');
  const key = half.map((byte, index) => byte ^ other[index]!);
  expect(await opened(await joinedKey(half, other), key)).toBe('a frame');
  expect(await opened(await joinedKey(other, half), key)).toBe('a frame');
});

test('gives nobody its bytes', async () => {
  for (const key of [
    await passphraseKey('correct horse', 'standup'),
    await derivedKey('standup'),
    await joinedKey(await sha256('one'), await sha256('other')),
  ])
    await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
});
