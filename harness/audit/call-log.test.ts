import { describe, expect, it } from 'vitest';
import { Trace } from '../knowledge/fixtures/trace.ts';
import { CallLog } from './call-log.ts';

const ADDRESS = 'https://meet.test/'; // 18 characters

class Traffic extends Trace {
  request(headers: [string, string][]) {
    this.add('http.request', { exchange: 'e', method: 'GET', url: ADDRESS, version: '1.1', headers });
  }
  sent() {
    return this.into(new CallLog([{ name: 'alice', card: 1 }])).sentOtherwise.get('alice') ?? 0;
  }
}

describe('what a participant sent beside the media streams', () => {
  it('is counted in bodies and messages that it sent, not in what it got', () => {
    const traffic = new Traffic();
    const body = new Uint8Array(1000);
    traffic.add('http.body', { exchange: 'e', of: 'request', body, last: true });
    traffic.add('http.body', { exchange: 'e', of: 'response', body, last: true });
    traffic.add('ws.message', { socket: 's', direction: 'send', binary: true, body });
    traffic.add('ws.message', { socket: 's', direction: 'receive', binary: true, body });
    expect(traffic.sent()).toBe(2000);
  });

  it('is counted in addresses and headers; the same header again carries nothing', () => {
    const traffic = new Traffic();
    traffic.request([['cookie', 'a=1']]);
    traffic.request([['cookie', 'a=1']]);
    expect(traffic.sent()).toBe(2 * (ADDRESS.length + 'GET'.length) + 'cookiea=1'.length);
  });

  it('is counted where a data channel sent more than was seen: the page may have handed it to a worker', () => {
    const traffic = new Traffic();
    const channel = { realm: 'page', connection: 'c0' };
    const message = { ...channel, label: '', direction: 'send', binary: true, body: new Uint8Array(100) } as const;
    traffic.add('rtc.transport', { ...channel, dataSent: 0 });
    traffic.add('rtc.data', message);
    traffic.add('rtc.transport', { ...channel, dataSent: 100 });
    expect(traffic.sent()).toBe(100);
    traffic.add('rtc.transport', { ...channel, dataSent: 70_000 });
    expect(traffic.sent()).toBe(70_000);
  });

  it('is counted in the names of data channels that it opened', () => {
    const traffic = new Traffic();
    const channel = { realm: 'page', connection: 'c0', label: 'a'.repeat(60_000), protocol: 'b'.repeat(60_000) };
    traffic.add('rtc.channel', { ...channel, direction: 'receive' });
    expect(traffic.sent()).toBe(0);
    traffic.add('rtc.channel', { ...channel, direction: 'send' });
    expect(traffic.sent()).toBe(120_000);
  });

  it('is counted in headers that change each time: media may be in them', () => {
    const traffic = new Traffic();
    for (let index = 0; index < 100; index++) traffic.request([['x-data', `${index}`.padStart(500, '0')]]);
    expect(traffic.sent()).toBeGreaterThan(50_000);
  });

  it('is counted a little where a header switches between values that were sent before: which one it is tells something', () => {
    const traffic = new Traffic();
    const first = 2 * (ADDRESS.length + 'GET'.length) + 2 * 'x-bita'.length;
    for (let index = 0; index < 1002; index++) traffic.request([['x-bit', 'ab'[index % 2]!]]);
    expect(traffic.sent()).toBe(first + 1000 * (ADDRESS.length + 'GET'.length + 2));
  });

  it('is counted in messages that are empty: that they came, and when, tells something', () => {
    const traffic = new Traffic();
    for (let index = 0; index < 1000; index++)
      traffic.add('ws.message', { socket: 's', direction: 'send', binary: true, body: new Uint8Array() });
    expect(traffic.sent()).toBe(2000);
  });
});
