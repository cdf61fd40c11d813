import { describe, expect, it } from 'vitest';
import { deriveKey, encrypt } from '../../scenarios/specimens/sealed/sframe.ts';
import {
  aead,
  aes,
  audio,
  be,
  type Frame,
  le,
  noise,
  prefixOf,
  type Seal,
  sealed,
  timestamp,
  video,
} from './fixtures/frames.ts';
import { type Form, type FramePair, identify } from './identify.ts';

const frames = video(150);
const SSRC = be(0xc0ffee11, 4);

/** Forms of delta frames, or of audio. */
function forms(pairs: FramePair[]): readonly Form[] {
  return identify(pairs).layouts.find(({ key }) => !key)!.forms;
}

/** Jitsi's and LiveKit's frame: nonce, its length and a key index at the end (see gcm.ts). */
const trailed =
  (nonce: (i: number) => Buffer, index = (_: number) => 3): Seal =>
  (rest, i, aad) =>
    Buffer.concat([aead('aes-128-gcm', nonce(i), rest, { aad }), nonce(i), Buffer.from([12, index(i)])]);
const jitsi = (medium: Frame['medium']) => (i: number) =>
  Buffer.concat([SSRC, be(timestamp(i, medium), 4), be((40_000 + i) % 0xffff, 4)]);
/** The third word is the timestamp less the count. */
const livekit = (medium: Frame['medium']) => (i: number) =>
  Buffer.concat([SSRC, be(timestamp(i, medium), 4), be(timestamp(i, medium) - ((40_000 + i) % 0xffff), 4)]);

/** DAVE's (discord/dave-protocol, protocol.md): tag of 8 bytes, nonce in ULEB128, clear ranges, size, marker. */
const dave: Seal = (rest, i, aad) => {
  const nonce = i < 128 ? [i] : [(i & 127) | 128, i >> 7];
  const supplement = [...nonce, 0, aad.length, 8 + nonce.length + 5, 0xfa, 0xfa];
  const iv = Buffer.concat([Buffer.alloc(8), le(i, 4)]);
  return Buffer.concat([aead('aes-128-gcm', iv, rest, { aad, tag: 8 }), Buffer.from(supplement)]);
};

async function sframe(kid: number, first: number, all = frames): Promise<FramePair[]> {
  const key = await deriveKey(noise('base', 32), kid);
  return Promise.all(
    all.map(async (frame, i) => {
      const prefix = frame.before.subarray(0, prefixOf(frame));
      const rest = await encrypt(key, first + i, prefix, frame.before.subarray(prefix.length));
      return { ...frame, after: Buffer.concat([prefix, rest]) };
    }),
  );
}

describe('a nonce behind the ciphertext', () => {
  it.each([
    ['video', frames],
    ['audio', audio(200)],
  ] as const)("is told of Jitsi's frame: constant, timestamp, counter, constant; %s", (medium, all) => {
    const [form, ...others] = forms(sealed(all, trailed(jitsi(medium))));
    expect(others).toEqual([]);
    expect(form).toMatchObject({ overhead: 30, unexplained: 16 });
    expect(form!.fields.map(({ behaviour }) => behaviour)).toEqual([
      'constant', // SSRC, and the top of the timestamp
      'counter',
      'constant',
      'counter',
      'constant', // 12, key index
    ]);
    expect(form!.fields[0]).toMatchObject({ from: 'end', offset: 14, length: 5 });
    expect(form!.fields[3]).toMatchObject({ step: 1 });
    expect(form!.nonce).toMatchObject({ from: 'end', offset: 9, length: 7, behaviour: 'counter' });
    expect(form!.nonce!.adjoining).toEqual({ before: 5, after: 2 });
  });

  it("is told of LiveKit's, whose last word runs backwards against the timestamp", () => {
    const [form] = forms(sealed(audio(200), trailed(livekit('audio'))));
    expect(form).toMatchObject({ overhead: 30, unexplained: 16, nonce: { from: 'end', offset: 9, length: 7 } });
    const steps = form!.fields.flatMap((field) => (field.behaviour === 'counter' ? [field.step] : []));
    expect(steps).toEqual([960, 959]);
  });

  it('leaves a key index that changes once beside it', () => {
    const [form] = forms(
      sealed(
        frames,
        trailed(jitsi('video'), (i) => (i < 80 ? 3 : 4)),
      ),
    );
    expect(form).toMatchObject({ overhead: 30, unexplained: 16 });
    expect(form!.fields.at(-1)).toEqual({ from: 'end', offset: 1, length: 1, behaviour: 'repeated' });
  });

  it("is told of a trailer like DAVE's, whose length grows with the nonce", () => {
    const all = forms(sealed(frames, dave));
    expect(all).toMatchObject([
      { overhead: 14, frames: 123, unexplained: 8, nonce: { from: 'end', offset: 6, length: 1, behaviour: 'counter' } },
      { overhead: 15, frames: 22, unexplained: 8, nonce: { from: 'end', offset: 7, length: 1, behaviour: 'counter' } },
    ]);
    expect(all[0]!.fields.at(-1)).toMatchObject({ value: Uint8Array.of(0, 3, 14, 0xfa, 0xfa) });
  });

  it('is not told from a tag where it is random', () => {
    const [form] = forms(
      sealed(
        frames,
        trailed((i) => noise(`iv ${i}`, 12)),
      ),
    );
    expect(form).toMatchObject({ unexplained: 28, nonce: undefined });
    expect(form!.fields).toMatchObject([{ from: 'end', offset: 2, length: 2, behaviour: 'constant' }]);
  });

  it('is told where random ones are used twice', () => {
    const found = identify(
      sealed(
        frames,
        trailed((i) => noise(`iv ${i === 41 ? 7 : i}`, 12)),
      ),
    );
    expect(found.kind).toBe('keystream-reuse');
    const [form] = found.layouts[1]!.forms;
    expect(form).toMatchObject({
      unexplained: 16,
      nonce: { offset: 14, length: 12, behaviour: 'repeated', distinct: 144 },
    });
  });
});

describe('a nonce before the ciphertext', () => {
  it.each([16, 12, 8])('is told where it counts, and leaves room for a tag of %i bytes', (tag) => {
    const seal: Seal = (rest, i) =>
      Buffer.concat([be(200 + i, 12), aead('aes-128-gcm', be(200 + i, 12), rest, { tag })]);
    const [form] = forms(sealed(frames, seal));
    expect(form).toMatchObject({ overhead: 12 + tag, unexplained: tag });
    expect(form!.nonce).toMatchObject({ from: 'header', offset: 10, length: 2, behaviour: 'counter' });
    expect(form!.nonce!.adjoining).toEqual({ before: 10, after: 0 });
    expect(form!.fields.at(-1)).toMatchObject({ byteOrder: 'big-endian', step: 1 });
  });

  it('is told in little-endian order, and in steps of 7', () => {
    const nonce = (i: number) => Buffer.concat([Buffer.alloc(4), le(1000 + 7 * i, 8)]);
    const seal: Seal = (rest, i) => Buffer.concat([nonce(i).subarray(4), aead('chacha20-poly1305', nonce(i), rest)]);
    const [form] = forms(sealed(audio(150), seal));
    expect(form).toMatchObject({ overhead: 24, unexplained: 16, nonce: { from: 'header', offset: 0, length: 2 } });
    expect(form!.fields[0]).toMatchObject({ byteOrder: 'little-endian', step: 7 });
  });

  it('is called constant where all frames share one keystream', () => {
    const iv = noise('iv', 16);
    const [form] = forms(sealed(frames, (rest) => Buffer.concat([iv, aes('ctr', iv, rest)])));
    expect(form).toMatchObject({
      unexplained: 0,
      nonce: { from: 'header', offset: 0, length: 16, behaviour: 'constant' },
    });
  });

  it('is called repeated where its counter starts again', () => {
    const seal: Seal = (rest, i) => Buffer.concat([be(i % 80, 4), aead('aes-128-gcm', be(i % 80, 12), rest)]);
    const [form] = forms(sealed(frames, seal));
    expect(form).toMatchObject({
      unexplained: 16,
      nonce: { offset: 3, length: 1, behaviour: 'repeated', distinct: 80 },
    });
  });
});

describe("SFrame's header", () => {
  it('is told by its length, which the counter decides: one form for each', async () => {
    expect(forms(await sframe(5, 10))).toMatchObject([{ overhead: 18, frames: 145 }]);
    const all = forms(await sframe(5, 200));
    expect(all).toMatchObject([
      {
        overhead: 19,
        frames: 91,
        unexplained: 16,
        nonce: { from: 'header', offset: 2, length: 1, behaviour: 'counter' },
      },
      {
        overhead: 18,
        frames: 54,
        unexplained: 16,
        nonce: { from: 'header', offset: 1, length: 1, behaviour: 'counter' },
      },
    ]);
  });

  it('keeps its key id beside the counter', async () => {
    const [form] = forms(await sframe(0x1234, 450));
    expect(form).toMatchObject({
      overhead: 21,
      unexplained: 16,
      nonce: { offset: 3, length: 2, behaviour: 'counter' },
    });
    expect(form!.fields[0]).toMatchObject({ length: 3, value: Uint8Array.of(0x99, 0x12, 0x34) });
  });
});

describe('forms', () => {
  it('are told of few key frames together with the others, if both grow alike', () => {
    const found = identify(sealed(frames, trailed(jitsi('video'))));
    expect(found.layouts).toMatchObject([
      { key: true, clearPrefix: 10, forms: [{ frames: 5, unexplained: 16, nonce: { offset: 9, of: 150 } }] },
      { key: false, clearPrefix: 3, forms: [{ frames: 145, unexplained: 16, nonce: { offset: 9, of: 145 } }] },
    ]);
  });

  it('have no fields where too few frames grow alike', () => {
    const seal: Seal = (rest, i) =>
      Buffer.concat([trailed(jitsi('video'))(rest, i, Buffer.alloc(0)), Buffer.alloc(i < 8 ? 5 : 0)]);
    const odd = forms(sealed(frames, seal)).find(({ overhead }) => overhead === 35);
    expect(odd).toMatchObject({ frames: 7, fields: [], unexplained: undefined });
  });

  it('are nothing but lengths where the output is related to the input', () => {
    const found = identify(
      sealed(frames, (rest) => Buffer.concat([rest.map((byte) => byte + 77), Buffer.alloc(9, 5)])),
    );
    expect(found.kind).toBe('unknown');
    expect(found.layouts[1]!.forms).toMatchObject([{ overhead: 9, fields: [], unexplained: undefined }]);
  });

  it("hold the trailer of libwebrtc's sample, whose key the relation shows", () => {
    const seal: Seal = (rest) =>
      Buffer.concat([rest.map((byte, i) => byte ^ (i % 5)), Buffer.from('05deadbeef', 'hex')]);
    const [form] = forms(sealed(frames, seal));
    expect(form).toMatchObject({ overhead: 5, unexplained: 0, fields: [{ from: 'end', offset: 5, length: 5 }] });
  });
});
