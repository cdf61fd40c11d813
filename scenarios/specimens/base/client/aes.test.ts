import { createCipheriv } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { assemble } from '../assemble.ts';
import { type AesCtr, instantiateAes } from './aes.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** NIST SP 800-38A, appendix F.5.5. */
const VECTOR = {
  key: bytes('603deb1015ca71be2b73aef0857d7781 1f352c073b6108d72d9810a30914dff4'),
  counter: bytes('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'),
  plaintext: bytes(
    '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710',
  ),
  ciphertext: bytes(
    '601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6',
  ),
};

let aes: AesCtr;
beforeAll(async () => {
  const wasm = await assemble(fileURLToPath(new URL('./aes.wat', import.meta.url)));
  aes = await instantiateAes(new WebAssembly.Module(wasm));
});

test('agrees with the vector of NIST, both ways', () => {
  const { key, counter, plaintext, ciphertext } = VECTOR;
  expect(aes(key, counter, plaintext)).toEqual(ciphertext);
  expect(aes(key, counter, ciphertext)).toEqual(plaintext);
});

test('agrees with another implementation, whatever it is given', () => {
  const block = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const counter = fc.oneof(block(16), fc.constant(new Uint8Array(16).fill(255)));
  fc.assert(
    fc.property(block(32), counter, fc.uint8Array({ maxLength: 100 }), (key, counter, data) => {
      const other = createCipheriv('aes-256-ctr', key, counter).update(data);
      expect(Buffer.from(aes(key, counter, data))).toEqual(other);
    }),
  );
});

test('refuses more data than it has room for', () => {
  expect(() => aes(VECTOR.key, VECTOR.counter, new Uint8Array(1 << 22))).toThrow(RangeError);
});
