import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { noLosses } from '../media/frames.ts';
import type { EventType } from '../recording/format.ts';
import { Connections } from './connections.ts';
import { type Told, Trace } from './fixtures/trace.ts';
import { MessageMedia } from './message-media.ts';

const HEADER = Uint8Array.of(1, 2, 3, 4, 5);

class Page extends Trace {
  /** What an encoder gives. */
  chunk(body: Uint8Array, more: { encoder?: string; codec?: string; key?: boolean; timestamp?: number } = {}) {
    const { codec = 'vp8' } = more;
    const medium = codec === 'opus' ? 'audio' : 'video';
    const fields = {
      realm: 'page',
      encoder: 'e0',
      codec,
      medium,
      key: false,
      timestamp: 1000 * this.events.length,
    } as const;
    this.add('encoder.chunk', { ...fields, ...more, body });
    return body;
  }
  /** The page hands a message to its WebSocket, and the proxy sees it. */
  socket(body: Uint8Array, { crosses = true, socket = 's0' } = {}) {
    this.add('socket.message', { realm: 'page', socket, url: 'wss://meet.test/', body });
    if (crosses) this.add('ws.message', { socket: 'alice-1', direction: 'send', binary: true, body });
    return body;
  }
  channel(body: Uint8Array) {
    const fields = { realm: 'page', connection: 'c0', label: 'media', direction: 'send', binary: true } as const;
    this.add('rtc.data', { ...fields, body });
    return body;
  }
  /** Time goes on by so many ms. */
  wait(ms: number) {
    this.#later += ms;
  }
  #later = 0;
  override add<T extends EventType>(type: T, fields: Told<T>): number {
    const seq = super.add(type, fields);
    this.events[seq]!.t += this.#later;
    return seq;
  }
  media() {
    const connections = this.into(new Connections(['alice']));
    return this.into(new MessageMedia(this, connections));
  }
  /** Of each stream what it is, and its frames in hex. */
  streams() {
    return this.media()
      .streams()
      .map((stream) => ({ ...stream, data: [...stream.frames()].map(({ data }) => hex(data)) }));
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const join = (...parts: Uint8Array[]) => Buffer.concat(parts);

function sealed(frame: Uint8Array): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-128-gcm', Buffer.alloc(16), nonce);
  return join(HEADER, nonce, cipher.update(frame), cipher.final(), cipher.getAuthTag());
}

/** So many that most of an encoder's frames went that way. */
const ENOUGH = 25;
const many = <T>(act: (index: number) => T): T[] => Array.from({ length: ENOUGH }, (_, index) => act(index));

describe('media in messages', () => {
  it('of a WebSocket is a stream that went to the provider', () => {
    const page = new Page();
    const messages = many((index) => page.socket(sealed(page.chunk(randomBytes(200 + index)))));
    const [stream, ...others] = page.streams();
    expect(others).toEqual([]);
    expect(stream).toMatchObject({ participant: 'alice', medium: 'video', codec: 'VP8', carrier: 'websocket' });
    expect(stream).toMatchObject({ route: 'provider', packets: ENOUGH, data: messages.map(hex) });
    // No SSRC of RTP, which has 32 bits.
    expect(stream!.ssrc).toBeGreaterThan(0xffffffff);
  });

  it('of a data channel goes where the connection goes', () => {
    const page = new Page();
    many(() => page.channel(sealed(page.chunk(randomBytes(200)))));
    expect(page.streams()).toMatchObject([{ carrier: 'data channel', route: 'unknown' }]);
  });

  it('names the frames from before they were sealed, and the messages that came of them', () => {
    const page = new Page();
    const frame = page.chunk(randomBytes(300), { key: true, timestamp: 2_000_000 });
    const message = page.socket(sealed(frame));
    many(() => page.socket(sealed(page.chunk(randomBytes(200)))));
    const [stream] = page.media().streams();
    const [first] = [...stream!.frames()];
    expect(first).toMatchObject({ timestamp: 180_000, key: true });
    const { before, after } = stream!.leaving.get(180_000)!;
    expect([before, after].map((body) => hex(page.body(body!)))).toEqual([hex(frame), hex(message)]);
    expect(stream!.message!(180_000)).toMatchObject({ offset: 0, length: message.length });
  });

  it('in clear is the frame alone, without what the application puts around it', () => {
    const page = new Page();
    const frames = many((index) => page.chunk(randomBytes(100), { timestamp: index * 1_000_000 }));
    const clear = new Page();
    for (const [index, frame] of frames.entries()) {
      clear.chunk(frame, { timestamp: index * 1_000_000 });
      clear.socket(join(HEADER, frame, HEADER));
    }
    const [stream] = clear.media().streams();
    expect([...stream!.frames()].map(({ data }) => hex(data))).toEqual(frames.map(hex));
    expect(stream!.message!(0)).toMatchObject({ offset: HEADER.length, length: 100 });
    const { before, after } = stream!.leaving.get(0)!;
    expect(after).toEqual(before);
  });

  it('is lost where the proxy did not see it, and its bytes then account for nothing', () => {
    const page = new Page();
    many(() => page.socket(sealed(page.chunk(randomBytes(200)))));
    const bytes = page.media().bytes('alice');
    page.socket(sealed(page.chunk(randomBytes(100_000))), { crosses: false });
    const losses = noLosses();
    const media = page.media();
    expect([...media.streams()[0]!.frames(losses)]).toHaveLength(ENOUGH);
    expect(losses.incomplete).toBe(1);
    expect(media.bytes('alice')).toBe(bytes);
  });

  it('accounts for frames, nonces, tags and short headers; what else a message holds is more', () => {
    const page = new Page();
    many(() => page.socket(sealed(page.chunk(randomBytes(200)))));
    expect(page.media().bytes('alice')).toBe(ENOUGH * (HEADER.length + 12 + 200 + 16));
    const full = new Page();
    many(() => full.socket(join(sealed(full.chunk(randomBytes(200))), randomBytes(90))));
    expect(full.media().bytes('alice')).toBe(ENOUGH * (200 + 40));
  });

  it('of two encoders on one socket is two streams', () => {
    const page = new Page();
    const data = { video: [] as string[], audio: [] as string[] };
    many((index) => {
      const video = page.chunk(randomBytes(200 + index * 3), { encoder: 'e0' });
      const audio = page.chunk(randomBytes(60 + index), { encoder: 'e1', codec: 'opus' });
      data.video.push(hex(page.socket(sealed(video))));
      data.audio.push(hex(page.socket(sealed(audio))));
    });
    const streams = page.streams();
    expect(Object.fromEntries(streams.map((stream) => [stream.medium, stream.data]))).toEqual(data);
    expect(streams.map(({ codec }) => codec).sort()).toEqual(['VP8', 'opus']);
  });

  it('that goes several ways is a stream of each', () => {
    const page = new Page();
    many(() => {
      const frame = page.chunk(randomBytes(200));
      page.socket(sealed(frame), { socket: 's0' });
      page.socket(sealed(frame), { socket: 's1' });
    });
    expect(page.streams()).toHaveLength(2);
  });

  it('finds its place again where frames were not sent for a while', () => {
    const page = new Page();
    const expected = new Map<string, string>();
    const send = () => {
      const frame = page.chunk(randomBytes(100), { codec: 'opus' });
      expected.set(hex(page.socket(sealed(frame))), hex(frame));
    };
    many(send);
    // All of one length, so that nothing but time tells.
    for (let index = 0; index < 50; index++, page.wait(20)) page.chunk(randomBytes(100), { codec: 'opus' });
    many(send);
    const [stream] = page.media().streams();
    const matched = [...stream!.leaving].map(([, { before, after }]) =>
      [before!, after!].map((one) => hex(page.body(one))),
    );
    expect(matched.map(([before, after]) => [after, before])).toEqual([...expected]);
  });

  it('keeps frames apart to which the page gave one time', () => {
    const page = new Page();
    const frames = many(() => page.chunk(randomBytes(100), { timestamp: 0 }));
    const clear = new Page();
    for (const frame of frames) clear.socket(join(HEADER, clear.chunk(frame, { timestamp: 0 })));
    const [stream] = clear.media().streams();
    const seen = [...stream!.frames()].map(({ timestamp, data }) => {
      const { body, offset, length } = stream!.message!(timestamp);
      return [hex(data), hex(clear.body(body).subarray(offset, offset + length))];
    });
    expect(seen).toEqual(frames.map((frame) => [hex(frame), hex(frame)]));
  });

  it('is nothing that no encoder gave: other messages are let be', () => {
    const page = new Page();
    page.socket(randomBytes(200));
    page.chunk(randomBytes(200));
    page.socket(randomBytes(150));
    page.socket(randomBytes(1000));
    const media = page.media();
    expect(media.streams()).toEqual([]);
    expect(media.bytes('alice')).toBe(0);
  });

  it('is no heartbeat that is about as long as a frame, on a way of its own', () => {
    const page = new Page();
    for (let second = 0; second < ENOUGH; second++) {
      for (let index = 0; index < 50; index++)
        page.socket(sealed(page.chunk(randomBytes(100), { codec: 'opus' })), { socket: 's0' });
      page.socket(Buffer.alloc(170, 'beat'), { socket: 's1' });
    }
    expect(page.streams()).toMatchObject([{ packets: 50 * ENOUGH }]);
  });

  it('is told from other messages by its bytes', () => {
    const page = new Page();
    const messages = many(() => page.socket(sealed(page.chunk(randomBytes(200)))));
    page.socket(randomBytes(1000));
    expect(page.media().carrying()).toEqual(
      new Set(messages.map((message) => createHash('sha256').update(message).digest('hex'))),
    );
  });

  it('of a codec that is not read has no frames', () => {
    const page = new Page();
    many(() => page.socket(sealed(page.chunk(randomBytes(200), { codec: 'avc1.42001f' }))));
    expect(page.media().streams()).toMatchObject([{ codec: undefined }]);
  });
});
