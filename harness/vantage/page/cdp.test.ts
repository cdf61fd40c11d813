import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cdpOverPipe } from './cdp.ts';

/** A client, and the browser's ends of its pipe. */
function connected(longest?: number) {
  const [from, to] = [new PassThrough(), new PassThrough()];
  const cdp = cdpOverPipe(from, to, longest);
  const events: object[] = [];
  cdp.onEvent((event) => events.push(event));
  const answer = (message: object) => from.write(`${JSON.stringify(message)}\0`);
  const sent = () =>
    String(to.read())
      .split('\0')
      .filter(Boolean)
      .map((text) => JSON.parse(text));
  return { cdp, from, answer, sent, events };
}

describe('a client over a pipe', () => {
  test('sends commands, each ended by NUL, and gives back the answers to them', async () => {
    const { cdp, answer, sent } = connected();
    const first = cdp.send('A.a', { x: 1 });
    const second = cdp.send('B.b', {}, { sessionId: 'S' });
    const [a, b] = sent();
    expect(a).toEqual({ id: a.id, method: 'A.a', params: { x: 1 } });
    expect(b).toEqual({ id: b.id, method: 'B.b', params: {}, sessionId: 'S' });
    answer({ id: b.id, result: { b: true } });
    answer({ id: a.id, error: { message: 'no such thing' } });
    await expect(second).resolves.toEqual({ b: true });
    await expect(first).rejects.toThrow('no such thing');
  });

  test('tells of events, however they are cut into chunks', () => {
    const message = fc.record({ method: fc.string(), params: fc.dictionary(fc.string(), fc.string()) });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (messages, sizes) => {
          const { from, events } = connected();
          const bytes = Buffer.from(messages.map((one) => `${JSON.stringify(one)}\0`).join(''));
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value as number;
            from.emit('data', bytes.subarray(at, at + size));
            at += size;
          }
          expect(events).toEqual(JSON.parse(JSON.stringify(messages)));
        },
      ),
    );
  });

  test('drops a message that is too long, says so, and reads on', () => {
    const { cdp, from, events } = connected(100);
    const dropped: number[] = [];
    cdp.onDropped((bytes) => dropped.push(bytes));
    for (let piece = 0; piece < 50; piece++) from.emit('data', Buffer.alloc(10, 'x'));
    from.emit('data', Buffer.from('\0{"method":"next","params":{}}\0'));
    expect(dropped).toEqual([500]);
    expect(events).toEqual([{ method: 'next', params: {} }]);
  });

  test('refuses what waits, and what comes later, once the browser is gone', async () => {
    const { cdp, from } = connected();
    const waiting = cdp.send('A.a');
    from.destroy();
    await expect(waiting).rejects.toThrow('the browser closed its pipe');
    await expect(cdp.send('B.b')).rejects.toThrow('the browser closed its pipe');
  });

  test('gives up on an answer that does not come in time', async () => {
    const { cdp } = connected();
    await expect(cdp.send('A.a', {}, { timeout: 1 })).rejects.toThrow('A.a was not answered within 1 ms');
  });

  test('no longer calls a listener that was taken away', () => {
    const { cdp, from, events } = connected();
    const others: object[] = [];
    const stop = cdp.onEvent((event) => others.push(event));
    stop();
    from.emit('data', Buffer.from('{"method":"m","params":{}}\0'));
    expect(events).toHaveLength(1);
    expect(others).toHaveLength(0);
  });
});
