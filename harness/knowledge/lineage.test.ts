import {
  createCipheriv,
  createECDH,
  createHash,
  createHmac,
  generateKeyPairSync,
  hkdfSync,
  pbkdf2Sync,
  randomBytes,
} from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { derive } from './derivation.ts';
import { Trace } from './fixtures/trace.ts';
import { Lineage, type Secret } from './lineage.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));
const utf8 = (text: string) => new Uint8Array(Buffer.from(text));
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
const hkdf = (base: Uint8Array, info = 'media') =>
  new Uint8Array(hkdfSync('sha256', base, new Uint8Array(), utf8(info), 32));
const name = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const names = ({ made, unknown }: { made: Secret[]; unknown: Secret[] }) => ({
  made: made.map(({ bytes }) => name(bytes)).sort(),
  unknown: unknown.map(({ bytes }) => name(bytes)).sort(),
});

/** The calls of WebCrypto, as the page's hooks record them. */
class Browser {
  readonly trace: Trace;
  readonly participant: string;
  constructor(trace: Trace, participant = 'alice') {
    this.trace = trace;
    this.participant = participant;
  }
  #common() {
    return { participant: this.participant, realm: `${this.participant}/page` };
  }
  random(value: Uint8Array) {
    return this.trace.add('crypto.random', { ...this.#common(), value });
  }
  key(key: string, material: Uint8Array | undefined, more: object = {}) {
    return this.trace.add('crypto.key', {
      ...this.#common(),
      key,
      via: 'importKey',
      algorithm: { name: 'HKDF' },
      kind: 'secret',
      usages: [],
      extractable: false,
      format: 'raw',
      material,
      ...more,
    });
  }
  derive(base: string, result: { key?: string; value?: Uint8Array }, more: object = {}) {
    const algorithm = { name: 'HKDF', hash: 'SHA-256' };
    return this.trace.add('crypto.derive', { ...this.#common(), base, algorithm, ...result, ...more });
  }
  cipher(operation: 'encrypt' | 'decrypt', key: string, input: Uint8Array, output: Uint8Array, ok = true) {
    const lengths = { inputLength: input.length, outputLength: output.length };
    const cut = { input: input.subarray(0, 512), output: output.subarray(0, 512) };
    return this.trace.add('crypto.cipher', {
      ...this.#common(),
      operation,
      key,
      algorithm: { name: 'AES-GCM' },
      ...cut,
      ...lengths,
      ok,
    });
  }
  digest(input: Uint8Array, value = sha256(input)) {
    const algorithm = { name: 'SHA-256' };
    return this.trace.add('crypto.digest', { ...this.#common(), algorithm, input, inputLength: input.length, value });
  }
  export(key: string, value: Uint8Array, more: object = {}) {
    return this.trace.add('crypto.export', { ...this.#common(), key, via: 'exportKey', format: 'jwk', value, ...more });
  }
}

function seal(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12));
  return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

describe('roots', () => {
  it('of a key that was derived from random bytes are those', () => {
    const trace = new Trace();
    const alice = new Browser(trace);
    const base = random(32);
    const media = hkdf(base);
    alice.random(base);
    alice.key('base', base, { input: base });
    alice.key('media', media, { via: 'deriveKey', algorithm: { name: 'AES-GCM' } });
    alice.derive('base', { key: 'media' });
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.keys.get('media')!.secret!;
    expect(lineage.roots(secret)).toMatchObject({
      made: [{ made: { by: 'getRandomValues', seq: 0 } }],
      unknown: [],
      crossed: [],
    });
    expect(secret.operations).toMatchObject([{ seq: 3, name: 'HKDF with SHA-256', participant: 'alice' }]);
    expect(lineage.keys.get('media')).toMatchObject({ algorithm: 'AES-GCM', participant: 'alice', seq: 2 });
  });

  it('of a key that generateKey made are itself', () => {
    const trace = new Trace();
    const key = random(16);
    new Browser(trace).key('media', key, { via: 'generateKey' });
    const lineage = trace.into(new Lineage(trace));
    const { secret } = lineage.keys.get('media')!;
    expect(lineage.roots(secret!)).toEqual({ made: [secret], unknown: [], crossed: [] });
  });

  it('of a key that came from elsewhere are unknown', () => {
    const trace = new Trace();
    const [key, other] = [random(32), random(32)];
    new Browser(trace).random(other);
    new Browser(trace).key('media', key, { input: key });
    const lineage = trace.into(new Lineage(trace));
    expect(names(lineage.roots(lineage.keys.get('media')!.secret!))).toEqual({ made: [], unknown: [name(key)] });
  });

  it('of what ECDH gave are both private keys', () => {
    const trace = new Trace();
    const pairs = { alice: createECDH('prime256v1'), bob: createECDH('prime256v1') };
    const ofPrivate = (pair: typeof pairs.alice) => Buffer.concat([utf8('pkcs8 of '), pair.getPrivateKey()]);
    for (const [me, pair] of Object.entries(pairs)) {
      pair.generateKeys();
      new Browser(trace, me).key(me, ofPrivate(pair), { via: 'generateKey', kind: 'private' });
      new Browser(trace, me).key(`${me} public`, pair.getPublicKey(), { via: 'generateKey', kind: 'public' });
    }
    for (const [me, other] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ] as const) {
      const value = pairs[me].computeSecret(pairs[other].getPublicKey());
      new Browser(trace, me).derive(me, { value }, { algorithm: { name: 'ECDH' }, peer: `${other} public` });
    }
    const lineage = trace.into(new Lineage(trace));
    const shared = lineage.secrets.get(name(sha256(pairs.alice.computeSecret(pairs.bob.getPublicKey()))))!;
    expect(shared.operations.map(({ participant }) => participant)).toEqual(['alice', 'bob']);
    expect(names(lineage.roots(shared)).made).toEqual(Object.values(pairs).map(ofPrivate).map(name).sort());
    // A public key is no secret.
    expect(lineage.secrets.has(name(sha256(pairs.alice.getPublicKey())))).toBe(false);
  });

  it('of a key that was sealed to a peer are where its maker has it from', () => {
    const trace = new Trace();
    const [alice, bob] = [new Browser(trace), new Browser(trace, 'bob')];
    const [media, shared] = [random(32), random(32)];
    alice.random(media);
    alice.key('shared a', shared);
    alice.cipher('encrypt', 'shared a', media, seal(shared, media));
    bob.key('shared b', shared);
    bob.cipher('decrypt', 'shared b', seal(shared, media), media);
    bob.key('media', media, { input: media });
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.keys.get('media')!.secret!;
    // The same bytes are one value, whoever holds them.
    expect(secret).toMatchObject({ seq: 0, participant: 'alice', made: { participant: 'alice' } });
    expect(lineage.roots(secret)).toEqual({ made: [secret], unknown: [], crossed: [] });
    expect(secret.operations).toMatchObject([
      { participant: 'alice', name: 'opening with AES-GCM', secrets: [{ bytes: shared }] },
      { participant: 'bob', sealed: seal(shared, media) },
    ]);
  });

  it('of a key that was opened, whose maker was not seen, are unknown', () => {
    const trace = new Trace();
    const bob = new Browser(trace, 'bob');
    const [media, shared] = [random(32), random(32)];
    bob.random(shared);
    bob.key('shared', shared);
    bob.cipher('decrypt', 'shared', seal(shared, media), media);
    bob.key('media', media);
    const lineage = trace.into(new Lineage(trace));
    expect(names(lineage.roots(lineage.keys.get('media')!.secret!))).toEqual({ made: [], unknown: [name(media)] });
  });

  it('follow a key through JWK, out of one browser and into another', () => {
    const trace = new Trace();
    const base = random(32);
    const media = hkdf(base);
    const jwk = utf8(JSON.stringify({ kty: 'oct', k: Buffer.from(media).toString('base64url') }));
    const [alice, bob] = [new Browser(trace), new Browser(trace, 'bob')];
    alice.random(base);
    alice.key('base', base);
    alice.key('media a', media, { via: 'deriveKey' });
    alice.derive('base', { key: 'media a' });
    alice.export('media a', jwk);
    bob.key('media b', media, { format: 'jwk', input: jwk });
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.keys.get('media b')!.secret!;
    expect(names(lineage.roots(secret))).toEqual({ made: [name(base)], unknown: [] });
    expect(names(lineage.roots(lineage.secrets.get(name(sha256(jwk)))!))).toEqual({ made: [name(base)], unknown: [] });
  });

  it('of values that came from one another alone are the earliest, as unknown', () => {
    const trace = new Trace();
    const key = random(32);
    const jwk = utf8(JSON.stringify({ kty: 'oct', k: Buffer.from(key).toString('base64url') }));
    const alice = new Browser(trace);
    alice.key('a', key, { format: 'jwk', input: jwk });
    alice.export('a', jwk);
    const lineage = trace.into(new Lineage(trace));
    expect(names(lineage.roots(lineage.keys.get('a')!.secret!))).toEqual({ made: [], unknown: [name(key)] });
  });

  it('of 32 bytes out of 64 random ones are the 64', () => {
    const trace = new Trace();
    const both = random(64);
    const alice = new Browser(trace);
    alice.random(both);
    alice.key('media', both.subarray(16, 48));
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.keys.get('media')!.secret!;
    expect(names(lineage.roots(secret))).toEqual({ made: [name(both)], unknown: [] });
    expect(lineage.ways(secret)).toMatchObject([{ name: 'taking a part', secrets: [{ bytes: both }] }]);
  });

  it('of a key inside a sealed message that was opened lead to the message', () => {
    const trace = new Trace();
    const [media, shared] = [random(32), random(32)];
    const plain = utf8(JSON.stringify({ mediaKey: Buffer.from(media).toString('base64') }));
    const bob = new Browser(trace, 'bob');
    bob.key('shared', shared);
    bob.cipher('decrypt', 'shared', seal(shared, plain), plain);
    bob.key('media', media);
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.keys.get('media')!.secret!;
    expect(lineage.containers(secret).map(({ bytes }) => bytes)).toEqual([new Uint8Array(plain)]);
  });

  it('are all of them where a value came to be in several ways', () => {
    const trace = new Trace();
    const [one, two] = [random(16), random(16)];
    const value = random(32);
    const alice = new Browser(trace);
    alice.random(one);
    alice.digest(one, value);
    alice.digest(two, value);
    const lineage = trace.into(new Lineage(trace));
    const secret = lineage.secrets.get(name(sha256(value)))!;
    expect(names(lineage.roots(secret))).toEqual({ made: [name(one)], unknown: [name(two)] });
  });

  it('are found above 5,000 steps that two participants took, each on his own', () => {
    const trace = new Trace();
    const first = random(32);
    let last: Uint8Array = first;
    new Browser(trace).random(first);
    for (let step = 0; step < 5000; step++) {
      const next = sha256(last);
      for (const who of ['alice', 'bob']) new Browser(trace, who).digest(last, next);
      last = next;
    }
    const lineage = trace.into(new Lineage(trace));
    expect(names(lineage.roots(lineage.secrets.get(name(sha256(last)))!))).toEqual({
      made: [name(first)],
      unknown: [],
    });
  });

  it('end where values were computed from one another in a circle', () => {
    const trace = new Trace();
    const circle = [random(32), random(32), random(32)];
    const alice = new Browser(trace);
    for (const [index, input] of circle.entries()) alice.digest(input, circle[(index + 1) % 3]!);
    const lineage = trace.into(new Lineage(trace));
    for (const bytes of circle) {
      const { made, unknown } = lineage.roots(lineage.secrets.get(name(sha256(bytes)))!);
      expect([made.length, unknown.length]).toEqual([0, 1]);
    }
  });
});

describe('operations', () => {
  it('name what was done', () => {
    const trace = new Trace();
    const base = random(32);
    const alice = new Browser(trace);
    alice.key('base', base);
    const stretched = pbkdf2Sync(base, 'salt', 1000, 32, 'sha256');
    alice.derive(
      'base',
      { value: stretched },
      { algorithm: { name: 'PBKDF2', hash: { name: 'SHA-256' }, iterations: 1000 } },
    );
    const mac = createHmac('sha256', base).update('x').digest();
    trace.add('crypto.sign', {
      realm: 'r',
      operation: 'sign',
      key: 'base',
      algorithm: { name: 'HMAC' },
      input: utf8('x'),
      inputLength: 1,
      signature: mac,
    });
    const wrapped = random(40);
    alice.key('unwrapped', random(32), { via: 'unwrapKey', input: wrapped, by: 'base' });
    const lineage = trace.into(new Lineage(trace));
    const names = [...lineage.secrets.values()].flatMap(({ operations }) => operations.map(({ name }) => name));
    expect(names).toEqual(['PBKDF2 with SHA-256 1000 times', 'HMAC', 'unwrapping']);
    expect(lineage.keys.get('unwrapped')!.secret!.operations[0]!.sealed).toEqual(new Uint8Array(wrapped));
  });

  it('hold a wrapped key, though nobody was seen to unwrap it', () => {
    const trace = new Trace();
    const [media, wrapping, wrapped] = [random(32), random(32), random(40)];
    const alice = new Browser(trace);
    alice.key('wrapping', wrapping);
    alice.key('media', media, { via: 'generateKey' });
    alice.export('media', wrapped, { via: 'wrapKey', by: 'wrapping' });
    const lineage = trace.into(new Lineage(trace));
    expect(lineage.keys.get('media')!.secret!.operations).toMatchObject([
      { name: 'unwrapping', secrets: [{ bytes: wrapping }], sealed: wrapped },
    ]);
  });

  it('know the base that came to another realm as a key object, by what it gives', () => {
    const trace = new Trace();
    const [base, other, unlike] = [random(32), random(32), random(32)];
    const alice = new Browser(trace);
    alice.key('other', other, { input: other });
    alice.key('base', base, { input: base });
    alice.key('unlike', unlike, { algorithm: { name: 'PBKDF2' } });
    alice.key('seen', undefined, { via: 'seen' });
    alice.derive('seen', { value: hkdf(base) }, { info: utf8('media') });
    const lineage = trace.into(new Lineage(trace));
    expect(lineage.keys.get('seen')!.secret).toBe(lineage.keys.get('base')!.secret);
    const [made] = [...lineage.secrets.values()].filter(({ bytes }) => Buffer.compare(bytes, hkdf(base)) === 0);
    expect(made!.operations).toMatchObject([{ secrets: [{ bytes: base }] }]);
  });

  it('do not know it where nothing that the participant had gives the same', () => {
    const trace = new Trace();
    const base = random(32);
    const [alice, bob] = [new Browser(trace), new Browser(trace, 'bob')];
    bob.key('base', base, { input: base });
    alice.key('seen', undefined, { via: 'seen' });
    alice.derive('seen', { value: hkdf(base) }, { info: utf8('media') });
    expect(trace.into(new Lineage(trace)).keys.get('seen')!.secret).toBeUndefined();
  });

  it.each(['wrapKey', 'unwrapKey'] as const)('take a key out of what AES-GCM wrapped: %s', (via) => {
    const trace = new Trace();
    const [media, wrapping] = [random(32), random(32)];
    const wrapped = seal(wrapping, media);
    const how = { by: 'wrapping', wrapping: { name: 'AES-GCM' }, iv: new Uint8Array(12) };
    const alice = new Browser(trace);
    alice.key('wrapping', wrapping);
    alice.key('media', media, via === 'unwrapKey' ? { via, input: wrapped, ...how } : { via: 'generateKey' });
    if (via === 'wrapKey') alice.export('media', wrapped, { via, format: 'raw', ...how });
    const [operation, ...others] = trace.into(new Lineage(trace)).keys.get('media')!.secret!.operations;
    expect(others).toEqual([]);
    expect(operation).toMatchObject({ name: 'unwrapping', secrets: [{ bytes: wrapping }] });
    expect(derive(operation!.derivation!, [wrapping, operation!.sealed!])).toEqual(Buffer.from(media));
  });

  it('take a key out of the JSON Web Key that AES-GCM wrapped', () => {
    const trace = new Trace();
    const [media, wrapping] = [random(32), random(32)];
    const text = Buffer.from(JSON.stringify({ kty: 'oct', k: Buffer.from(media).toString('base64url') }));
    const how = { by: 'wrapping', wrapping: { name: 'AES-GCM' }, iv: new Uint8Array(12) };
    const alice = new Browser(trace);
    alice.key('wrapping', wrapping);
    alice.key('media', media, { via: 'unwrapKey', input: seal(wrapping, text), ...how });
    const [importing] = trace.into(new Lineage(trace)).keys.get('media')!.secret!.operations;
    expect(importing).toMatchObject({ name: 'importing', derivation: { do: 'jwk' }, secrets: [{ bytes: text }] });
    expect(importing!.secrets[0]!.operations).toMatchObject([{ name: 'unwrapping', secrets: [{ bytes: wrapping }] }]);
  });

  it('are left out where a key that they need is hidden, failed, or carried media', () => {
    const trace = new Trace();
    const alice = new Browser(trace);
    const { publicKey } = generateKeyPairSync('ed25519');
    alice.key('hidden', undefined);
    alice.key('public', publicKey.export({ format: 'der', type: 'spki' }), { kind: 'public' });
    alice.key('known', random(32));
    alice.derive('hidden', { value: random(32) });
    alice.cipher('encrypt', 'public', random(32), random(64));
    alice.cipher('decrypt', 'known', random(48), random(32), false);
    alice.cipher('encrypt', 'known', random(1000), random(1016));
    alice.cipher('encrypt', 'unseen', random(32), random(48));
    const lineage = trace.into(new Lineage(trace));
    expect([...lineage.secrets.values()].flatMap(({ operations }) => operations)).toEqual([]);
    expect(lineage.keys.get('hidden')).toMatchObject({ secret: undefined });
    expect(lineage.keys.has('public')).toBe(false);
  });

  it('need a salt that was made at random, and take one for known that was not', () => {
    const trace = new Trace();
    const [base, salt] = [random(32), random(16)];
    const alice = new Browser(trace);
    alice.key('base', base);
    alice.derive('base', { value: random(32) }, { salt, info: utf8('a constant') });
    // Another browser's, say, that was recorded late.
    alice.random(salt);
    const lineage = trace.into(new Lineage(trace));
    const [operation] = [...lineage.secrets.values()].flatMap(({ operations }) => operations);
    expect(lineage.inputs(operation!).map(({ bytes }) => bytes)).toEqual([base, salt]);
  });
});

describe('guards', () => {
  it('are what the keys come from that something was sealed under', () => {
    const trace = new Trace();
    const alice = new Browser(trace);
    const [key, known, unknown] = [random(32), random(32), random(32)];
    alice.random(key);
    alice.random(known);
    alice.key('known', known);
    alice.key('unknown', unknown);
    alice.cipher('encrypt', 'known', key, random(48));
    const before = trace.into(new Lineage(trace));
    expect(names(before.guards(before.add(key, { seq: 0, participant: 'alice' })))).toEqual({
      made: [name(known)],
      unknown: [],
    });
    alice.cipher('encrypt', 'unknown', utf8(JSON.stringify({ key: Buffer.from(key).toString('hex') })), random(99));
    const after = trace.into(new Lineage(trace));
    expect(names(after.guards(after.add(key, { seq: 0, participant: 'alice' })))).toEqual({
      made: [name(known)],
      unknown: [name(unknown)],
    });
  });
});

describe('how a participant came to a secret', () => {
  /** Alice makes a key; `more` tells the rest. Says of both whether it was seen how they came to it. */
  function accounted(more: (browsers: { alice: Browser; bob: Browser; key: Uint8Array; trace: Trace }) => void) {
    const trace = new Trace();
    const [alice, bob, key] = [new Browser(trace), new Browser(trace, 'bob'), random(32)];
    alice.random(key);
    alice.key('a', key);
    more({ alice, bob, key, trace });
    const lineage = trace.into(new Lineage(trace));
    const { secret } = lineage.keys.get('a')!;
    return ['alice', 'bob'].map((who) => lineage.accounted(secret!, who));
  }
  const sealing = random(32);

  it('is seen where it made it, or opened it', () => {
    expect(
      accounted(({ bob, key }) => {
        bob.key('s', sealing);
        bob.cipher('decrypt', 's', random(60), key);
      }),
    ).toEqual([true, true]);
  });

  it('is seen where it made it, also if the other was recorded opening it before', () => {
    const trace = new Trace();
    const [alice, bob, key] = [new Browser(trace), new Browser(trace, 'bob'), random(32)];
    bob.key('s', sealing);
    bob.cipher('decrypt', 's', random(60), key);
    bob.key('b', key);
    alice.random(key);
    alice.key('a', key);
    const lineage = trace.into(new Lineage(trace));
    const { secret } = lineage.keys.get('a')!;
    expect(secret!.made).toEqual({ by: 'getRandomValues', participant: 'alice', seq: 3 });
    expect(['alice', 'bob'].map((who) => lineage.accounted(secret!, who))).toEqual([true, true]);
  });

  it('is seen where it opened the message that it stands in', () => {
    expect(
      accounted(({ bob, key }) => {
        bob.key('s', sealing);
        bob.cipher('decrypt', 's', random(120), utf8(JSON.stringify({ key: Buffer.from(key).toString('base64') })));
      }),
    ).toEqual([true, true]);
  });

  it('is not seen where it appears there out of nothing', () => {
    expect(accounted(({ bob, key }) => bob.key('b', key))).toEqual([true, false]);
  });

  it('is not seen where it only seals it for somebody else: that it had before', () => {
    expect(
      accounted(({ bob, key }) => {
        bob.key('b', key);
        bob.key('s', sealing);
        bob.random(sealing);
        bob.cipher('encrypt', 's', key, random(60));
      }),
    ).toEqual([true, false]);
  });

  it('is followed through 2,000 steps that both took, and through circles', () => {
    const trace = new Trace();
    const [alice, bob] = [new Browser(trace), new Browser(trace, 'bob')];
    let value = random(32);
    alice.random(value);
    bob.key('s', sealing);
    bob.cipher('decrypt', 's', random(60), value);
    for (let step = 0; step < 2000; step++) {
      alice.digest(value);
      bob.digest(value);
      value = sha256(value);
    }
    const circle = [random(32), random(32)] as const;
    alice.digest(circle[0], circle[1]);
    alice.digest(circle[1], circle[0]);
    alice.key('last', value);
    alice.key('circle', circle[0]);
    const lineage = trace.into(new Lineage(trace));
    const of = (key: string) => lineage.keys.get(key)!.secret!;
    expect([lineage.accounted(of('last'), 'alice'), lineage.accounted(of('last'), 'bob')]).toEqual([true, true]);
    expect(lineage.accounted(of('circle'), 'alice')).toBe(false);
  });
});

describe('a key encapsulation', () => {
  it.each([
    ['generateKey', 0],
    ['importKey', 1],
  ] as const)('for a public key that came by %s leaves %i strangers', (via, strangers) => {
    const trace = new Trace();
    const [realm, algorithm] = ['bob/page', { name: 'ML-KEM-768' }];
    const key = { participant: 'bob', realm, algorithm, usages: [], extractable: true, format: 'spki' };
    trace.add('crypto.key', { ...key, key: 'bob/k1', via, kind: 'public', material: random(64) });
    const value = random(32);
    trace.add('crypto.random', { participant: 'alice', realm: 'alice/page', value });
    const peer = 'bob/k1';
    trace.add('crypto.derive', { participant: 'alice', realm: 'alice/page', base: peer, peer, algorithm, value });
    const lineage = trace.into(new Lineage(trace));
    expect(lineage.strangers).toBe(strangers);
    expect(names(lineage.roots(lineage.add(value, { seq: 0, participant: 'alice' })))).toEqual({
      made: [name(value)],
      unknown: [],
    });
  });
});

describe('strangers', () => {
  const pair = { kind: 'public', format: 'spki', algorithm: { name: 'X25519' } };

  it('are public keys that secrets were agreed with and that no participant made', () => {
    const trace = new Trace();
    const [alice, bob] = [new Browser(trace), new Browser(trace, 'bob')];
    const bobs = random(44);
    bob.key('bob/public', bobs, { ...pair, via: 'generateKey' });
    alice.key('bob imported', bobs, pair);
    alice.key('server', random(44), pair);
    alice.key('own', random(48), { kind: 'private', via: 'generateKey', format: 'pkcs8' });
    alice.derive('own', { value: random(32) }, { peer: 'bob imported' });
    expect(trace.into(new Lineage(trace)).strangers).toBe(0);
    alice.derive('own', { value: random(32) }, { peer: 'server' });
    expect(trace.into(new Lineage(trace)).strangers).toBe(1);
  });
});
