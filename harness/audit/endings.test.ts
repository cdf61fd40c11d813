import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../recording/format.ts';
import { Endings } from './endings.ts';

const call: [number, string, string][] = [
  [1000, 'carol', 'rtp'],
  [1000, 'alice', 'rtp'],
  [20_000, 'alice', 'rtp'],
  [20_100, 'carol', 'rtp'],
  [20_500, 'carol', 'call.left'],
  [40_000, 'alice', 'rtp'],
  [40_500, 'alice', 'call.left'],
  [70_000, 'bob', 'rtp'],
  [90_000, 'bob', 'call.left'],
];
const endings = new Endings();
for (const [seq, [t, participant, type]] of call.entries())
  endings.see({ seq, t, participant, type, vantage: 'rtp', direction: 'send' } as RecordedEvent);

describe('the end of what a participant sends', () => {
  it('is her own, though the call goes on', () => {
    expect(endings.isEnd('carol', 3)).toBe(true);
    expect(endings.isEnd('carol', 0)).toBe(false);
  });

  it('is not where one of her streams ends in mid-call', () => {
    expect(endings.isEnd('alice', 2)).toBe(false);
    expect(endings.isEnd('alice', 5)).toBe(true);
  });

  it('is not where all her streams end, and she stays', () => {
    expect(endings.isEnd('bob', 7)).toBe(false);
  });
});
