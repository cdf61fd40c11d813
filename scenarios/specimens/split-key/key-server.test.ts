import { expect, test } from 'vitest';
import { type HalfReply, specimen } from '../split-key.ts';

const first = (meeting: string) => Buffer.from(specimen.config!(meeting, {}).half as string, 'base64');
const second = (meeting: string) =>
  Buffer.from((specimen.hosts!.keys!.post['/half']!({ meeting }) as HalfReply).half, 'hex');

test('everybody in a meeting gets the same two halves of 32 bytes, others in each meeting', () => {
  for (const half of [first, second]) {
    expect(half('standup')).toHaveLength(32);
    expect(half('standup')).toEqual(half('standup'));
    expect(half('standup')).not.toEqual(half('retro'));
  }
  expect(first('standup')).not.toEqual(second('standup'));
});

test('the join reply says where the second half is', () => {
  const { keyServer } = specimen.config!('standup', { keys: 'https://keys.split-key.test:1' });
  expect(keyServer).toBe('https://keys.split-key.test:1/half');
});
