import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oggCrc, oggOpus } from './ogg.ts';

/** The pages of a file, by RFC 3533, 6. */
function pagesOf(file: Uint8Array) {
  const bytes = Buffer.from(file);
  const pages = [];
  for (let at = 0; at < bytes.length; ) {
    const lacings = bytes.subarray(at + 27, at + 27 + bytes[at + 26]!);
    const start = at + 27 + lacings.length;
    const end = start + lacings.reduce((sum, lacing) => sum + lacing, 0);
    const page = Buffer.from(bytes.subarray(at, end));
    const checksum = page.readUInt32LE(22);
    page.fill(0, 22, 26);
    pages.push({
      magic: page.toString('latin1', 0, 4),
      flags: page[5]!,
      granule: Number(page.readBigUInt64LE(6)),
      sequence: page.readUInt32LE(18),
      sound: checksum === oggCrc(page),
      lastLacing: lacings.at(-1)!,
      packet: new Uint8Array(bytes.subarray(start, end)),
    });
    at = end;
  }
  return pages;
}

/** A packet of one 20 ms frame, `length` bytes in all. */
const packet = (length: number): Uint8Array => new Uint8Array(length).fill(0x78);

describe('oggOpus', () => {
  it('begins with the two headers of RFC 7845', () => {
    const [head, tags] = pagesOf(oggOpus([packet(3)]));
    // Version 1, 1 channel, no pre-skip, 48000 Hz, no gain, family 0.
    expect(Buffer.from(head!.packet).toString('hex')).toBe(
      `${Buffer.from('OpusHead').toString('hex')}0101000080bb0000000000`,
    );
    expect(head).toMatchObject({ flags: 2, granule: 0, sequence: 0 });
    expect(Buffer.from(tags!.packet).toString('latin1')).toBe('OpusTags\x0a\0\0\0keywitness\0\0\0\0');
  });

  it('holds each packet in a page of its own, whole, with its time and checksum', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 1, maxLength: 20 }), (lengths) => {
        const pages = pagesOf(oggOpus(lengths.map(packet)));
        expect(pages.map(({ sequence }) => sequence)).toEqual(pages.map((_, index) => index));
        expect(pages.every(({ magic, sound, lastLacing }) => magic === 'OggS' && sound && lastLacing < 255)).toBe(true);
        expect(pages.slice(2).map((page) => page.packet.length)).toEqual(lengths);
        expect(pages.slice(2).map((page) => page.granule)).toEqual(lengths.map((_, index) => (index + 1) * 960));
        expect(pages.at(-1)!.flags).toBe(4);
      }),
    );
  });

  it('leaves out what is no Opus packet', () => {
    expect(pagesOf(oggOpus([packet(3), new Uint8Array(), Uint8Array.of(0x7b), packet(2000)]))).toHaveLength(3);
    expect(pagesOf(oggOpus([]))).toHaveLength(2);
  });
});

describe('oggCrc', () => {
  it('is the CRC-32 of RFC 3533', () => {
    // CRC-32/MPEG-2 differs in its initial value only: with the first four bytes inverted, both agree.
    const text = Buffer.from('123456789');
    for (let at = 0; at < 4; at++) text[at]! ^= 0xff;
    expect(oggCrc(text)).toBe(0x0376e6e7);
  });
});
