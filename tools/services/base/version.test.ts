import { expect, test } from 'vitest';
import { isAtLeast } from './version.mjs';

test.each([
  ['go1.26', true],
  ['go1.26.8', true],
  ['1.27', true],
  ['go2.0', true],
  ['go1.25.9', false],
  ['1.3', false],
  ['devel', false],
  ['', false],
])('%j is 1.26 or newer: %s', (version, expected) => {
  expect(isAtLeast(version, '1.26')).toBe(expected);
});
