import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LeavingFrames } from '../knowledge/leaving-frames.ts';
import type { SentStream } from '../knowledge/media-view.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { Body } from '../recording/format.ts';
import type { Eyes } from './eyes.ts';
import { judgeStream } from './stream.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

/** An audio stream of so many frames, of which the page saw the first ones leave; some of these are not sealed. */
function judged(count: number, { seen = count, open = [] as number[], isEnd = true } = {}) {
  const bodies = new Map<string, Uint8Array>();
  const keep = (data: Uint8Array): Body => {
    const sha256 = createHash('sha256').update(data).digest('hex');
    bodies.set(sha256, data);
    return { offset: 0, length: data.length, sha256 };
  };
  const leaving = new LeavingFrames('audio');
  const all = Array.from({ length: count }, (_, at): EncodedFrame => {
    const [timestamp, data] = [960 * at, noise(`sealed ${at}`, 80)];
    if (at < seen) {
      leaving.add(timestamp, 'before', true, at, keep(noise(`before ${at}`, 50)));
      leaving.add(timestamp, 'after', true, at, keep(data));
    }
    return { ssrc: 1, timestamp, medium: 'audio', key: true, data, evidence: [at] };
  });
  const stream: SentStream = {
    participant: 'alice',
    ssrc: 1,
    medium: 'audio',
    codec: 'opus',
    carrier: 'rtp',
    route: 'provider',
    secured: false,
    packets: count,
    leaving,
    *frames() {
      yield* all;
    },
    *before() {},
  };
  const read = ({ sha256 }: Body) => bodies.get(sha256)!;
  const follow: Parameters<typeof judgeStream>[3] = ({ timestamp, data }, evidence) => {
    if (!leaving.get(timestamp) || open.includes(timestamp / 960)) return undefined;
    evidence.sealed++;
    return data;
  };
  return judgeStream(stream, {} as Eyes, read, follow, () => isEnd);
}

describe('frames that the page was not seen sending', () => {
  it('are its last ones, of about a second, where the participant leaves', () => {
    expect(judged(110, { seen: 60 }).evidence).toMatchObject({ frames: 60, last: 50, sealed: 60, open: 0 });
    expect(judged(112, { seen: 60 }).evidence).toMatchObject({ frames: 112, last: 0, sealed: 60 });
  });

  it('are not where the stream ends in mid-call', () => {
    const { evidence, unsealed } = judged(110, { seen: 60, isEnd: false });
    expect(evidence).toMatchObject({ frames: 110, last: 0, sealed: 60 });
    expect(unsealed).toHaveLength(50);
  });
});

describe('frames that the page was seen sending', () => {
  it('are open where no key is known to seal them, each of them', () => {
    expect(judged(110).evidence.open).toBe(0);
    expect(judged(110, { open: [30, 60] }).evidence).toMatchObject({ open: 2, sealed: 108 });
  });
});
