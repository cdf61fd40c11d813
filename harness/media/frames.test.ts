import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleFrames, noLosses, type PacketEvent } from './frames.ts';

/** Video of frames that are `pieces` packets each; frame n is n, repeated. */
function video(pieces: number[], firstNumber = 0, firstTimestamp = 0): PacketEvent[] {
  const packets: PacketEvent[] = [];
  for (const [frame, count] of pieces.entries())
    for (let piece = 0; piece < count; piece++) {
      const event = packets.length;
      packets.push({
        event,
        packet: {
          payloadType: 96,
          marker: piece === count - 1,
          sequenceNumber: (firstNumber + event) & 0xffff,
          timestamp: (firstTimestamp + frame * 6000) >>> 0,
          ssrc: 5,
          payload: Uint8Array.of(piece === 0 ? 0x10 : 0, frame, piece),
        },
      });
    }
  return packets;
}

function assemble(packets: Iterable<PacketEvent>, losses = noLosses()) {
  return [...assembleFrames(packets, 'VP8', losses)];
}

describe('assembleFrames of VP8', () => {
  it('puts the pieces together and says which events they came from', () => {
    expect(assemble(video([1, 3]))).toEqual([
      { ssrc: 5, timestamp: 0, medium: 'video', key: true, data: Uint8Array.of(0, 0), evidence: [0] },
      {
        ssrc: 5,
        timestamp: 6000,
        medium: 'video',
        key: false,
        data: Uint8Array.of(1, 0, 1, 1, 1, 2),
        evidence: [1, 2, 3],
      },
    ]);
  });

  it('gives the same frames whatever the order within the window, and with repeats', () => {
    const packets = video(
      new Array(40).fill(0).map((_, frame) => 1 + (frame % 4)),
      65500,
      0xffffff00,
    );
    const expected = assemble(packets);
    expect(expected).toHaveLength(40);
    fc.assert(
      fc.property(fc.array(fc.nat(packets.length - 1)), fc.nat(), (repeats, seed) => {
        const mixed = [...packets, ...repeats.map((at) => packets[at]!)];
        // Any order will do, as long as it is this seed's.
        mixed.sort((a, b) => ((a.event * 7919 + seed) % 101) - ((b.event * 7919 + seed) % 101));
        const losses = noLosses();
        expect(assemble(mixed, losses)).toEqual(expected);
        expect(losses).toEqual({ ...noLosses(), resent: repeats.length });
      }),
    );
  });

  it('leaves out the frame that misses a piece, whichever it is, and no other', () => {
    for (let lost = 3; lost < 6; lost++) {
      const packets = video([3, 3, 3]);
      const losses = noLosses();
      const frames = assemble(
        packets.filter(({ event }) => event !== lost),
        losses,
      );
      expect(frames.map((frame) => frame.data[0])).toEqual([0, 2]);
      expect(losses).toEqual({ ...noLosses(), incomplete: 1, missing: 1 });
    }
  });

  it('counts the last frame too if it is cut off', () => {
    const losses = noLosses();
    expect(assemble(video([2, 2]).slice(0, 3), losses)).toHaveLength(1);
    expect(losses.incomplete).toBe(1);
  });

  it('goes on after a gap wider than the window', () => {
    const packets = video(new Array(2000).fill(1));
    const kept = packets.filter(({ event }) => event < 100 || event > 1500);
    expect(assemble(kept)).toHaveLength(kept.length);
  });

  it('fills a gap with a packet that comes later, in the right place', () => {
    const packets = video([2, 2, 2, 2]);
    const [late] = packets.splice(3, 1);
    expect(assemble([...packets, late!]).map((frame) => frame.data[0])).toEqual([0, 1, 2, 3]);
  });

  it('follows sequence numbers through several wraps', () => {
    expect(assemble(video(new Array(150_000).fill(1)))).toHaveLength(150_000);
  });

  it('passes over packets of padding', () => {
    const packets = video([2, 2]);
    for (const { event, packet } of packets.slice(2)) packet.sequenceNumber = event + 1;
    const padding = { event: 9, packet: { ...packets[1]!.packet, sequenceNumber: 2, payload: new Uint8Array() } };
    expect(assemble([...packets, padding])).toHaveLength(2);
  });

  it('never throws on foreign packets, and makes no bytes', () => {
    const packet = fc.record({
      payloadType: fc.constant(96),
      marker: fc.boolean(),
      sequenceNumber: fc.nat(65535),
      timestamp: fc.nat(3),
      ssrc: fc.constant(5),
      payload: fc.uint8Array({ maxLength: 6 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 50 }), (packets) => {
        const frames = assemble(packets.map((packet, event) => ({ event, packet })));
        const length = frames.reduce((sum, frame) => sum + frame.data.length, 0);
        return length <= packets.reduce((sum, { payload }) => sum + payload.length, 0);
      }),
    );
  });
});

describe('assembleFrames of Opus', () => {
  it('gives a frame for each packet, once, in order', () => {
    const sound = [3, 1, 2, 1, 5].map((sequenceNumber, event) => ({
      event,
      packet: {
        payloadType: 111,
        marker: false,
        sequenceNumber,
        timestamp: sequenceNumber * 960,
        ssrc: 6,
        payload: Uint8Array.of(0x78, sequenceNumber),
      },
    }));
    const losses = noLosses();
    const frames = [...assembleFrames(sound, 'opus', losses)];
    expect(frames.map((frame) => frame.data[1])).toEqual([1, 2, 3, 5]);
    expect(frames[0]).toMatchObject({ medium: 'audio', key: true, evidence: [1] });
    expect(losses).toEqual({ ...noLosses(), missing: 1, resent: 1 });
  });

  it('tells a packet that was resent from another one under its number', () => {
    const packet = (payload: number) => ({
      event: payload,
      packet: {
        payloadType: 111,
        marker: false,
        sequenceNumber: 7,
        timestamp: 0,
        ssrc: 6,
        payload: Uint8Array.of(payload),
      },
    });
    const losses = noLosses();
    expect([...assembleFrames([packet(1), packet(1), packet(2)], 'opus', losses)]).toHaveLength(1);
    expect(losses).toEqual({ ...noLosses(), resent: 1, repeated: 1 });
  });
});
