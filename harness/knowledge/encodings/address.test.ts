import { describe, expect, it } from 'vitest';
import { texts } from '../values.ts';

const held = (message: string) =>
  [...texts(Buffer.from(message))].map(({ bytes, label }) => [label, Buffer.from(bytes).toString()]);

describe('an address', () => {
  it('gives the segments of its path', () => {
    const names = held('url: https://meet.example:8443/r/BlueWhale42?x=1\n').filter(([label]) => label === 'url.path');
    expect(names).toEqual([
      ['url.path', 'r'],
      ['url.path', 'BlueWhale42'],
    ]);
  });

  it('gives them without their escapes', () => {
    expect(held('see https://meet.example/blue%20whale')).toContainEqual(['path', 'blue whale']);
  });

  it('has no path where it ends behind the host', () => {
    expect(held('"wss://meet.example"').filter(([label]) => label === 'path')).toEqual([]);
  });
});
