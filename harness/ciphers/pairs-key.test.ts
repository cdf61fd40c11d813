import { hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aead, aes, audio, be, KEY, le, noise, type Seal, sealed, video } from './fixtures/frames.ts';
import { identify, type OpenedForm } from './identify.ts';
import { seal as sframe } from './schemes/sframe.ts';

const frames = video(150, { flat: true });
const K16 = KEY.subarray(0, 16);

/** How the key opens delta frames, or audio: the commonest form of them. */
function opened(seal: Seal, key: Uint8Array = K16, all = frames): OpenedForm | undefined {
  return identify(sealed(all, seal), key).layouts.find((layout) => !layout.key)!.forms[0]!.opened;
}

const random = (i: number, bytes = 12) => noise(`iv ${i}`, bytes);
const trailed =
  (tag: number): Seal =>
  (rest, i, aad) =>
    Buffer.concat([aead('aes-128-gcm', random(i), rest, { aad, tag }), random(i), Buffer.from([12, 0])]);

describe('a key', () => {
  it.each([16, 12, 8, 4])('shows AES-GCM with a tag of %i bytes, its place and that of a random nonce', (tag) => {
    expect(opened(trailed(tag))).toEqual({
      frames: 145,
      of: 145,
      cipher: { algorithm: 'AES', mode: 'GCM', keyBits: 128, tagBits: 8 * tag },
      header: 0,
      nonce: {
        length: 12,
        behaviour: 'random',
        distinct: 145,
        stated: { from: 'end', offset: 14, length: 12, salted: false },
      },
      tag: { from: 'end', offset: 14 + tag, length: tag, additional: 'prefix' },
    });
  });

  it('shows a tag that stands in front', () => {
    const seal: Seal = (rest, i) => {
      const out = aead('aes-128-gcm', random(i), rest);
      return Buffer.concat([random(i), out.subarray(rest.length), out.subarray(0, rest.length)]);
    };
    expect(opened(seal)).toMatchObject({
      header: 28,
      tag: { from: 'header', offset: 12, length: 16, additional: 'nothing' },
      nonce: { stated: { from: 'header', offset: 0, length: 12 } },
    });
  });

  it('shows CTR under a constant or a counting nonce, wherever that is stated', () => {
    const fixed = opened((rest) => aes('ctr', random(0, 16), rest));
    expect(fixed).toMatchObject({ cipher: { mode: 'CTR', tagBits: 0 }, nonce: { behaviour: 'constant', distinct: 1 } });
    expect(fixed!.nonce!.stated).toBeUndefined();
    const iv = (i: number) => Buffer.concat([be(70_000 + i, 8), Buffer.alloc(8)]);
    const counting = opened((rest, i) => Buffer.concat([iv(i), aes('ctr', iv(i), rest)]));
    expect(counting).toMatchObject({ header: 16, tag: undefined, nonce: { length: 16, behaviour: 'counter' } });
    expect(counting!.nonce!.stated).toEqual({ from: 'header', offset: 0, length: 16, salted: false });
  });

  it('shows CTR where a tag beside it is of another key, as in Signal', () => {
    const iv = (i: number) => Buffer.concat([be(2 ** 24 + i, 8), Buffer.alloc(8)]);
    const seal: Seal = (rest, i) =>
      Buffer.concat([aes('ctr', iv(i), rest, KEY), Buffer.of(7), iv(i).subarray(4, 8), noise(`mac ${i}`, 16)]);
    expect(opened(seal, KEY, audio(150))).toMatchObject({
      frames: 143, // seven are silence, too short to show a block
      of: 150,
      cipher: { algorithm: 'AES', mode: 'CTR', keyBits: 256, tagBits: 0 },
      nonce: { behaviour: 'counter', stated: { from: 'end', offset: 20, length: 4 } },
      tag: undefined,
    });
  });

  it('shows CBC and its IV, and ECB', () => {
    const cbc = opened((rest, i) => Buffer.concat([random(i, 16), aes('cbc', random(i, 16), rest)]));
    expect(cbc).toMatchObject({
      cipher: { mode: 'CBC', keyBits: 128, tagBits: 0 },
      header: 16,
      nonce: { length: 16, behaviour: 'random', stated: { from: 'header', offset: 0, length: 16 } },
    });
    expect(opened((rest) => aes('ecb', null, rest))).toMatchObject({ cipher: { mode: 'ECB' }, nonce: undefined });
  });

  it("shows a padded AES-GCM as CTR, since the tag covers a padding that isn't known", () => {
    const seal: Seal = (rest, i) =>
      aead('aes-128-gcm', random(i), Buffer.concat([rest, Buffer.alloc(16 - (rest.length % 16))]));
    const found = identify(sealed(frames, seal), K16);
    expect(found.kind).toBe('cbc-like');
    expect(found.layouts[1]!.forms[0]!.opened).toMatchObject({ cipher: { mode: 'CTR' }, tag: undefined });
  });

  it('shows ChaCha20-Poly1305 with the parts of its nonce that frames state', () => {
    const whole: Seal = (rest, i) => Buffer.concat([aead('chacha20-poly1305', random(i), rest), random(i)]);
    const cipher = { algorithm: 'ChaCha20', mode: 'Poly1305', keyBits: 256, tagBits: 128 };
    expect(opened(whole, KEY)).toMatchObject({
      cipher,
      nonce: { behaviour: 'random', stated: { from: 'end', offset: 12, length: 12 } },
      tag: { offset: 28, length: 16, additional: 'nothing' },
    });
    const counting: Seal = (rest, i, aad) => {
      const nonce = Buffer.concat([Buffer.alloc(4), le(500 + i, 8)]);
      return Buffer.concat([nonce.subarray(4), aead('chacha20-poly1305', nonce, rest, { aad })]);
    };
    expect(opened(counting, KEY)).toMatchObject({
      cipher,
      header: 8,
      nonce: { behaviour: 'counter', stated: { from: 'header', offset: 0, length: 8 } },
      tag: { additional: 'prefix' },
    });
  });

  it("shows that SFrame's nonce is the counter with a salt, and what its tag covers", () => {
    const baseKey = noise('base', 16);
    const label = Buffer.concat([Buffer.from('SFrame 1.0 Secret key '), be(9, 8), be(4, 2)]);
    const key = new Uint8Array(hkdfSync('sha256', baseKey, new Uint8Array(), label, 16));
    const seal: Seal = (rest, i, prefix) =>
      sframe(Buffer.concat([prefix, rest]), {
        suite: 4,
        baseKey,
        keyId: 9n,
        counter: BigInt(450 + i),
        clearPrefix: prefix.length,
      }).subarray(prefix.length);
    expect(opened(seal, key)).toMatchObject({
      cipher: { mode: 'GCM', tagBits: 128 },
      header: 4,
      nonce: { length: 12, behaviour: 'counter', stated: { from: 'header', offset: 2, length: 2, salted: true } },
      tag: { additional: 'header, prefix' },
    });
  });

  it('shows a random nonce that comes again', () => {
    const seal: Seal = (rest, i) => Buffer.concat([random(i % 100), aead('aes-128-gcm', random(i % 100), rest)]);
    expect(opened(seal)!.nonce).toMatchObject({ behaviour: 'repeated', distinct: 98 });
  });

  it('opens only the frames that are sealed with it', () => {
    const other: Seal = (rest, i) =>
      Buffer.concat([random(i), aes('ctr', random(i, 16), rest, KEY), noise(`${i}`, 16)]);
    const seal: Seal = (rest, i) =>
      i % 3 ? Buffer.concat([random(i), aead('aes-128-gcm', random(i), rest)]) : other(rest, i, rest);
    expect(opened(seal)).toMatchObject({ frames: 100, of: 145, tag: { length: 16 } });
  });
});

describe('what opens nothing', () => {
  it.each([16, 24, 32])('is another key of %i bytes', (length) => {
    expect(opened(trailed(16), noise('another', length))).toBeUndefined();
  });

  it('is one whose length no cipher has, and none', () => {
    expect(opened(trailed(16), KEY.subarray(0, 20))).toBeUndefined();
    expect(opened(trailed(16), new Uint8Array())).toBeUndefined();
    expect(identify(sealed(frames, trailed(16))).layouts[1]!.forms[0]!.opened).toBeUndefined();
  });

  it('is the right one where a byte of the frame is changed', () => {
    const all = sealed(frames, trailed(16)).map(({ after, ...pair }) => {
      const changed = Buffer.from(after);
      changed[changed.length - 50]! ^= 1;
      return { ...pair, after: changed };
    });
    expect(identify(all, K16).layouts[1]!.forms[0]!.opened).toBeUndefined();
  });

  it('never makes it throw', () => {
    const pair = fc.record({
      medium: fc.constant('video' as const),
      key: fc.constant(false),
      before: fc.uint8Array({ minLength: 1, maxLength: 40, max: 3 }),
      after: fc.uint8Array({ maxLength: 80, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 20 }), fc.constantFrom(0, 16, 32, 33), (pairs, length) => {
        const { layouts } = identify(pairs, new Uint8Array(length));
        expect(layouts.flatMap(({ forms }) => forms).every((form) => form.opened === undefined)).toBe(true);
      }),
    );
  });
});
