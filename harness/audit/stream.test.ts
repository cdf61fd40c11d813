import { createCipheriv, createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FrameSealing } from '../knowledge/frame-keys.ts';
import { LeavingFrames } from '../knowledge/leaving-frames.ts';
import type { SentStream } from '../knowledge/media-view.ts';
import type { EncodedFrame } from '../media/frames.ts';
import type { Body } from '../recording/format.ts';
import type { Eyes } from './eyes.ts';
import { crowdOf, judgeStream } from './stream.ts';

/** Bytes that look random and are the same in every run. */
function noise(seed: string, length: number): Uint8Array {
  return new Uint8Array(createHash('shake256', { outputLength: length }).update(seed).digest());
}

interface How {
  seen?: number;
  open?: number[];
  crowded?: number[];
  isEnd?: boolean;
  /** What is sent of a frame. */
  made?: (at: number, sealed: Uint8Array) => Uint8Array;
}

/** An audio stream of so many frames, of which the page saw the first ones leave; some of these are not sealed, or hold more. */
function judged(
  count: number,
  { seen = count, open = [], crowded = [], isEnd = true, made = (_, sealed) => sealed }: How = {},
) {
  const bodies = new Map<string, Uint8Array>();
  const keep = (data: Uint8Array): Body => {
    const sha256 = createHash('sha256').update(data).digest('hex');
    bodies.set(sha256, data);
    return { offset: 0, length: data.length, sha256 };
  };
  const leaving = new LeavingFrames('audio');
  const all = Array.from({ length: count }, (_, at): EncodedFrame => {
    const [timestamp, data] = [960 * at, made(at, noise(`sealed ${at}`, 80))];
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
    const [offset, length] = [Buffer.from(data).indexOf(noise(`sealed ${timestamp / 960}`, 80)), 80];
    const ciphertext = data.subarray(offset, offset + length);
    if (crowded.includes(timestamp / 960)) {
      const sealing = { offset, length } as FrameSealing;
      return { ciphertext, crowd: crowdOf(data, sealing, noise(`before ${timestamp / 960}`, 50), 0, stream)! };
    }
    evidence.sealed++;
    return { ciphertext };
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

describe('patterns in frames', () => {
  const header = new TextEncoder().encode(
    '{"alg":"A256GCM","kid":"0b8f3c5e-9d0a-4f5f-8a52-3f2d6a0c1e77","sender":"alice"}',
  );
  const withHeader = (_: number, sealed: Uint8Array) => Buffer.concat([header, header, sealed]);
  /** AES-ECB of silence among sound, wherever it is. */
  const ecb = (at: number) => {
    const cipher = createCipheriv('aes-128-ecb', noise('key', 16), null);
    const sound = (name: string, blocks: number) => noise(`${name} ${at}`, 16 * blocks);
    return cipher.update(Buffer.concat([sound('a', 3 + (at % 7)), new Uint8Array(64), sound('b', 3 + (at % 5))]));
  };

  it('are none where all begin alike, whether or not it is known what is sealed', () => {
    for (const open of [[], [...Array(110).keys()]])
      expect(judged(110, { open, made: withHeader }).evidence.blocks.repeated).toBe(0);
  });

  it('are looked for beside what is sealed, where that is more than a header', () => {
    const crowded = [...Array(110).keys()];
    const made = (at: number, sealed: Uint8Array) => Buffer.concat([header, sealed, ecb(at), header]);
    const { blocks, open } = judged(110, { crowded, made }).evidence;
    expect(open).toBe(110);
    expect(blocks.repeated).toBeGreaterThan(10);
    const honest = judged(110, { crowded, made: withHeader }).evidence;
    expect(honest).toMatchObject({ open: 110, sealed: 0, blocks: { repeated: 0 } });
  });

  it('are ECB’s behind a header, too', () => {
    const open = [...Array(110).keys()];
    const made = (at: number) => withHeader(at, ecb(at));
    expect(judged(110, { open, made }).evidence.blocks.repeated).toBeGreaterThan(10);
  });
});

describe('frames that the page was seen sending', () => {
  it('are open where no key is known to seal them, each of them', () => {
    expect(judged(110).evidence.open).toBe(0);
    expect(judged(110, { open: [30, 60] }).evidence).toMatchObject({ open: 2, sealed: 108 });
  });
});
