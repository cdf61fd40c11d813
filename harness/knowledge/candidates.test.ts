import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { candidates, MOST_CANDIDATES } from './candidates.ts';
import type { Crossing } from './crossings.ts';

function crossing(text: string, at: number): Crossing {
  return {
    evidence: [at],
    t: at,
    participant: 'alice',
    direction: 'receive',
    host: 'h',
    what: 'a reply',
    wire: () => Buffer.from(text),
    codings: [],
  };
}

const key = (number: number) => createHash('sha256').update(String(number)).digest();
const reply = (bytes: Buffer) => JSON.stringify({ key: bytes.toString('base64') });

describe('candidates', () => {
  it('are the secret-sized values of what crossed, each once, with the message that carried it first', () => {
    const first = crossing(reply(key(1)), 3);
    const again = crossing(reply(key(1)), 9);
    const other = crossing(reply(key(2)), 5);
    for (const order of [
      [first, again, other],
      [other, again, first],
    ]) {
      const found = candidates(order).filter(({ bytes, label }) => bytes.length === 32 && label === 'key');
      expect(found.map(({ bytes, crossing }) => [Buffer.from(bytes).equals(key(1)), crossing.evidence]).sort()).toEqual(
        [
          [false, [5]],
          [true, [3]],
        ],
      );
    }
  });

  it('take short messages before long ones, so that code cannot crowd out a key', () => {
    const code = (from: number) =>
      Array.from({ length: MOST_CANDIDATES / 2 + 10 }, (_, at) => key(from + at).toString('hex')).join('\n');
    const left = { out: false };
    const found = candidates([crossing(code(10), 1), crossing(code(100_000), 2), crossing(reply(key(1)), 3)], left);
    expect(found).toHaveLength(MOST_CANDIDATES);
    expect(left.out).toBe(true);
    expect(found.some(({ bytes }) => Buffer.from(bytes).equals(key(1)))).toBe(true);
  });

  it('take what a message sets apart before what is only somewhere in one', () => {
    const binary = (from: number) => Buffer.concat(Array.from({ length: 60 }, (_, at) => key(from + at)));
    const message = (bytes: Buffer, at: number): Crossing => ({ ...crossing('', at), wire: () => bytes });
    const noise = Array.from({ length: 10 }, (_, at) => message(binary(1000 * at + 10), at + 1));
    const left = { out: false };
    const found = candidates([...noise, crossing(reply(key(1)), 20)], left);
    expect(found).toHaveLength(MOST_CANDIDATES);
    // Nothing is said of those that begin anywhere.
    expect(left.out).toBe(false);
    expect(found[0]).toMatchObject({ label: 'key', bytes: key(1) });
  });
});
