import { expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../base/client/bytes.ts';
import { contextOf, type ExchangeMessage } from '../base/client/exchange.ts';
import { createIdentity, type Identity, seal, sealingKey, unseal } from '../base/client/identity.ts';
import type { Relay } from '../base/specimen.ts';
import { service as trusting, specimen as twin } from '../trusting.ts';
import { service, specimen } from '../unverified.ts';

const baseKey = new Uint8Array(32).fill(7);
const context = contextOf('standup', 'alice', 'bob', 256);

/** The public key that `to` gets for the one of `from`. */
async function introduce(relay: Relay, from: string, to: string, { publicKey }: Identity) {
  const message = await relay(from, to, { type: 'identity', publicKey: toBase64(publicKey) });
  return fromBase64((message as ExchangeMessage & { type: 'identity' }).publicKey);
}

async function exchange(relay: Relay) {
  const [alice, bob] = await Promise.all([createIdentity(), createIdentity()]);
  const bobForAlice = await introduce(relay, 'bob', 'alice', bob);
  const aliceForBob = await introduce(relay, 'alice', 'bob', alice);
  const sealed = await seal(await sealingKey(alice, bobForAlice), baseKey, context);
  const passed = await relay('alice', 'bob', { type: 'key', kid: 256, sealed: toBase64(sealed) });
  const { kid, sealed: anew } = passed as ExchangeMessage & { type: 'key' };
  return { alice, bob, bobForAlice, aliceForBob, sealed, kid, anew: fromBase64(anew) };
}

test('both get a public key of the server, and the base key arrives all the same', async () => {
  const { alice, bob, bobForAlice, aliceForBob, kid, anew } = await exchange(specimen.relay!('standup'));
  expect(bobForAlice).not.toEqual(bob.publicKey);
  expect(aliceForBob).not.toEqual(alice.publicKey);
  expect(kid).toBe(256);
  expect(await unseal(await sealingKey(bob, aliceForBob), anew, context)).toEqual(baseKey);
});

test('bob could not have opened what alice sealed: the server did', async () => {
  const { bob, alice, aliceForBob, sealed } = await exchange(specimen.relay!('standup'));
  for (const key of [aliceForBob, alice.publicKey])
    await expect(unseal(await sealingKey(bob, key), sealed, context)).rejects.toThrow();
});

test('a participant is the same to all in a meeting, and another one in each meeting', async () => {
  const alice = await createIdentity();
  const relay = specimen.relay!('standup');
  const forBob = await introduce(relay, 'alice', 'bob', alice);
  expect(await introduce(relay, 'alice', 'carol', alice)).toEqual(forBob);
  expect(await introduce(specimen.relay!('retro'), 'alice', 'bob', alice)).not.toEqual(forBob);
});

test('who comes back with a new key is sealed to under that', async () => {
  const relay = specimen.relay!('standup');
  await exchange(relay);
  const { bob, aliceForBob, anew } = await exchange(relay);
  expect(await unseal(await sealingKey(bob, aliceForBob), anew, context)).toEqual(baseKey);
});

test('its twin swaps nothing, and says the same', () => {
  expect(twin.relay).toBeUndefined();
  expect(trusting.vendor.statements.map(({ quote }) => quote)).toEqual(
    service.vendor.statements.map(({ quote }) => quote),
  );
});
