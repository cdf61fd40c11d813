import { describe, expect, it } from 'vitest';
import { rtp } from '../interchange/fixtures/captures.ts';
import { open, type Proof } from './reproduce.ts';

const FRAMES = [1, 2, 3].map((index) => Uint8Array.of(0xfc, index, index, index));

/** A proof of Opus in clear, one packet a frame. */
function proofOf(payloads: Uint8Array[], payloadType: number, more: Partial<Proof> = {}) {
  const pieces = payloads.flatMap((payload, index) => {
    const header = { ssrc: 7, payloadType, sequenceNumber: 100 + index, timestamp: 960 * index, marker: true };
    const packet = Buffer.from(rtp(header, payload));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packet.length);
    return [length, packet];
  });
  const proof: Proof = {
    proof: 1,
    claim: 'media-confidential',
    shows: '',
    recording: 'r',
    participant: 'alice',
    ssrc: 7,
    codec: 'opus',
    events: [],
    count: payloads.length,
    payloadTypes: { 111: 'opus', 63: 'red' },
    files: {},
    result: '',
    digest: '',
    ...more,
  };
  return open(proof, new Map([['packets.bin', Buffer.concat(pieces)]]), undefined).map(({ data }) => Buffer.from(data));
}

describe('the frames of a proof', () => {
  it('come out of packets of the codec, and of RED around them', () => {
    const red = FRAMES.map((frame) => Buffer.concat([Uint8Array.of(111), frame]));
    const redundant = FRAMES.map((frame) =>
      Buffer.concat([Uint8Array.of(0x80 | 111, 0, 0, 2), Uint8Array.of(111), Uint8Array.of(9, 9), frame]),
    );
    for (const [payloads, type] of [[FRAMES, 111] as const, [red, 63] as const, [redundant, 63] as const])
      expect(proofOf([...payloads], type)).toEqual(FRAMES.map((frame) => Buffer.from(frame)));
  });

  it('fail the proof where there are none, or others than were written down', () => {
    expect(() => proofOf([], 111)).toThrow('0 frames come out, not 0');
    expect(() => proofOf(FRAMES, 96)).toThrow('0 frames come out, not 3');
    expect(() => proofOf(FRAMES, 111, { count: 4 })).toThrow('3 frames come out, not 4');
  });
});
