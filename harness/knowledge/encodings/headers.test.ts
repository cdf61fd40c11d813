import { describe, expect, it } from 'vitest';
import { texts } from '../values.ts';

const held = (message: string) =>
  [...texts(Buffer.from(message))].map(({ bytes, label }) => [label, Buffer.from(bytes).toString()]);

describe('headers', () => {
  it('give their values, with line ends of either kind', () => {
    expect(held('method: GET\nx-room-pin: \t 4711\r\nempty:\n')).toEqual([
      ['x-room-pin', '4711'],
      ['method', 'GET'],
    ]);
  });

  it('are read as in the example of RFC 9112, 2.1', () => {
    const message =
      'GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\n';
    expect(held(message)).toEqual(
      expect.arrayContaining([
        ['User-Agent', 'curl/7.64.1'],
        ['Host', 'www.example.com'],
        ['Accept-Language', 'en, mi'],
      ]),
    );
  });
});
