import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Crossing, Crossings } from './crossings.ts';
import { Trace } from './fixtures/trace.ts';
import { Lineage } from './lineage.ts';
import { Reach, type ReachStep } from './reach.ts';

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
    return this.add('crypto.derive', { realm, base, key, salt, algorithm: { name: 'HKDF', hash: 'SHA-256' } });
  }
  encrypt(key: string, input: Uint8Array, output: Uint8Array): number {
    const lengths = { inputLength: input.length, outputLength: output.length };
    const algorithm = { name: 'AES-GCM' };
    return this.add('crypto.cipher', {
      realm,
      operation: 'encrypt',
      key,
      algorithm,
      input,
      output,
      ...lengths,
      ok: true,
    });
  }
  /** How the provider comes to a value. */
  path(bytes: Uint8Array): ReachStep[] | undefined {
    const lineage = this.into(new Lineage(this));
    const secret = lineage.secrets.get(sha256(bytes).toString('hex'))!;
    return new Reach(lineage, this.into(new Crossings(this)).all).path(secret);
  }
}
const evidence = (path: ReachStep[] | undefined) => path?.map((step) => step.evidence);

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
      text: 'alice was sent it in the clear (base64) in the reply to POST https://meet.example/join',
      evidence: [reply],
      crossing: { direction: 'receive' },
    });
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
      'alice sent it in the clear (hex) in a message to a WebSocket',
      'HKDF with SHA-256 gives the next value',
    ]);
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
      const lineage = call.into(new Lineage(call));
      const reach = new Reach(lineage, call.into(new Crossings(call)).all);
      // One after the other, so that what was decided on the way to one must be right for the next.
      for (const [index, bytes] of circle.entries()) {
        const path = reach.path(lineage.secrets.get(sha256(bytes).toString('hex'))!);
        expect(path?.length).toBe(way === undefined ? undefined : 1 + ((index - way + 3) % 3));
      }
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

describe('undecoded', () => {
  it('names what could not be examined', () => {
    const call = new Call();
    call.add('http.request', { exchange: 'e', method: 'GET', url: 'https://meet.example/', version: '2', headers: [] });
    call.add('http.response', { exchange: 'e', status: 200, headers: [['content-encoding', 'compress']] });
    call.add('http.body', { exchange: 'e', of: 'response', body: utf8('anything'), last: true });
    const crossings: Crossing[] = call.into(new Crossings(call)).all;
    const reach = new Reach(call.into(new Lineage(call)), crossings);
    expect(reach.undecoded()).toEqual([crossings[2]]);
  });
});
