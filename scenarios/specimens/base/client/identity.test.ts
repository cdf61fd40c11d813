import { createDecipheriv, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createIdentity, seal, sealingKey, unseal, verificationCode } from './identity.ts';

const CONTEXT = 'standup alice bob 256';
const baseKey = new Uint8Array(32).fill(7);

test('two participants seal to each other, and nobody else can open it', async () => {
  const [alice, bob, eve] = await Promise.all([createIdentity(), createIdentity(), createIdentity()]);
  const sealed = await seal(await sealingKey(alice, bob.publicKey), baseKey, CONTEXT);
  expect(await unseal(await sealingKey(bob, alice.publicKey), sealed, CONTEXT)).toEqual(baseKey);
  await expect(unseal(await sealingKey(eve, alice.publicKey), sealed, CONTEXT)).rejects.toThrow();
  await expect(unseal(await sealingKey(eve, bob.publicKey), sealed, CONTEXT)).rejects.toThrow();
});

test('what was sealed for one use opens for no other', async () => {
  const [alice, bob] = await Promise.all([createIdentity(), createIdentity()]);
  const key = await sealingKey(alice, bob.publicKey);
  const sealed = await seal(key, baseKey, CONTEXT);
  await expect(unseal(key, sealed, 'standup bob alice 256')).rejects.toThrow();
});

test('nothing is sealed to what is no public key', async () => {
  const alice = await createIdentity();
  await expect(sealingKey(alice, new Uint8Array(31))).rejects.toThrow();
  // The point of small order: every secret with it is zero (RFC 7748, section 6.1).
  await expect(sealingKey(alice, new Uint8Array(32))).rejects.toThrow();
});

test('another implementation of X25519, HKDF and AES-GCM opens what was sealed', async () => {
  const alice = await createIdentity();
  await expect(crypto.subtle.exportKey('pkcs8', alice.privateKey)).rejects.toThrow();
  const bob = generateKeyPairSync('x25519');
  const bobPublic = Buffer.from(bob.publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const sealed = await seal(await sealingKey(alice, new Uint8Array(bobPublic)), baseKey, CONTEXT);

  const alicePublic = Buffer.from(alice.publicKey);
  const x = alicePublic.toString('base64url');
  const publicKey = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x } });
  const secret = diffieHellman({ publicKey, privateKey: bob.privateKey });
  const info = Buffer.concat([Buffer.from('sealed base key'), ...[alicePublic, bobPublic].sort(Buffer.compare)]);
  const key = Buffer.from(hkdfSync('sha256', secret, '', info, 32));
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12));
  decipher.setAAD(Buffer.from(CONTEXT)).setAuthTag(sealed.subarray(-16));
  const opened = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  expect(new Uint8Array(opened)).toEqual(baseKey);
});

test('the verification code is the same for all, in whatever order they know each other', async () => {
  const keys = await Promise.all([createIdentity(), createIdentity(), createIdentity()]);
  const [a, b, c] = keys.map(({ publicKey }) => publicKey) as [Uint8Array, Uint8Array, Uint8Array];
  const code = await verificationCode([a, b, c]);
  expect(code).toMatch(/^(\d{5} ){5}\d{5}$/);
  expect(await verificationCode([c, a, b])).toBe(code);
  expect(await verificationCode([a, b])).not.toBe(code);
});
