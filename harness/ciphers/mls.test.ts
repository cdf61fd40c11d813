import { describe, expect, it } from 'vitest';
import { deriveTreeSecret } from './mls.ts';

const bytes = (hex: string) => Buffer.from(hex, 'hex');

describe('DeriveTreeSecret', () => {
  // mlswg/mls-implementations, test-vectors/crypto-basics.json, `derive_tree_secret` of the cipher suites with SHA-256.
  it.each([
    [
      1,
      '7620af0827ddd6506a20fe3716458f48fd89715d1396ee578eff0750dd1ab926',
      'f85fe97705982d10dbead53c4f83318479c2211e994bcf1ba615f0d8f66d6016',
    ],
    [
      2,
      '2c48370d905a462270452a6fdfa8c7cd3494527babe6b8767bb3129111e996e9',
      'c13c3c45c696bb164305215c586371f362dc6be5c570d08d136d69b3af27f9a0',
    ],
    [
      3,
      '168b187171d90947aedac49980939b2dd71041e40350b046e540e0191cf99e0f',
      'a59537e982b032f55b8f00eb853ca1200cf7c1ff7ce2898da85ccaf0ac9c0d69',
    ],
  ])("gives what the MLS working group's vectors for suite %i say", (_, secret, out) => {
    expect(deriveTreeSecret(bytes(secret), 'DeriveTreeSecret', 2694881440, 32).toString('hex')).toBe(out);
  });

  it('has no more than one block', () => {
    expect(() => deriveTreeSecret(bytes('00'), 'key', 0, 33)).toThrow(RangeError);
  });
});
