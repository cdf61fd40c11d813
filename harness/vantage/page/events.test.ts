import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventOf, parseMessage } from './events.ts';

const RANDOM = { n: 3, type: 'crypto.random', fields: {}, bytes: { value: 'AQID' } };

describe('a message of a realm', () => {
  test('becomes an event with bytes, and names that are unique among realms', () => {
    const message = parseMessage(
      JSON.stringify({
        n: 0,
        type: 'rtc.data',
        fields: { connection: 'c7', label: 'k1', direction: 'send', binary: true },
        bytes: { body: 'AQID' },
      }),
    );
    expect(eventOf(message!, 'alice', 'alice:4')).toEqual({
      participant: 'alice',
      vantage: 'page',
      type: 'rtc.data',
      realm: 'alice:4',
      connection: 'alice:4/c7',
      label: 'k1',
      direction: 'send',
      binary: true,
      body: Buffer.from([1, 2, 3]),
    });
  });

  test.each([
    ['a type of another vantage point', { ...RANDOM, type: 'vantage.alive' }, "can't send an event of type"],
    ['a field too many', { ...RANDOM, fields: { seq: 1, more: 2 } }, 'Unrecognized key'],
    ['bytes where there are none', { ...RANDOM, bytes: { value: '', realm: 'AQID' } }, undefined],
    ['no bytes where there are some', { ...RANDOM, bytes: {} }, 'expected object'],
    [
      'the name of something in another realm',
      { ...KEYED(), fields: { ...KEYED().fields, key: 'bob:1/k0' } },
      'no name',
    ],
    ['a number that is none', { ...KEYED(), fields: { ...KEYED().fields, extractable: 1 } }, 'expected boolean'],
  ])('is refused with %s', (_, message, reason) => {
    const parsed = parseMessage(JSON.stringify(message))!;
    const event = () => eventOf(parsed, 'alice', 'alice:4');
    if (reason) expect(event).toThrow(reason);
    // What a realm says of whose it is counts for nothing.
    else expect(event()).toMatchObject({ realm: 'alice:4', participant: 'alice', vantage: 'page' });
  });

  test('can be anything: it is read or refused, and never becomes an event of someone else', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          n: fc.nat(),
          type: fc.constantFrom('frame', 'crypto.key', 'crypto.random', 'rtc.state', 'http.request', '__proto__'),
          fields: fc.dictionary(
            fc.constantFrom('realm', 'participant', 'vantage', 'key', 'value', 'state', '__proto__'),
            fc.jsonValue(),
          ),
          bytes: fc.dictionary(fc.constantFrom('value', 'body', 'participant', 'seq'), fc.base64String()),
        })
        .map((message) => JSON.stringify(message)),
    );
    fc.assert(
      fc.property(anything, (payload) => {
        const message = parseMessage(payload);
        if (!message) return;
        try {
          expect(eventOf(message, 'alice', 'alice:4')).toMatchObject({
            participant: 'alice',
            vantage: 'page',
            realm: 'alice:4',
          });
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

function KEYED() {
  const fields = {
    key: 'k0',
    via: 'seen',
    algorithm: {},
    kind: 'secret',
    usages: [],
    extractable: true,
    format: 'raw',
  };
  return { n: 0, type: 'crypto.key', fields: fields as Record<string, unknown>, bytes: {} };
}
