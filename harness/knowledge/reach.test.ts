import {
  createCipheriv,
  createHash,
  createHmac,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  pbkdf2Sync,
  randomBytes,
} from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Connections } from './connections.ts';
import { Crossings } from './crossings.ts';
import { Trace } from './fixtures/trace.ts';
import { infer } from './infer.ts';
import { Lineage, type Secret } from './lineage.ts';
import { ProviderView } from './provider-view.ts';
import { isRepeatable, type Path, Reach } from './reach.ts';

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();
const hkdf = (base: Uint8Array, salt: Uint8Array) => new Uint8Array(hkdfSync('sha256', base, salt, utf8('media'), 32));
const realm = 'page';

function seal(key: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

class Call extends Trace {
  cross(body: Uint8Array | string, direction: 'send' | 'receive' = 'receive'): number {
    const bytes = typeof body === 'string' ? utf8(body) : body;
    return this.add('ws.message', { socket: 's', direction, binary: true, body: bytes });
  }
  key(key: string, material: Uint8Array): number {
    return this.add('crypto.key', {
      realm,
      key,
      via: 'importKey',
      algorithm: { name: 'AES-GCM' },
      kind: 'secret',
      usages: [],
      extractable: true,
      format: 'raw',
      material,
    });
  }
  digest(input: Uint8Array, value: Uint8Array): number {
    return this.add('crypto.digest', {
      realm,
      algorithm: { name: 'SHA-256' },
      input,
      inputLength: input.length,
      value,
    });
  }
  derive(base: string, key: string, salt: Uint8Array): number {
    const algorithm = { name: 'HKDF', hash: 'SHA-256' };
    return this.add('crypto.derive', { realm, base, key, salt, info: utf8('media'), algorithm });
  }
  encrypt(key: string, input: Uint8Array, output: Uint8Array): number {
    const lengths = { inputLength: input.length, outputLength: output.length };
    const algorithm = { name: 'AES-GCM' };
    return this.add('crypto.cipher', {
      realm,
      operation: 'encrypt',
      key,
      algorithm,
      iv: new Uint8Array(12),
      input,
      output,
      ...lengths,
      ok: true,
    });
  }
  known(...all: Uint8Array[]): { lineage: Lineage; secrets: Secret[]; reach: Reach } {
    const lineage = this.into(new Lineage(this));
    const secrets = all.map((bytes) => lineage.secrets.get(sha256(bytes).toString('hex'))!);
    const view = new ProviderView(this.into(new Crossings(this, this.into(new Connections()))).all);
    infer(lineage, view, secrets);
    return { lineage, secrets, reach: new Reach(lineage, view, secrets, ORIGIN) };
  }
  /** How the provider comes to values, each in question. */
  paths(...all: Uint8Array[]): (Path | undefined)[] {
    const { reach, secrets } = this.known(...all);
    return secrets.map((secret) => reach.path(secret));
  }
  suspects(bytes: Uint8Array): boolean {
    const { reach, secrets } = this.known(bytes);
    return reach.suspects(secrets[0]!);
  }
  path(bytes: Uint8Array): Path | undefined {
    return this.paths(bytes)[0];
  }
}
const ORIGIN = Date.parse('2026-01-02T03:04:05Z');
/** Of each step, but not those that tell where what was sealed crossed. */
const evidence = (path: Path | undefined) =>
  path?.filter(({ source }) => source.from !== 'crossing' || !source.sealed).map((step) => step.evidence);

describe('path', () => {
  it('of a key that crosses in the clear is that message', () => {
    const call = new Call();
    const media = randomBytes(32);
    call.add('http.request', {
      exchange: 'e',
      method: 'POST',
      url: 'https://meet.example/join',
      version: '2',
      headers: [],
    });
    call.add('http.response', { exchange: 'e', status: 200, headers: [['content-encoding', 'gzip']] });
    const body = gzipSync(JSON.stringify({ room: 7, key: media.toString('base64') }));
    const reply = call.add('http.body', { exchange: 'e', of: 'response', body, last: true });
    call.key('media', media);
    const [step, ...more] = call.path(media)!;
    expect(more).toEqual([]);
    expect(step).toMatchObject({
      text: 'meet.example sent alice it in the clear as "key" (base64) in the reply to POST https://meet.example/join',
      evidence: [reply],
      source: { from: 'crossing', crossing: { direction: 'receive' } },
    });
    expect(isRepeatable([step!])).toBe(true);
  });

  it('of a key whose base crosses goes by the derivation', () => {
    const call = new Call();
    const base = randomBytes(32);
    const media = hkdf(base, utf8('salt'));
    const sent = call.cross(`{"base":"${base.toString('hex')}"}`, 'send');
    call.key('base', base);
    call.key('media', media);
    const derived = call.derive('base', 'media', utf8('salt'));
    expect(evidence(call.path(media))).toEqual([[sent], [derived]]);
    expect(call.path(media)!.map(({ text }) => text)).toEqual([
      'alice sent it in the clear as "base" (hex) in a message to a WebSocket',
      'HKDF with SHA-256 gives the next value',
    ]);
    expect(isRepeatable(call.path(media)!)).toBe(true);
  });

  it.each([true, false])('of a key with a random salt needs the salt, too (crossed: %s)', (crossed) => {
    const call = new Call();
    const [base, salt] = [randomBytes(32), randomBytes(16)];
    const media = hkdf(base, salt);
    call.cross(base);
    call.add('crypto.random', { realm, value: salt });
    call.key('base', base);
    call.key('media', media);
    call.derive('base', 'media', salt);
    if (crossed) call.cross(salt);
    expect(evidence(call.path(media))).toEqual(crossed ? [[0], [5], [4]] : undefined);
  });

  it('of a sealed key needs the key that it is sealed with and what was sealed', () => {
    const [media, sealing] = [randomBytes(32), randomBytes(32)];
    const sealed = seal(sealing, media);
    for (const [sealingCrosses, sealedCrosses] of [
      [true, true],
      [false, true],
      [true, false],
      [false, false],
    ]) {
      const call = new Call();
      call.add('crypto.random', { realm, value: media });
      call.key('sealing', sealing);
      call.encrypt('sealing', media, sealed);
      if (sealingCrosses) call.cross(`key=${sealing.toString('base64url')}`);
      if (sealedCrosses) call.cross(Buffer.from(sealed).toString('base64'), 'send');
      // The last three are the honest twins.
      expect(evidence(call.path(media))).toEqual(sealingCrosses && sealedCrosses ? [[3], [2]] : undefined);
    }
  });

  it('of a key cut out of a larger value goes by that', () => {
    const call = new Call();
    const both = randomBytes(64);
    const digested = sha256(utf8('something'));
    call.cross(digested);
    call.digest(digested, both);
    call.key('media', both.subarray(32));
    expect(evidence(call.path(both.subarray(32)))).toEqual([[0], [1], [2]]);
  });

  it('is undefined where only something like the key crosses', () => {
    const call = new Call();
    const media = randomBytes(32);
    call.cross(media.subarray(0, 31));
    call.cross(media.toReversed());
    call.cross(sha256(media));
    call.key('media', media);
    call.digest(media, sha256(media));
    expect(call.path(media)).toBeUndefined();
  });

  it('tells a value once that is needed twice', () => {
    const call = new Call();
    const [base, salt, media] = [randomBytes(32), randomBytes(16), randomBytes(32)];
    call.add('crypto.random', { realm, value: salt });
    call.cross(base);
    call.digest(base, salt);
    call.key('base', base);
    call.key('media', media);
    call.derive('base', 'media', salt);
    expect(evidence(call.path(media))).toEqual([[1], [2], [5]]);
  });

  it('ends where values come from one another in a circle, and finds the way in from outside', () => {
    const circle = [randomBytes(32), randomBytes(32), randomBytes(32)];
    for (const way of [undefined, 0, 1, 2]) {
      const call = new Call();
      for (const [index, input] of circle.entries()) call.digest(input, circle[(index + 1) % 3]!);
      if (way !== undefined) call.cross(circle[way]!);
      for (const [index, path] of call.paths(...circle).entries())
        expect(path?.length).toBe(way === undefined ? undefined : 1 + ((index - way + 3) % 3));
    }
  });

  it.each([true, false])(
    'goes through 5,000 steps that two participants took, each on his own (known: %s)',
    (known) => {
      const call = new Call();
      let last: Uint8Array = randomBytes(32);
      if (known) call.cross(last);
      for (let step = 0; step < 5000; step++) {
        const next = sha256(last);
        call.digest(last, next);
        call.digest(last, next);
        last = next;
      }
      expect(call.path(last)?.length).toBe(known ? 5001 : undefined);
    },
  );
});

describe('a path', () => {
  it('is not repeatable where an operation does not give what the trace shows', () => {
    const call = new Call();
    const [base, media] = [randomBytes(32), randomBytes(32)];
    call.cross(base);
    call.key('base', base);
    call.key('media', media);
    call.derive('base', 'media', utf8('salt'));
    const path = call.path(media)!;
    expect(path).toHaveLength(2);
    expect(isRepeatable(path)).toBe(false);
  });

  it.each(['key', 'c'])('takes a key out of base64 that goes on before and behind (%s)', (before) => {
    const media = randomBytes(32);
    const call = new Call();
    call.cross(`${before}${Buffer.concat([randomBytes(4), media, randomBytes(7)]).toString('base64')}`);
    call.key('media', media);
    expect(isRepeatable(call.path(media)!)).toBe(true);
  });

  it.each([
    ['XOR', (a: Uint8Array, b: Uint8Array) => a.map((byte, index) => byte ^ b[index]!)],
    ['joining', (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b])],
  ])('goes by %s of two values that crossed, done by hand', (_, together) => {
    const [a, b, other] = [0, 1, 2].map(() => new Uint8Array(randomBytes(16)));
    const call = new Call();
    call.cross(JSON.stringify({ first: Buffer.from(a!).toString('base64') }));
    call.cross(JSON.stringify({ second: [...b!] }));
    call.key('media', together(a!, b!));
    call.key('honest', together(a!, other!));
    call.add('crypto.random', { realm, value: other! });
    const [path, honest] = call.paths(together(a!, b!), together(a!, other!));
    expect(evidence(path)).toEqual([[0], [1], [2]]);
    expect(isRepeatable(path!)).toBe(true);
    expect(honest).toBeUndefined();
  });

  it('goes by a hash of a name that crossed, done by hand', () => {
    const call = new Call();
    call.cross(JSON.stringify({ room: '9f31c07ab2' }));
    const [media, honest] = [sha256(utf8('9f31c07ab2')), sha256(utf8('what nobody sent'))];
    call.key('media', media);
    call.key('honest', honest);
    const [path, none] = call.paths(media, honest);
    expect(path!.map(({ text }) => text)).toEqual([
      'the provider sent alice it in the clear as "room" in a message from a WebSocket',
      'hashing with SHA-256 gives the next value',
    ]);
    expect(isRepeatable(path!)).toBe(true);
    expect(none).toBeUndefined();
  });

  it.each([
    ['482913', 100_000, true],
    ['482913', 5_000_000_000, false],
    ['a5fe12cc9e8b4410', 1000, false],
  ])('goes by guessing %s, with PBKDF2 of %d iterations: %s', (password, iterations, known) => {
    const call = new Call();
    const media = randomBytes(32);
    call.add('call.shared', { value: utf8(password) });
    call.key('password', utf8(password));
    call.key('media', media);
    const algorithm = { name: 'PBKDF2', hash: 'SHA-256', iterations };
    call.add('crypto.derive', { realm, base: 'password', key: 'media', salt: utf8('room'), algorithm });
    const path = call.path(media);
    expect(path?.map(({ source }) => source.from)).toEqual(known ? ['guess', 'steps'] : undefined);
  });
});

describe('a passphrase', () => {
  /** A key that the page makes of a passphrase, by PBKDF2 with a salt that everybody knows. */
  function made(passphrase: string, before: (call: Call) => void = () => {}) {
    const call = new Call();
    const media = new Uint8Array(pbkdf2Sync(passphrase, 'room', 100_000, 32, 'sha256'));
    before(call);
    call.key('password', utf8(passphrase));
    call.key('media', media);
    const algorithm = { name: 'PBKDF2', hash: 'SHA-256', iterations: 100_000 };
    call.add('crypto.derive', { realm, base: 'password', key: 'media', salt: utf8('room'), algorithm });
    const { reach, secrets } = call.known(media);
    const [secret] = secrets;
    return {
      path: reach.path(secret!)?.map(({ source }) => source.from),
      suspect: reach.suspects(secret!),
      weak: reach.isWeak(secret!),
    };
  }
  const open = { path: undefined, suspect: true, weak: true };

  it('that a person may have typed is no way in, however weak it is', () => {
    for (const passphrase of ['test123', 'orange', '482913']) expect(made(passphrase)).toEqual(open);
  });

  it('that code drew or the link carries is, if it is weak', () => {
    expect(made('482913', (call) => call.add('call.shared', { value: utf8('482913') }))).toEqual({
      path: ['guess', 'steps'],
      suspect: true,
      weak: false,
    });
    const drawn = made('482913', (call) => call.add('crypto.random', { realm, value: utf8('482913') }));
    expect(drawn.path).toEqual(['guess', 'steps']);
  });

  it('did not cross because some text is just the same', () => {
    for (const message of ['{"rooms":[{"title":"Team Sync"}]}', '{"password":"Other","name":"Team Sync"}'])
      expect(made('Team Sync', (call) => call.cross(message))).toEqual(open);
    expect(made('Passwort', (call) => call.cross('{"password":"Passwort"}'))).toEqual(open);
  });

  it('crossed where the service hands it out as a secret', () => {
    for (const label of ['pin', 'passphrase'])
      expect(made('482913', (call) => call.cross(JSON.stringify({ [label]: '482913' }))).path).toEqual([
        'crossing',
        'steps',
      ]);
  });

  it('crossed where it is the name of the meeting, which code takes out of the address', () => {
    const url = 'https://meet.example/room/9f31c07ab2';
    const join = (call: Call) =>
      call.add('http.request', { exchange: 'e', method: 'GET', url, version: '2', headers: [] });
    expect(made('9f31c07ab2', join).path).toEqual(['crossing', 'steps']);
  });

  it('that is strong and never crossed is out of reach', () => {
    expect(made('a5fe12cc9e8b4410')).toEqual({ path: undefined, suspect: false, weak: false });
  });
});

describe('what is beside a key in an operation', () => {
  const hmac = (call: Call, key: string, data: Uint8Array, signature: Uint8Array) =>
    call.add('crypto.sign', {
      realm,
      operation: 'sign',
      key,
      algorithm: { name: 'HMAC' },
      input: data,
      inputLength: data.length,
      signature,
    });
  const keyed = (call: Call, key: string, material: Uint8Array) =>
    call.add('crypto.key', {
      realm,
      key,
      via: 'importKey',
      algorithm: { name: 'HMAC', hash: 'SHA-256' },
      kind: 'secret',
      usages: [],
      extractable: true,
      format: 'raw',
      material,
    });

  it.each([true, false])('is a secret, too, where HMAC extracts from it under a known key (crossed: %s)', (crossed) => {
    const call = new Call();
    const [zeros, secret] = [new Uint8Array(32), new Uint8Array(randomBytes(32))];
    const media = new Uint8Array(createHmac('sha256', zeros).update(secret).digest());
    if (crossed) call.cross(secret);
    keyed(call, 'zeros', zeros);
    hmac(call, 'zeros', secret, media);
    call.key('media', media);
    expect(call.path(media)?.map(({ source }) => source.from)).toEqual(
      crossed ? ['guess', 'crossing', 'steps'] : undefined,
    );
  });

  it('is a secret, too, where HKDF salts zeros with it', () => {
    const call = new Call();
    const [zeros, secret] = [new Uint8Array(32), new Uint8Array(randomBytes(32))];
    const media = hkdf(Buffer.from(zeros), secret);
    call.key('zeros', zeros);
    call.key('media', media);
    call.derive('zeros', 'media', secret);
    expect(call.path(media)).toBeUndefined();
  });
});

describe('a provider that may have a key', () => {
  it('is suspected where its salt is too short to be looked for', () => {
    const call = new Call();
    const [base, salt] = [randomBytes(32), randomBytes(8)];
    const media = hkdf(base, salt);
    call.cross(JSON.stringify({ base: base.toString('hex'), salt: salt.toString('hex') }));
    call.add('crypto.random', { realm, value: salt });
    call.key('base', base);
    call.key('media', media);
    call.derive('base', 'media', salt);
    expect(call.suspects(media)).toBe(true);
  });

  it('is suspected where it has the sealing key, and what was sealed crossed in pieces', () => {
    const call = new Call();
    const [media, sealing] = [randomBytes(32), randomBytes(32)];
    const sealed = Buffer.from(seal(sealing, media));
    call.add('crypto.random', { realm, value: media });
    call.key('sealing', sealing);
    call.encrypt('sealing', media, sealed);
    call.cross(sealing);
    call.cross(JSON.stringify({ text: sealed.toString('hex', 0, 32), tag: sealed.toString('hex', 32) }));
    expect([call.path(media), call.suspects(media)]).toEqual([undefined, true]);
  });

  it('is not where it has neither', () => {
    const call = new Call();
    const [media, sealing] = [randomBytes(32), randomBytes(32)];
    call.add('crypto.random', { realm, value: media });
    call.key('sealing', sealing);
    const sealed = seal(sealing, media);
    call.encrypt('sealing', media, sealed);
    call.cross(sealed);
    expect(call.suspects(media)).toBe(false);
  });
});

describe('what is inferred', () => {
  it('says nothing of where a value came from that a device masked and sent', () => {
    const call = new Call();
    const [media, mask] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];
    call.add('crypto.random', { realm, value: mask });
    call.key('media', media);
    call.cross(
      media.map((byte, index) => byte ^ mask[index]!),
      'send',
    );
    const { lineage, secrets } = call.known(media);
    expect(lineage.roots(secrets[0]!)).toMatchObject({ made: [], unknown: [{ bytes: media }] });
    expect(lineage.accounted(secrets[0]!, 'alice')).toBe(false);
  });

  it('is looked for among what crossed first, and hashes in any case', () => {
    const call = new Call();
    const [media, mask, other] = [0, 1, 2].map(() => new Uint8Array(randomBytes(32))) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, index) => byte ^ b[index]!);
    call.add('crypto.random', { realm, value: media });
    call.add('crypto.random', { realm, value: mask });
    for (const value of [xor(media, mask), other, xor(media, other)]) call.cross(value, 'send');
    call.key('media', media);
    expect(call.path(media)?.map(({ source }) => source.from)).toEqual(['crossing', 'crossing', 'steps']);
  });
});

describe('a key that was sealed anew on its way', () => {
  /** Alice seals for one public key, Bob opens from another; `swapped`: neither is a participant's. */
  function call({
    swapped,
    sentByAlice = false,
    handedOn = false,
    telephone = false,
  }: {
    swapped: boolean;
    sentByAlice?: boolean;
    /** The participants' own keys reach each other, too. */
    handedOn?: boolean;
    /** Both are given the key of one device that nobody records. */
    telephone?: boolean;
  }) {
    const call = new Call();
    const pairs = [0, 1, 2, 3].map(() => generateKeyPairSync('x25519'));
    const [alice, bob] = pairs;
    const [forAlice, forBob] = swapped ? [pairs[2]!, pairs[telephone ? 2 : 3]!] : [bob!, alice!];
    const spki = (key: KeyObject) => new Uint8Array(key.export({ format: 'der', type: 'spki' }));
    const raw = (key: KeyObject) => spki(key).subarray(-32);
    const media = new Uint8Array(randomBytes(32));
    const added = (type: 'crypto.key', fields: object) => call.add(type, fields as never);
    const common = { realm, usages: [], extractable: true, algorithm: { name: 'X25519' } };
    const whose = (participant: string, own: KeyPairKeyObjectResult, other: KeyObject) => {
      const pkcs8 = new Uint8Array(own.privateKey.export({ format: 'der', type: 'pkcs8' }));
      const made = { ...common, participant, via: 'generateKey' };
      added('crypto.key', {
        ...made,
        key: `${participant} private`,
        kind: 'private',
        format: 'pkcs8',
        material: pkcs8,
      });
      added('crypto.key', {
        ...made,
        key: `${participant} public`,
        kind: 'public',
        format: 'spki',
        material: spki(own.publicKey),
      });
      const imported = { ...common, participant, via: 'importKey', kind: 'public', format: 'spki' };
      added('crypto.key', { ...imported, key: `${participant} other`, material: spki(other) });
      const value = new Uint8Array(diffieHellman({ privateKey: own.privateKey, publicKey: other }));
      const derivation = { realm, participant, base: `${participant} private`, peer: `${participant} other`, value };
      call.add('crypto.derive', { ...derivation, algorithm: { name: 'X25519' } });
      added('crypto.key', {
        ...common,
        participant,
        via: 'importKey',
        key: participant,
        kind: 'secret',
        format: 'raw',
        material: value,
      });
      return value;
    };
    const aliceSeals = whose('alice', alice!, forAlice.publicKey);
    const bobOpens = whose('bob', bob!, forBob.publicKey);
    const [left, reached] = [seal(aliceSeals, media), seal(bobOpens, media)];
    const cipher = { realm, algorithm: { name: 'AES-GCM' }, iv: new Uint8Array(12), ok: true };
    const cross = (participant: string, direction: 'send' | 'receive', body: Uint8Array) =>
      call.add('ws.message', { participant, socket: participant, direction, binary: true, body });
    cross('alice', 'receive', raw(forAlice.publicKey));
    cross('bob', 'receive', raw(forBob.publicKey));
    for (const [who, own, other] of [
      ['alice', alice!, 'bob'],
      ['bob', bob!, 'alice'],
    ] as const) {
      cross(who, 'send', raw(own.publicKey));
      if (handedOn) cross(other, 'receive', raw(own.publicKey));
    }
    call.add('crypto.random', { realm, participant: 'alice', value: media });
    call.add('crypto.cipher', {
      ...cipher,
      participant: 'alice',
      operation: 'encrypt',
      key: 'alice',
      input: media,
      inputLength: 32,
      output: left,
      outputLength: left.length,
    });
    cross('alice', 'send', left);
    if (sentByAlice) cross('alice', 'send', reached);
    cross('bob', 'receive', reached);
    call.add('crypto.cipher', {
      ...cipher,
      participant: 'bob',
      operation: 'decrypt',
      key: 'bob',
      input: reached,
      inputLength: reached.length,
      output: media,
      outputLength: 32,
    });
    const { reach, secrets } = call.known(media);
    suspect = reach.suspects(secrets[0]!);
    return reach.path(secrets[0]!);
  }
  let suspect = false;

  it('may have been handed on by a participant’s own further device', () => {
    for (const honest of [{ telephone: true }, { telephone: true, handedOn: true }, { handedOn: true }]) {
      expect(call({ swapped: true, ...honest })).toBeUndefined();
      expect(suspect).toBe(true);
    }
  });

  it('was in the hands of whoever swapped the public keys', () => {
    const path = call({ swapped: true });
    expect(path?.map(({ source }) => source.from)).toEqual(['crossing', 'crossing', 'resealed']);
    expect(isRepeatable(path!)).toBe(true);
  });

  it('was not where the public keys are the participants’ own, nor where a participant sent both sealings', () => {
    expect(call({ swapped: false })).toBeUndefined();
    expect(call({ swapped: true, sentByAlice: true })).toBeUndefined();
  });
});
