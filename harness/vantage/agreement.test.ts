import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../recording/format.ts';
import { Agreement } from './agreement.ts';

function packet(payload: number[], { timestamp = 1, marker = true } = {}): NewEvent<'rtp'> {
  const body = Buffer.alloc(12 + payload.length);
  body.set([0x80, (marker ? 0x80 : 0) | 96]);
  body.writeUInt32BE(timestamp, 4);
  body.writeUInt32BE(7, 8);
  body.set(payload, 12);
  const fields = { direction: 'send', ssrc: 7, payloadType: 96, sequenceNumber: 0, timestamp, marker, body } as const;
  return { participant: 'alice', vantage: 'rtp', type: 'rtp', ...fields };
}

function frame(mimeType: string, body: number[], timestamp = 1): NewEvent<'frame'> {
  const fields = {
    realm: 'r',
    transform: 't',
    api: 'script',
    position: 'after',
    direction: 'send',
    medium: 'video',
  } as const;
  return {
    participant: 'alice',
    vantage: 'page',
    type: 'frame',
    ...fields,
    ssrc: 7,
    timestamp,
    key: true,
    mimeType,
    body: Uint8Array.from(body),
  };
}

/** VP8 payload descriptors (RFC 7741, 4.2): start of a frame, and its continuation. */
const START = 0x10;
const MORE = 0x00;

function told(events: NewEvent[]): string {
  const passed: NewEvent[] = [];
  const agreement = new Agreement({ append: (event) => passed.push(event) });
  for (const event of events) agreement.append(event);
  expect(passed).toEqual(events);
  return agreement.detail('alice');
}

describe('the agreement of page and packets', () => {
  it('is counted for audio and for video of several packets, whichever side comes first', () => {
    const opus = [frame('audio/opus', [1, 2]), packet([1, 2])];
    const vp8 = [
      packet([START, 1, 2], { timestamp: 2, marker: false }),
      frame('video/VP8', [1, 2, 3], 2),
      packet([MORE, 3], { timestamp: 2 }),
    ];
    expect(told([...opus, ...vp8])).toBe('page and packets agree in 2 of 2 frames');
    expect(told([packet([1, 2]), frame('audio/opus', [1, 2])])).toBe('page and packets agree in 1 of 1 frames');
  });

  it('counts a frame that was changed on its way', () => {
    expect(told([frame('audio/opus', [1, 2]), packet([1, 3])])).toBe('page and packets agree in 0 of 1 frames');
  });

  it('says nothing where the page transforms nothing, and takes no padding for a frame', () => {
    expect(told([packet([1, 2]), packet([])])).toBe('');
    expect(told([packet([]), frame('audio/opus', [1]), packet([1])])).toBe('page and packets agree in 1 of 1 frames');
  });
});
