import { expect, test } from 'vitest';
import { type KeyReply, specimen } from '../zoom-2020.ts';

const join = (meeting: string, name: string) =>
  specimen.hosts!['kms-beijing']!.post['/join']!({ meeting, name }) as KeyReply;

test('everybody in a meeting gets the same AES-128 key, another one in each meeting', () => {
  const { encKey } = join('standup', 'alice');
  expect(Buffer.from(encKey, 'base64')).toHaveLength(16);
  expect(join('standup', 'bob').encKey).toBe(encKey);
  expect(join('retro', 'alice').encKey).not.toBe(encKey);
});

test('what is no join request gets no key', () => {
  expect(() => specimen.hosts!['kms-beijing']!.post['/join']!({ meeting: 'standup' })).toThrow();
});
