import { describe, expect, it } from 'vitest';
import { Connections } from './connections.ts';
import { Crossings } from './crossings.ts';
import { describedBytes } from './descriptions.ts';
import { Trace } from './fixtures/trace.ts';

const LINES = ['v=0', 'a=fingerprint:sha-256 AA:BB:CC', 'a=rtpmap:111 opus/48000/2'];
const SDP = `${LINES.join('\r\n')}\r\n`;
const LONG = LINES[1]!.length + LINES[2]!.length;

class Page extends Trace {
  description(sdp: string, side: 'local' | 'remote' = 'local') {
    this.add('rtc.description', { realm: 'page', connection: 'c0', side, kind: 'offer', sdp });
  }
  sends(text: string, direction: 'send' | 'receive' = 'send') {
    this.add('ws.message', { socket: 's', direction, binary: false, body: Buffer.from(text) });
  }
  described() {
    const connections = this.into(new Connections(['alice']));
    const crossings = this.into(new Crossings(this, connections));
    return describedBytes(crossings.all, connections).get('alice') ?? 0;
  }
}

describe('the bytes of session descriptions in what was sent', () => {
  it.each([
    ['as they are', SDP],
    ['in JSON', JSON.stringify({ type: 'offer', sdp: SDP })],
    ['in JSON in JSON', JSON.stringify({ message: JSON.stringify({ sdp: SDP }) })],
    ['between other bytes', `\x08\x01\x12${SDP}\x1a\x02`],
  ])('are those of the lines of the browser’s own: %s', (_, text) => {
    const page = new Page();
    // A proxy and a page have no common order.
    page.sends(text);
    page.description(SDP);
    // The last line of JSON has its own end.
    expect(page.described()).toBe(LONG);
  });

  it('are counted each time', () => {
    const page = new Page();
    page.description(SDP);
    page.sends(SDP);
    page.sends(SDP);
    expect(page.described()).toBe(2 * LONG);
  });

  it('are none of other lines, of what came, or of what was told of the far end', () => {
    const page = new Page();
    page.description(SDP);
    page.description('a=x-data:0123456789\r\n', 'remote');
    page.sends('a=x-data:0123456789\r\na=fingerprint:sha-256 AA:BB:CD\r\n');
    page.sends(SDP, 'receive');
    expect(page.described()).toBe(0);
  });

  it.each([
    ['a=fmtp:111 minptime=10;useinbandfec=1', true],
    [`a=fmtp:111 film=${'x'.repeat(100)}`, false],
    [`a=fmtp:111 minptime=${'x'.repeat(100)}`, false],
    [`a=mid:${'x'.repeat(1000)}`, false],
    ['a=x-data:0123456789', false],
  ])('are those of lines that a browser writes by itself, for a page may have added others: %.40s', (line, isKnown) => {
    const page = new Page();
    page.description(`${line}\r\n`);
    page.sends(`${line}\r\n`);
    expect(page.described()).toBe(isKnown ? line.length : 0);
  });
});
