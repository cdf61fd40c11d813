import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encoding } from './base64.ts';
import { Budget } from './encoding.ts';

const decoded = (text: string) => encoding.decode!(Buffer.from(text), new Budget());
const found = (text: string) =>
  [...encoding.runs(Buffer.from(text), new Budget())].map(({ start, end }) => text.slice(start, end));

describe('base64', () => {
  it.each([
    ['Zg==', 'f'],
    ['Zm8=', 'fo'],
    ['Zm9v', 'foo'],
    ['Zm9vYg==', 'foob'],
    ['Zm9vYmE=', 'fooba'],
    ['Zm9vYmFy', 'foobar'],
    ['Zm9vYmE', 'fooba'],
  ])('is read as in RFC 4648, 10: %s', (text, plain) => {
    expect(decoded(text)).toEqual(Buffer.from(plain));
  });

  it('is read in both alphabets, and with the slash escaped', () => {
    for (const text of ['+/+/', '-_-_', '+\\/-_']) expect(decoded(text)).toEqual(Buffer.from('fbffbf', 'hex'));
  });

  it.each(['ab*d', 'ab====', '=', ''])('is not %j', (text) => {
    expect(decoded(text)).toBeUndefined();
  });

  it('is found between words of its own letters, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 64 }),
        fc.stringMatching(/^[A-Za-z]{0,9}$/),
        (own, word) => {
          const text = Buffer.from(own).toString('base64').replaceAll('=', '');
          const ends = found(`"${word}${text}"`).map((run) => Buffer.from(decoded(run)!));
          expect(ends.some((bytes) => bytes.length >= own.length && bytes.subarray(-own.length).equals(own))).toBe(
            true,
          );
        },
      ),
    );
  });

  it('is found between slashes and between underscores', () => {
    const own = randomBytes(16).toString('hex').slice(0, 22);
    expect(found(`https://h/join/${own}/now`)).toContain(own);
    expect(found(`room_${own}_now`)).toContain(own);
  });

  it.each(['\n', '\r\n'])('is found in the lines of PEM (RFC 7468), which end with %j', (end) => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = (privateKey.export({ format: 'pem', type: 'pkcs8' }) as string).replaceAll('\n', end);
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(found(pem).map(decoded)).toContainEqual(der);
  });

  it('is found in lines of which the last is full', () => {
    const own = randomBytes(96);
    const text = own.toString('base64').replaceAll(/.{64}/g, '$&\n');
    expect(found(`${text}-----END`).map(decoded)).toContainEqual(own);
  });
});
