import { createHash, hkdfSync, pbkdf2Sync, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Trace } from './fixtures/trace.ts';
import { Lineage } from './lineage.ts';
import { waist } from './waist.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));
const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest());
const hkdf = (base: Uint8Array, length: number, salt = new Uint8Array()) =>
  new Uint8Array(hkdfSync('sha256', base, salt, 'media', length));

/** What a page does with WebCrypto, as its hooks record it. */
class Page {
  readonly #trace = new Trace();

  made(value: Uint8Array): this {
    return this.#add('crypto.random', { value });
  }
  derived(base: Uint8Array, value: Uint8Array, more: object = {}): this {
    const key = Buffer.from(base).toString('hex');
    const common = { via: 'importKey', algorithm: { name: 'HKDF' }, kind: 'secret', usages: [], extractable: false };
    this.#add('crypto.key', { ...common, key, format: 'raw', material: base, input: base });
    return this.#add('crypto.derive', { base: key, algorithm: { name: 'HKDF', hash: 'SHA-256' }, value, ...more });
  }
  hashed(input: Uint8Array): this {
    const value = sha256(input);
    return this.#add('crypto.digest', { algorithm: { name: 'SHA-256' }, input, inputLength: input.length, value });
  }
  shared(value: Uint8Array): this {
    return this.#add('call.shared', { value });
  }
  waist(value: Uint8Array, joined: Uint8Array[] = []): number {
    const lineage = this.#trace.into(new Lineage(this.#trace));
    const secret = lineage.add(value, { seq: 0, participant: 'alice' });
    if (joined.length > 0) {
      const secrets = joined.map((bytes) => lineage.add(bytes, { seq: 0, participant: 'alice' }));
      const derivation = { do: 'join' } as const;
      secret.operations.push({ seq: 1, participant: '', inferred: 'sure', name: 'joining', secrets, derivation });
    }
    return waist(lineage, secret);
  }
  #add(type: Parameters<Trace['add']>[0], event: object): this {
    this.#trace.add(type, { participant: 'alice', realm: 'alice/page', ...event } as never);
    return this;
  }
}

describe('the waist of a key', () => {
  const base = random(32);

  it('is its own length, or that of what it was made of', () => {
    expect(new Page().made(base).waist(base)).toBe(32);
    expect(new Page().made(base).derived(base, hkdf(base, 16)).waist(hkdf(base, 16))).toBe(16);
    const few = random(5);
    expect(new Page().made(few).hashed(few).waist(sha256(few))).toBe(5);
  });

  it('is the length of a short value on the way, however much that was made of', () => {
    const narrow = hkdf(base, 7);
    const page = new Page().made(base).derived(base, narrow).derived(narrow, hkdf(narrow, 32));
    expect(page.waist(hkdf(narrow, 32))).toBe(7);
    // The same value in yet another way, which comes round to it.
    expect(page.hashed(hkdf(narrow, 32)).waist(sha256(hkdf(narrow, 32)))).toBe(7);
  });

  it('is not that of a salt', () => {
    const salt = random(4);
    const media = hkdf(base, 32, salt);
    expect(new Page().made(base).made(salt).derived(base, media, { salt }).waist(media)).toBe(32);
  });

  it('is that of all that was joined together', () => {
    const parts = [hkdf(base, 8), new Uint8Array(hkdfSync('sha256', base, '', 'other', 8))];
    const joined = Buffer.concat(parts);
    const page = new Page().made(base).derived(base, parts[0]!).derived(base, parts[1]!);
    expect(page.waist(joined, parts)).toBe(16);
  });

  it('does not grow by what only came from outside', () => {
    const [narrow, other] = [hkdf(base, 7), random(16)];
    expect(
      new Page()
        .made(base)
        .derived(base, narrow)
        .waist(Buffer.concat([narrow, other]), [narrow, other]),
    ).toBe(7);
    const half = sha256(base);
    expect(
      new Page()
        .made(base)
        .hashed(base)
        .waist(Buffer.concat([other, half]), [other, half]),
    ).toBe(32);
  });

  it('is the length of a passphrase that the participants share', () => {
    const passphrase = new Uint8Array(Buffer.from('correct horse battery'));
    const key = new Uint8Array(pbkdf2Sync(passphrase, 'meeting', 1000, 32, 'sha256'));
    const algorithm = { name: 'PBKDF2', hash: 'SHA-256', iterations: 1000 };
    expect(new Page().shared(passphrase).derived(passphrase, key, { algorithm }).waist(key)).toBe(21);
  });

  it('is nothing where nothing was seen being made', () => {
    expect(new Page().derived(base, hkdf(base, 32)).waist(hkdf(base, 32))).toBe(0);
  });
});
