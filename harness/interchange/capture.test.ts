import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Captured, isCapture, readCapture } from './capture.ts';
import { pcap } from './fixtures/captures.ts';
import { interfaceBlock, packetBlock, secretsBlock, sectionBlock } from './pcapng.ts';
import { ByteSource, InterchangeError } from './source.ts';

const read = (bytes: Uint8Array) => [...readCapture(ByteSource.of('x', bytes))];
const packetsOf = (all: Captured[]) => all.flatMap((item) => (item.kind === 'packet' ? [item] : []));
const TIME = 1_700_000_000_123_456;

/** A pcapng file in the other byte order: the writer's own, turned round field by field. */
function bigEndian(data: Uint8Array, high: number, low: number): Buffer {
  const block = (type: number, ...words: (number | Uint8Array)[]) => {
    const inside = Buffer.concat(
      words.map((word) => {
        if (typeof word !== 'number') return Buffer.from(word);
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(word);
        return bytes;
      }),
    );
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(type, 0);
    ends.writeUInt32BE(inside.length + 12, 4);
    return Buffer.concat([ends, inside, ends.subarray(4)]);
  };
  return Buffer.concat([
    block(0x0a0d0d0a, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff),
    block(1, 0x00650000, 0, 0x00090001, Buffer.from([9, 0, 0, 0]), 0),
    block(6, 0, high, low, data.length, data.length, data),
  ]);
}

describe('readCapture', () => {
  for (const little of [true, false])
    for (const nano of [true, false])
      it(`reads pcap, ${little ? 'little' : 'big'}-endian, ${nano ? 'nano' : 'micro'}seconds`, () => {
        const packets = [0, 1, 2].map((at) => ({ time: TIME + at, data: Buffer.alloc(at * 5, at) }));
        const found = packetsOf(read(pcap(packets, { little, nano, link: 113 })));
        expect(found.map(({ time, data, link }) => ({ time, data: Buffer.from(data), link }))).toEqual(
          packets.map((packet) => ({ ...packet, link: 113 })),
        );
      });

  it('reads pcapng of the other byte order, with nanoseconds', () => {
    const ticks = BigInt(TIME) * 1000n + 999n;
    const file = bigEndian(Buffer.from('abcdefgh'), Number(ticks >> 32n), Number(ticks & 0xffffffffn));
    expect(packetsOf(read(file))).toMatchObject([
      { time: TIME, link: 101, data: new TextEncoder().encode('abcdefgh') },
    ]);
  });

  it('reads what the writer wrote: names, comments, directions, secrets, sections', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            time: fc.integer({ min: 0, max: 2 ** 51 }),
            direction: fc.constantFrom('send' as const, 'receive' as const),
            data: fc.uint8Array({ maxLength: 300 }),
            comment: fc.option(fc.string({ maxLength: 50 }), { nil: undefined }),
          }),
        ),
        fc.string({ maxLength: 40 }),
        fc.uint8Array(),
        (packets, name, secrets) => {
          const section = [
            sectionBlock([[1, name]]),
            interfaceBlock(252, name, `of ${name}`),
            secretsBlock(0x544c534b, secrets),
            ...packets.map((one) => packetBlock(0, one.time, one.direction, one.data, one.comment)),
          ];
          const all = read(Buffer.concat([...section, ...section]));
          expect(all).toHaveLength(2 * (packets.length + 2));
          expect(all[0]).toEqual({ kind: 'section', comments: [name] });
          expect(all[1]).toEqual({ kind: 'secrets', type: 0x544c534b, data: secrets });
          expect(packetsOf(all).slice(packets.length)).toEqual(
            packets.map(({ comment, ...packet }) => ({
              ...{ kind: 'packet', link: 252, face: name, description: `of ${name}` },
              ...{ ...packet, comments: comment === undefined ? [] : [comment] },
            })),
          );
        },
      ),
    );
  });

  it('reads a simple packet block, which has no time, and passes by blocks that it does not know', () => {
    const block = (type: number, inside: Buffer) => {
      const ends = Buffer.alloc(8);
      ends.writeUInt32LE(type, 0);
      ends.writeUInt32LE(inside.length + 12, 4);
      return Buffer.concat([ends, inside, ends.subarray(4)]);
    };
    const simple = block(3, Buffer.concat([Buffer.from([5, 0, 0, 0]), Buffer.from('hello\0\0\0')]));
    const file = Buffer.concat([sectionBlock([]), interfaceBlock(1, 'a', ''), block(0xbad, Buffer.alloc(8)), simple]);
    expect(packetsOf(read(file))).toMatchObject([{ time: 0, data: new TextEncoder().encode('hello') }]);
  });

  const whole = Buffer.concat([
    sectionBlock([[1, 'a comment']]),
    interfaceBlock(1, 'eth0', ''),
    packetBlock(0, TIME, 'send', Buffer.alloc(60)),
  ]);

  it.each([
    ['pcapng', whole],
    ['pcap', pcap([{ time: TIME, data: Buffer.alloc(60) }])],
  ])('says where a %s file is cut off, wherever that is', (_, file) => {
    for (let length = 0; length < file.length; length++) {
      const found: unknown[] = [];
      try {
        for (const item of readCapture(ByteSource.of('call.pcap', file.subarray(0, length)))) found.push(item);
      } catch (error) {
        expect(error).toBeInstanceOf(InterchangeError);
        expect((error as Error).message).toMatch(
          /^call\.pcap is cut off at byte \d+: expected \d+ bytes of .+, found \d+$/,
        );
        continue;
      }
      // A file may end after any packet or block, and no one can tell.
      expect(found.length).toBeLessThan(2);
    }
  });

  it.each([
    ['what is no capture', Buffer.from('not a capture at all'), /begins with 0x6e6f7420, expected the start of a pcap/],
    ['a packet of 4 GB', pcap([{ time: 0, data: Buffer.alloc(0) }]).fill(0xff, 32, 36), /packet of 4294967295 bytes/],
    ['a block of no length', Buffer.from(whole).fill(0, 4, 8), /a block of 0 bytes, expected a multiple of 4/],
    [
      'an interface that is not described',
      Buffer.concat([sectionBlock([]), packetBlock(3, 0, 'send', Buffer.alloc(4))]),
      /interface 3, which was not described/,
    ],
  ])('refuses %s', (_, file, message) => {
    expect(() => read(file)).toThrow(InterchangeError);
    expect(() => read(file)).toThrow(message);
  });

  it('never throws anything else, whatever it is given', () => {
    const start = fc.constantFrom(whole.subarray(0, 28), pcap([]), whole, Buffer.from([0x0a, 0x0d, 0x0d, 0x0a]));
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 400 }), change, (head, rest, changes) => {
        const file = Buffer.concat([head, rest]);
        for (const [at, value] of changes) if (file.length > 0) file[at % file.length] = value;
        try {
          for (const item of readCapture(ByteSource.of('x', file)))
            if (item.kind === 'packet') expect(new Date(item.time / 1000).getTime()).not.toBeNaN();
        } catch (error) {
          if (!(error instanceof InterchangeError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('knows a capture by its first bytes', () => {
    expect(isCapture(whole)).toBe(true);
    for (const little of [true, false]) expect(isCapture(pcap([], { little, nano: little }))).toBe(true);
    expect(isCapture(Buffer.from('{"log"'))).toBe(false);
    expect(isCapture(Buffer.alloc(3))).toBe(false);
  });
});
