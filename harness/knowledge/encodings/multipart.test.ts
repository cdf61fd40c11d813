import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Budget } from './encoding.ts';
import { encoding } from './multipart.ts';

const partsOf = (message: Buffer) =>
  [...encoding.runs(message, new Budget())].map(({ label, start, end }) => [label, message.subarray(start, end)]);
const lines = (...all: string[]) => Buffer.from(all.join('\r\n'));

describe('a multipart body', () => {
  it('is read as in the example of RFC 2046, 5.1.1', () => {
    const message = lines(
      'This is the preamble.  It is to be ignored, though it',
      'is a handy place for composition agents to include an',
      'explanatory note to non-MIME conformant readers.',
      '',
      '--simple boundary',
      '',
      'This is implicitly typed plain US-ASCII text.',
      'It does NOT end with a linebreak.',
      '--simple boundary',
      'Content-type: text/plain; charset=us-ascii',
      '',
      'This is explicitly typed plain US-ASCII text.',
      'It DOES end with a linebreak.',
      '',
      '--simple boundary--',
      '',
      'This is the epilogue.  It is also to be ignored.',
    );
    expect(partsOf(message)).toEqual([
      [undefined, lines('This is implicitly typed plain US-ASCII text.', 'It does NOT end with a linebreak.')],
      [undefined, lines('This is explicitly typed plain US-ASCII text.', 'It DOES end with a linebreak.', '')],
    ]);
  });

  it('of a form has names (RFC 7578, 4.2)', () => {
    const message = lines(
      '--AaB03x',
      'content-disposition: form-data; name="field1"',
      'content-type: text/plain;charset=UTF-8',
      '',
      'Joe owes €100.',
      '--AaB03x--',
      '',
    );
    expect(partsOf(message)).toEqual([['field1', Buffer.from('Joe owes €100.')]]);
  });

  it('is read as fetch writes it', async () => {
    const key = randomBytes(32);
    const form = new FormData();
    form.append('room', 'blue whale');
    form.append('key', new Blob([key]), 'key.bin');
    const message = Buffer.from(await new Response(form).arrayBuffer());
    expect(partsOf(message)).toEqual([
      ['room', Buffer.from('blue whale')],
      ['key', key],
    ]);
  });

  it('that was cut off gives what there is', () => {
    const message = lines(
      '--b',
      'content-disposition: form-data; name=a',
      '',
      'one',
      '--b',
      'content-disposition: form-data; name=b',
      '',
      'tw',
    );
    expect(partsOf(message).map(([label, bytes]) => [label, String(bytes)])).toEqual([
      ['a', 'one'],
      ['b', 'tw'],
    ]);
  });

  it('of more parts than anybody sends marks the budget', () => {
    const budget = new Budget();
    expect([...encoding.runs(Buffer.from('--b\r\n\r\nx\r\n'.repeat(2000)), budget)]).toHaveLength(1000);
    expect(budget.exhausted).toBe(true);
  });
});
