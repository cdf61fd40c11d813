import { describe, expect, it } from 'vitest';
import { noLosses } from '../media/frames.ts';
import { Connections } from './connections.ts';
import { Trace } from './fixtures/trace.ts';
import { MediaView } from './media-view.ts';

const SERVER = 'AA:00';
const prints: Record<string, string> = { alice: 'AA:01', bob: 'AA:02' };

function sdp(fingerprint: string, ssrcs: { audio?: number; video?: number } = {}): string {
  const section = (medium: 'audio' | 'video', codecs: [number, string][]) => [
    `m=${medium} 9 UDP/TLS/RTP/SAVPF ${codecs.map(([type]) => type).join(' ')}`,
    `a=fingerprint:sha-256 ${fingerprint}`,
    ...codecs.map(([type, name]) => `a=rtpmap:${type} ${name}`),
    ...(ssrcs[medium] ? [`a=ssrc:${ssrcs[medium]} cname:x`, `a=ssrc-group:FID ${ssrcs[medium]} 5`] : []),
  ];
  const audio = section('audio', [
    [111, 'opus/48000/2'],
    [63, 'red/48000/2'],
  ]);
  const video = section('video', [
    [96, 'VP8/90000'],
    [97, 'rtx/90000'],
    [98, 'H264/90000'],
  ]);
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', ...audio, ...video, ''].join('\r\n');
}

/** An RTP packet (RFC 3550, 5.1) without extensions. */
function rtp(
  ssrc: number,
  payloadType: number,
  sequenceNumber: number,
  timestamp: number,
  marker: boolean,
  payload: Uint8Array,
) {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = payloadType | (marker ? 0x80 : 0);
  packet.writeUInt16BE(sequenceNumber, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(ssrc, 8);
  packet.set(payload, 12);
  return packet;
}

class Call extends Trace {
  #number = 0;
  describe(participant: string, remote: string, ssrcs = {}, connection = 'c') {
    const common = { participant, realm: 'page', connection, kind: 'offer' };
    this.add('rtc.description', { ...common, side: 'local', sdp: sdp(prints[participant]!, ssrcs) });
    this.add('rtc.description', { ...common, side: 'remote', sdp: sdp(remote) });
  }
  packet(
    participant: string,
    ssrc: number,
    payloadType: number,
    timestamp: number,
    payload: number[],
    marker = true,
    direction: 'send' | 'receive' = 'send',
  ) {
    const sequenceNumber = this.#number++;
    const body = rtp(ssrc, payloadType, sequenceNumber, timestamp, marker, Uint8Array.from(payload));
    return this.add('rtp', { participant, direction, ssrc, payloadType, sequenceNumber, timestamp, marker, body });
  }
  frame(
    ssrc: number,
    timestamp: number,
    position: 'before' | 'after',
    body: number[],
    direction: 'send' | 'receive' | 'unknown' = 'send',
  ) {
    return this.add('frame', {
      realm: 'worker',
      transform: 't',
      api: 'streams',
      position,
      direction,
      medium: 'video',
      ssrc,
      timestamp,
      key: true,
      body: Uint8Array.from(body),
    });
  }
  streams() {
    return this.into(new MediaView(this, this.into(new Connections(['alice'])))).streams();
  }
}

describe('streams', () => {
  it('are what participants sent, with the codec that the description gives', () => {
    const call = new Call();
    call.describe('alice', SERVER, { audio: 1, video: 2 });
    call.packet('alice', 1, 111, 960, [0x78, 1]);
    call.packet('alice', 2, 96, 3000, [0x10, 0, 1]);
    call.packet('alice', 2, 96, 3000, [0x10, 0, 1]);
    call.packet('alice', 3, 98, 3000, [1]);
    call.packet('alice', 4, 127, 3000, [1]);
    // What the server sends isn't what a participant sent, and what RTX repeats (here packet 1, then padding) was sent before.
    call.packet('alice', 9, 96, 3000, [0x10, 0, 1], true, 'receive');
    call.packet('alice', 5, 97, 3000, [0, 1, 0x10, 0, 1]);
    call.packet('alice', 5, 97, 3000, [0, 1]);
    expect(call.streams().map(({ ssrc, medium, codec, packets }) => [ssrc, medium, codec, packets])).toEqual([
      [1, 'audio', 'opus', 1],
      [2, 'video', 'VP8', 2],
      [3, 'video', undefined, 1],
      [4, 'video', undefined, 1],
    ]);
  });

  it.each([
    ['another payload', [0, 1, 0x10, 0, 9]],
    ['another sequence number', [0, 7, 0x10, 0, 1]],
  ])('count RTX that brings %s than was sent before, as media in an unknown codec', (_, payload) => {
    const call = new Call();
    call.describe('alice', SERVER, { audio: 1, video: 2 });
    call.packet('alice', 1, 111, 960, [0x78, 1]);
    call.packet('alice', 2, 96, 3000, [0x10, 0, 1]);
    call.packet('alice', 5, 97, 3000, payload);
    expect(call.streams().map(({ ssrc, codec }) => [ssrc, codec])).toEqual([
      [1, 'opus'],
      [2, 'VP8'],
      [5, undefined],
    ]);
  });

  it('count packets of another codec in the midst of a stream as lost', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 });
    call.packet('alice', 2, 96, 3000, [0x10, 0, 1]);
    call.packet('alice', 2, 98, 6000, [1, 2, 3]);
    const losses = noLosses();
    expect([...call.streams()[0]!.frames(losses)]).toHaveLength(1);
    expect(losses.incomplete).toBe(1);
  });

  it('are kept apart by participant, though they have one SSRC', () => {
    const call = new Call();
    for (const who of ['alice', 'bob']) {
      call.describe(who, SERVER, { audio: 1 });
      call.packet(who, 1, 111, 0, [0x78]);
    }
    expect(call.streams().map(({ participant }) => participant)).toEqual(['alice', 'bob']);
  });

  it('give the frames of VP8, put together, each time anew', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 });
    const events = [
      call.packet('alice', 2, 96, 3000, [0x10, 0, 1], false),
      call.packet('alice', 2, 96, 3000, [0x00, 2, 3], true),
      call.packet('alice', 2, 96, 6000, [0x10, 1, 4], true),
    ];
    const [stream] = call.streams();
    for (let time = 0; time < 2; time++)
      expect([...stream!.frames()]).toEqual([
        {
          ssrc: 2,
          timestamp: 3000,
          medium: 'video',
          key: true,
          data: Uint8Array.of(0, 1, 2, 3),
          evidence: events.slice(0, 2),
        },
        { ssrc: 2, timestamp: 6000, medium: 'video', key: false, data: Uint8Array.of(1, 4), evidence: events.slice(2) },
      ]);
  });

  it('count the frames that miss a piece', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 });
    call.packet('alice', 2, 96, 3000, [0x10, 0, 1], false);
    const losses = noLosses();
    expect([...call.streams()[0]!.frames(losses)]).toEqual([]);
    expect(losses.incomplete).toBe(1);
  });

  it('give the frames of Opus, plain or in RED, though the sender changes from one to the other', () => {
    const call = new Call();
    call.describe('alice', SERVER, { audio: 1 });
    call.packet('alice', 1, 111, 960, [0x78, 1]);
    // RFC 2198: one redundant block of 2 bytes of type 111, then the primary.
    call.packet('alice', 1, 63, 1920, [0xef, 0x0f, 0x00, 0x02, 0x6f, 0x78, 1, 0x78, 2]);
    call.packet('alice', 1, 111, 2880, [0x78, 3]);
    const [stream] = call.streams();
    expect(stream!.codec).toBe('opus');
    expect([...stream!.frames()].map(({ data }) => [...data])).toEqual([
      [0x78, 1],
      [0x78, 2],
      [0x78, 3],
    ]);
  });

  it('pass over bytes that are no RTP', () => {
    const call = new Call();
    call.describe('alice', SERVER, { audio: 1 });
    call.packet('alice', 1, 111, 960, [0x78, 1]);
    const odd = {
      participant: 'alice',
      direction: 'send',
      ssrc: 1,
      payloadType: 111,
      sequenceNumber: 1,
      timestamp: 0,
      marker: true,
    } as const;
    call.add('rtp', { ...odd, body: Uint8Array.of(1, 2, 3) });
    expect([...call.streams()[0]!.frames()]).toHaveLength(1);
  });
});

describe('the route of a stream', () => {
  it('ends at the provider where the other fingerprint is nobody’s', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 });
    call.describe('bob', SERVER, { video: 3 });
    call.packet('alice', 2, 96, 0, [0x10, 0, 1]);
    expect(call.streams()[0]!.route).toBe('provider');
  });

  it('is direct where it is another participant’s, in whatever case it is written', () => {
    const call = new Call();
    call.describe('alice', prints.bob!.toLowerCase(), { video: 2 });
    call.describe('bob', prints.alice!, { video: 3 });
    call.packet('alice', 2, 96, 0, [0x10, 0, 1]);
    expect(call.streams()[0]!.route).toBe('direct');
  });

  it('is told for each connection, by the SSRCs that its description lists', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 }, 'up');
    call.describe('alice', prints.bob!, { video: 3 }, 'mesh');
    call.describe('bob', prints.alice!);
    call.packet('alice', 2, 96, 0, [0x10, 0, 1]);
    call.packet('alice', 3, 96, 0, [0x10, 0, 1]);
    call.packet('alice', 4, 96, 0, [0x10, 0, 1]);
    expect(call.streams().map(({ ssrc, route }) => [ssrc, route])).toEqual([
      [2, 'provider'],
      [3, 'direct'],
      // Listed nowhere: it may have gone either way.
      [4, 'unknown'],
    ]);
  });

  it('is unknown without descriptions', () => {
    const call = new Call();
    call.packet('alice', 2, 96, 0, [0x10, 0, 1]);
    expect(call.streams()[0]).toMatchObject({ route: 'unknown', codec: undefined });
  });
});

describe('leaving frames', () => {
  it('hold what the transform was given and what it made of it, by RTP timestamp', () => {
    const call = new Call();
    call.describe('alice', SERVER, { video: 2 });
    call.packet('alice', 2, 96, 3000, [0x10, 9, 9]);
    call.frame(2, 3000, 'before', [1, 1]);
    const after = call.frame(2, 3000, 'after', [9, 9]);
    call.frame(2, 6000, 'before', [2, 2], 'unknown');
    call.frame(2, 9000, 'after', [3, 3], 'receive');
    call.frame(7, 3000, 'after', [4, 4]);
    const [stream] = call.streams();
    expect([...stream!.leaving].map(([timestamp]) => timestamp)).toEqual([3000, 6000]);
    const frame = stream!.leaving.get(3000)!;
    expect(frame).toMatchObject({ seq: after, medium: 'video', key: true });
    expect([call.body(frame.before!), call.body(frame.after!)]).toEqual([Uint8Array.of(1, 1), Uint8Array.of(9, 9)]);
    expect([...stream!.before()].map(({ timestamp, body }) => [timestamp, [...call.body(body)]])).toEqual([
      [3000, [1, 1]],
      [6000, [2, 2]],
    ]);
  });

  it('are none where the page has no transform', () => {
    const call = new Call();
    call.packet('alice', 2, 96, 3000, [0x10, 9, 9]);
    expect(call.streams()[0]!.leaving.size).toBe(0);
    expect([...call.streams()[0]!.before()]).toEqual([]);
  });
});
