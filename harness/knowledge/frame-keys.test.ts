import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Body, SMALL_BYTES } from '../recording/format.ts';
import { Trace } from './fixtures/trace.ts';
import { cipherOf, FrameKeys, unseal } from './frame-keys.ts';

const HEAD = Uint8Array.of(0x90, 1, 2, 3);
const TAIL = Uint8Array.of(12, 0);

class Sender extends Trace {
  encrypt(
    key: string,
    bytes: Uint8Array,
    plain: Uint8Array,
    more: { realm?: string; additionalData?: Uint8Array } = {},
  ) {
    const iv = randomBytes(12);
    const cipher = createCipheriv(`aes-${bytes.length * 8}-gcm` as 'aes-128-gcm', bytes, iv);
    if (more.additionalData) cipher.setAAD(more.additionalData);
    const output = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    const seq = this.add('crypto.cipher', {
      realm: 'worker',
      operation: 'encrypt',
      key,
      algorithm: { name: 'AES-GCM', tagLength: 128 },
      iv,
      input: plain.subarray(0, SMALL_BYTES),
      inputLength: plain.length,
      output: output.subarray(0, SMALL_BYTES),
      outputLength: output.length,
      ok: true,
      ...more,
    });
    return { output, iv, seq };
  }
  frame(
    body: Uint8Array,
    more: {
      participant?: string;
      realm?: string;
      position?: 'before' | 'after';
      direction?: 'send' | 'receive';
      timestamp?: number;
    } = {},
  ) {
    return this.add('frame', {
      realm: 'worker',
      transform: 't',
      api: 'script',
      position: 'after',
      direction: 'send',
      medium: 'video',
      ssrc: 5,
      timestamp: 3000,
      key: false,
      body,
      ...more,
    });
  }
  #followed() {
    const others: number[] = [];
    const keys = this.into(new FrameKeys(this, { see: ({ seq }) => void others.push(seq) }));
    keys.end();
    return { sealings: [...keys], others };
  }
  sealings() {
    return this.#followed().sealings.map(([frame, sealing]) => ({ frame, ...sealing }));
  }
  /** Events that are no media's. */
  others() {
    return this.#followed().others.sort((a, b) => a - b);
  }
}
const around = (sealed: Uint8Array) => Buffer.concat([HEAD, sealed, TAIL]);

describe('FrameKeys', () => {
  it.each([16, 32])('finds the key of %i bytes that sealed a frame, and where', (bytes) => {
    const sender = new Sender();
    const key = randomBytes(bytes);
    const plain = randomBytes(2000);
    const { output, iv, seq } = sender.encrypt('k', key, plain, { additionalData: HEAD });
    const frame = sender.frame(around(output), { timestamp: 6000 });
    const [sealing, ...more] = sender.sealings();
    expect(more).toEqual([]);
    expect(sealing).toEqual({
      frame: { participant: 'alice', ssrc: 5, timestamp: 6000 },
      evidence: [seq, frame],
      key: 'k',
      algorithm: { name: 'AES-GCM', tagLength: 128 },
      nonce: new Uint8Array(iv),
      additionalData: new Uint8Array(HEAD),
      offset: HEAD.length,
      length: 2016,
    });
    expect(cipherOf(sealing!, key)).toEqual({ algorithm: 'AES', mode: 'GCM', keyBits: bytes * 8, tagBits: 128 });
    expect(Buffer.from(unseal(around(output), sealing!, key)!).equals(plain)).toBe(true);
  });

  it('matches each frame with its own call, in whatever order they come', () => {
    const sender = new Sender();
    const key = randomBytes(16);
    const outputs = [1, 2, 3, 4].map(() => sender.encrypt('k', key, randomBytes(100)));
    const order = [2, 0, 3, 1];
    const frames = order.map((index) => sender.frame(around(outputs[index]!.output), { timestamp: index }));
    expect(sender.sealings().map(({ evidence, frame }) => [evidence, frame.timestamp])).toEqual(
      order.map((index, at) => [[outputs[index]!.seq, frames[at]], index]),
    );
  });

  it.each<[string, (sender: Sender, sealed: Uint8Array) => void]>([
    ['is not sealed', (sender) => sender.frame(randomBytes(300))],
    ['is shorter than what was sealed', (sender, sealed) => sender.frame(sealed.subarray(0, -1))],
    [
      'has one byte altered',
      (sender, sealed) => sender.frame(around(sealed.map((byte, at) => (at === 50 ? byte ^ 1 : byte)))),
    ],
    ['is of another participant', (sender, sealed) => sender.frame(around(sealed), { participant: 'bob' })],
    ['has not left yet', (sender, sealed) => sender.frame(around(sealed), { position: 'before' })],
    ['was received', (sender, sealed) => sender.frame(around(sealed), { direction: 'receive' })],
  ])('matches no frame that %s', (_, frame) => {
    const sender = new Sender();
    const { output } = sender.encrypt('k', randomBytes(16), randomBytes(300));
    frame(sender, output);
    expect(sender.sealings()).toEqual([]);
  });

  it('meets a call that another realm made, and that was recorded after its frame', () => {
    const sender = new Sender();
    const later = new Sender();
    const { output } = later.encrypt('k', randomBytes(16), randomBytes(300));
    sender.frame(around(output), { realm: 'page' });
    sender.encrypt('other', randomBytes(16), randomBytes(300));
    sender.add('crypto.cipher', {
      ...{ realm: 'worker', operation: 'encrypt', key: 'k', algorithm: { name: 'AES-GCM' }, ok: true },
      ...{ input: new Uint8Array(1), inputLength: 300, output, outputLength: output.length },
    });
    expect(sender.sealings()).toMatchObject([{ key: 'k', offset: HEAD.length, length: output.length }]);
  });

  it('takes for the frame of a message only a call that sealed what the encoder gave', () => {
    for (const isIt of [true, false]) {
      const sender = new Sender();
      const frame = randomBytes(300);
      const { output } = sender.encrypt('k', randomBytes(16), frame);
      sender.frame(around(output));
      const encoded = new Sender();
      encoded.frame(isIt ? frame : randomBytes(300));
      const { body } = encoded.events[0] as { body: Body };
      const bodies = { body: (one: Body) => (one === body ? encoded : sender).body(one) };
      const keys = new FrameKeys(bodies);
      keys.see(sender.events[0]!);
      keys.see(sender.events[1]!, body);
      expect([...keys]).toHaveLength(isIt ? 1 : 0);
    }
  });

  it('passes on all ciphers but those of frames that leave or arrive', () => {
    const sender = new Sender();
    const key = randomBytes(16);
    const sealedKey = sender.encrypt('k', key, randomBytes(32));
    const left = sender.encrypt('k', key, randomBytes(100));
    const frame = sender.frame(around(left.output));
    const arrived = sender.frame(around(sealedKey.output), { position: 'before', direction: 'receive' });
    const opened = {
      realm: 'worker',
      operation: 'decrypt',
      key: 'k',
      algorithm: { name: 'AES-GCM' },
      ok: true,
    } as const;
    const lengths = { inputLength: 48, outputLength: 32 };
    sender.add('crypto.cipher', { ...opened, ...lengths, input: sealedKey.output, output: randomBytes(32) });
    const other = sender.add('crypto.cipher', {
      ...opened,
      ...lengths,
      input: randomBytes(48),
      output: randomBytes(32),
    });
    expect(sender.others()).toEqual([sealedKey.seq, frame, arrived, other]);
  });

  it('matches nothing by an output that is too short, or recorded as empty', () => {
    const sender = new Sender();
    const algorithm = { name: 'AES-CTR' };
    const common = {
      realm: 'worker',
      operation: 'encrypt',
      key: 'k',
      algorithm,
      input: HEAD,
      inputLength: 4,
      ok: true,
    } as const;
    sender.add('crypto.cipher', { ...common, output: HEAD, outputLength: 4 });
    sender.add('crypto.cipher', { ...common, output: new Uint8Array(), outputLength: 100 });
    sender.frame(Buffer.concat([HEAD, randomBytes(200)]));
    expect(sender.sealings()).toEqual([]);
  });
});

describe('unseal', () => {
  const key = randomBytes(16);
  const plain = randomBytes(2000);
  function sealed() {
    const sender = new Sender();
    const { output } = sender.encrypt('k', key, plain);
    const frame = around(output);
    sender.frame(frame);
    return { frame, sealing: sender.sealings()[0]! };
  }

  it('refuses a frame that was altered beyond the bytes that were recorded of the call', () => {
    const { frame, sealing } = sealed();
    for (const at of [HEAD.length + SMALL_BYTES, HEAD.length + 1500, frame.length - TAIL.length - 1]) {
      const altered = Buffer.from(frame);
      altered[at]! ^= 1;
      // Such a frame still matches the call: that the key seals all of it is what unseal proves.
      expect(unseal(altered, sealing, key)).toBeUndefined();
    }
    expect(unseal(frame, sealing, key)).toBeDefined();
  });

  it('refuses another key, another nonce, other additional data, and a frame that is cut off', () => {
    const { frame, sealing } = sealed();
    expect(unseal(frame, sealing, randomBytes(16))).toBeUndefined();
    expect(unseal(frame, sealing, randomBytes(7))).toBeUndefined();
    expect(unseal(frame, { ...sealing, nonce: randomBytes(12) }, key)).toBeUndefined();
    expect(unseal(frame, { ...sealing, nonce: undefined }, key)).toBeUndefined();
    expect(unseal(frame, { ...sealing, additionalData: HEAD }, key)).toBeUndefined();
    expect(unseal(frame.subarray(0, 100), sealing, key)).toBeUndefined();
  });

  it('never throws on an algorithm that makes no sense', () => {
    const { frame, sealing } = sealed();
    for (const algorithm of [
      {},
      { name: 'RSA-OAEP' },
      { name: 'AES-GCM', tagLength: 'x' },
      { name: 'AES-GCM', tagLength: -8 },
    ])
      expect(unseal(frame, { ...sealing, algorithm }, key)).toBeUndefined();
  });

  it.each(['CTR', 'CBC'])('opens AES-%s', (mode) => {
    const nonce = randomBytes(16);
    const cipher = createCipheriv(`aes-128-${mode.toLowerCase()}`, key, nonce);
    const output = Buffer.concat([cipher.update(plain), cipher.final()]);
    const sealing = { ...sealed().sealing, algorithm: { name: `AES-${mode}` }, nonce, length: output.length };
    expect(Buffer.from(unseal(around(output), sealing, key)!).equals(plain)).toBe(true);
    expect(cipherOf(sealing, key)).toMatchObject({ mode, tagBits: 0 });
  });
});
