import { expect, test } from 'vitest';
import { specimen } from '../weak-key.ts';

test('a link carries a PIN of six digits, the same for the same secret', () => {
  const secrets = Array.from({ length: 100 }, (_, number) => `secret ${number}`);
  const pins = secrets.map((secret) => specimen.fragment!(secret).secret!);
  for (const pin of pins) expect(pin).toMatch(/^\d{6}$/);
  expect(secrets.map((secret) => specimen.fragment!(secret).secret)).toEqual(pins);
  expect(new Set(pins).size).toBeGreaterThan(90);
});
