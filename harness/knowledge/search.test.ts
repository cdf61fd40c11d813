import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { find, type Hit, patterns, Searcher, SHORTEST_SECRET } from './search.ts';

const secret = Uint8Array.from(Buffer.from('fbff7e0a00ff3e41426112f0ffbf3f80', 'hex'));
const utf8 = (text: string): Uint8Array => Buffer.from(text);
const secrets = fc.uint8Array({ minLength: SHORTEST_SECRET, maxLength: 64 });

function secret16(encoding: 'hex' | 'base64'): string {
  return Buffer.from(secret).toString(encoding).replaceAll('=', '');
}

describe('find', () => {
  it.each<[string, string | Uint8Array, string]>([
    ['raw', Buffer.concat([utf8('key'), secret]), 'raw'],
    ['hex', 'key=fbff7e0a00ff3e41426112f0ffbf3f80', 'hex'],
    ['hex in upper case', 'key=FBFF7E0A00FF3E41426112F0FFBF3F80', 'hex (upper case)'],
    ['base64', 'key=+/9+CgD/PkFCYRLw/78/gA==', 'base64'],
    ['base64 without padding', 'key=+/9+CgD/PkFCYRLw/78/gA', 'base64'],
    ['base64url', 'key=-_9-CgD_PkFCYRLw_78_gA', 'base64url'],
    ['base64 in a form', 'key=%2B%2F9%2BCgD%2FPkFCYRLw%2F78%2FgA%3D%3D', 'base64, percent-encoded'],
    ['base64 in a form, lower case', 'key=%2b%2f9%2bCgD%2fPkFCYRLw%2f78%2fgA%3d%3d', 'base64, percent-encoded'],
    ['base64 with slashes escaped', '"k":"+\\/9+CgD\\/PkFCYRLw\\/78\\/gA=="', 'base64'],
    ['numbers', '[251,255,126,10,0,255,62,65,66,97,18,240,255,191,63,128]', 'decimal numbers'],
    ['hex with colons', 'key:fb:ff:7e:0a:00:ff:3e:41:42:61:12:f0:ff:bf:3f:80', 'hex, separated'],
    ['hex with spaces, upper case', 'key:FB FF 7E 0A 00 FF 3E 41 42 61 12 F0 FF BF 3F 80', 'hex, separated'],
    ['numbers with a sign', '[-5,-1,126,10,0,-1,62,65,66,97,18,-16,-1,-65,63,-128]', 'decimal numbers'],
    [
      'numbers with spaces',
      '[251, 255, 126, 10, 0, 255, 62, 65, 66, 97, 18, 240, 255, 191, 63, 128]',
      'decimal numbers',
    ],
    ['percent-encoded', 'k=%fb%ff%7e%0a%00%ff%3e%41%42%61%12%f0%ff%bf%3f%80', 'percent-encoded'],
    ['percent-encoded in upper case', 'k=%FB%FF%7E%0A%00%FF%3E%41%42%61%12%F0%FF%BF%3F%80', 'percent-encoded'],
    ['percent-encoded where needed', 'k=%FB%FF~%0A%00%FF%3EABa%12%F0%FF%BF%3F%80', 'percent-encoded'],
    ['percent-encoded where needed, lower case', 'k=%fb%ff~%0a%00%ff%3eABa%12%f0%ff%bf%3f%80', 'percent-encoded'],
  ])('finds %s', (_, message, encoding) => {
    const at = typeof message === 'string' ? message.search(/[=[:]"?/) + 1 + Number(message.includes('"')) : 3;
    const bytes = typeof message === 'string' ? utf8(message) : message;
    expect(find(bytes, secret)).toEqual({ encoding, offset: at });
  });

  it.each<[string, string]>([
    ['hex', secret16('hex')],
    ['base64', secret16('base64')],
    ['decimal numbers', [...secret].join(',')],
  ])('finds %s in UTF-16 of either byte order', (encoding, text) => {
    const little = Buffer.from(`"${text}"`, 'utf16le');
    const big = Buffer.from(little).swap16();
    expect(find(little, secret)).toEqual({ encoding: `${encoding}, UTF-16`, offset: 2 });
    expect(find(big, secret)).toEqual({ encoding: `${encoding}, UTF-16`, offset: 3 });
  });

  it('finds a secret at any place of bytes that are base64 as a whole, in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array(), secrets, fc.uint8Array(), (before, own, after) => {
        const whole = Buffer.concat([before, own, after]);
        expect(find(utf8(whole.toString('base64')), own)?.encoding).toBe('base64');
        // Equal alphabets where neither of the two letters comes up.
        expect(find(utf8(whole.toString('base64url')), own)?.encoding).toMatch(/^base64(url)?$/);
      }),
      { numRuns: 500 },
    );
  });

  it('finds a secret at any place of any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), secrets, fc.uint8Array(), (before, own, after) => {
        const hit = find(Buffer.concat([before, own, after]), own)!;
        expect(hit.encoding).toBe('raw');
        expect(hit.offset).toBeLessThanOrEqual(before.length);
      }),
    );
  });

  it('reads a view into a larger buffer', () => {
    const buffer = Buffer.concat([secret, utf8('nothing of it here')]);
    expect(find(buffer.subarray(secret.length), secret)).toBeUndefined();
    expect(find(buffer.subarray(0, secret.length), secret)?.offset).toBe(0);
  });

  it('finds nothing where the secret is not', () => {
    const noise = Buffer.concat(
      Array.from({ length: 4000 }, (_, index) => createHash('sha512').update(`noise ${index}`).digest()),
    );
    const texts = [noise, utf8(noise.toString('base64')), utf8(noise.toString('hex')), utf8([...noise].join(','))];
    for (let index = 0; index < 20; index++) {
      const own = createHash('sha512').update(`secret ${index}`).digest().subarray(0, SHORTEST_SECRET);
      for (const text of texts) expect(find(text, own)).toBeUndefined();
    }
  });

  it('does not find a secret of which one bit differs', () => {
    for (let bit = 0; bit < secret.length * 8; bit++) {
      const other = Uint8Array.from(secret);
      other[bit >> 3]! ^= 1 << (bit & 7);
      for (const text of [other, utf8(Buffer.from(other).toString('hex')), utf8(`[${other}]`)])
        expect(find(text, secret)).toBeUndefined();
    }
  });

  it('finds no secret that is too short, wherever it stands', () => {
    for (let length = 0; length < SHORTEST_SECRET; length++) {
      const own = secret.subarray(0, length);
      for (const { bytes } of patterns(own)) expect(find(bytes, own)).toBeUndefined();
    }
    expect(find(secret, secret.subarray(0, SHORTEST_SECRET))).toBeDefined();
  });
});

describe('patterns', () => {
  it('are never empty, as what is empty stands everywhere', () => {
    for (let length = 0; length < 20; length++)
      for (const { bytes } of patterns(secret.subarray(0, length))) expect(bytes.length).toBeGreaterThan(0);
  });

  it('are all different', () => {
    fc.assert(
      fc.property(secrets, (own) => {
        const texts = patterns(own).map(({ bytes }) => Buffer.from(bytes).toString('latin1'));
        expect(new Set(texts).size).toBe(texts.length);
      }),
    );
  });

  it('hold nearly all bits of the secret, so that a chance hit is out of the question', () => {
    fc.assert(
      fc.property(secrets, (own) => {
        for (const { encoding, bytes } of patterns(own))
          if (/^base64[^,]*$/.test(encoding)) expect(bytes.length * 6).toBeGreaterThanOrEqual(own.length * 8 - 12);
      }),
    );
  });
});

/** One pattern after the other, at each place. */
function naive(message: Uint8Array, all: readonly Uint8Array[]): Hit[] {
  const haystack = Buffer.from(message);
  const found: Hit[] = [];
  for (const [secret, own] of all.entries())
    if (own.length >= SHORTEST_SECRET)
      for (const { encoding, bytes } of patterns(own))
        for (let at = haystack.indexOf(bytes); at >= 0; at = haystack.indexOf(bytes, at + 1))
          found.push({ secret, encoding, offset: at, length: bytes.length });
  return sorted(found);
}

function sorted(hits: Iterable<Hit>): Hit[] {
  const name = ({ secret, encoding, length }: Hit) => `${secret} ${length} ${encoding}`;
  return [...hits].sort((a, b) => a.offset - b.offset || (name(a) < name(b) ? -1 : 1));
}

describe('Searcher', () => {
  // Few different bytes, so that secrets begin alike, hold one another and overlap; too short ones among them.
  const alike = fc
    .array(fc.constantFrom(0, 1, 0x61, 0xff), { minLength: 10, maxLength: 40 })
    .map((all) => Uint8Array.from(all));
  const many = fc.array(fc.oneof(secrets, alike), { maxLength: 8 });
  const cases = many.chain((all) => {
    const pieces = [fc.uint8Array({ maxLength: 40 }), alike, fc.constant(utf8('%00,'))];
    const planted = all.flatMap(patterns).map(({ bytes }) => fc.constant(bytes));
    const message = fc.array(
      fc.oneof(...pieces, ...(planted.length > 0 ? [fc.oneof(...planted), fc.oneof(...planted)] : [])),
    );
    return fc.record({ all: fc.constant(all), message: message.map((parts) => Buffer.concat(parts)) });
  });

  it('finds what a search for one pattern after the other finds, in their order', () => {
    fc.assert(
      fc.property(cases, ({ all, message }) => {
        const hits = [...new Searcher(all).search(message)];
        expect(sorted(hits)).toEqual(naive(message, all));
        expect(hits.map(({ offset }) => offset)).toEqual(hits.map(({ offset }) => offset).sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it('finds the same in a message that comes in pieces, which are overwritten afterwards', () => {
    fc.assert(
      fc.property(cases, fc.array(fc.nat(200)), ({ all, message }, lengths) => {
        const stream = new Searcher(all).stream();
        const hits: Hit[] = [];
        let at = 0;
        for (const length of [...lengths, message.length]) {
          const piece = Uint8Array.from(message.subarray(at, at + length));
          hits.push(...stream.push(piece));
          piece.fill(0);
          at += piece.length;
        }
        expect(sorted(hits)).toEqual(naive(message, all));
      }),
      { numRuns: 300 },
    );
  });

  it('tells many secrets apart', () => {
    const all = Array.from({ length: 500 }, (_, index) => createHash('sha256').update(`${index}`).digest());
    const searcher = new Searcher(all);
    for (const index of [0, 177, 499]) {
      const message = `{"id":1,"key":"${all[index]!.toString('base64url')}"}`;
      expect([...searcher.search(utf8(message))].map(({ secret, offset }) => [secret, offset])).toEqual([[index, 15]]);
    }
  });

  // Compared one by one, each place would take as many steps as there are secrets.
  it('takes a long message that begins every one of many secrets', () => {
    const all = Array.from({ length: 200 }, (_, index) => {
      const own = Buffer.alloc(32);
      own.writeUInt32BE(index + 1, 28);
      return own;
    });
    const message = Buffer.alloc(1 << 18);
    const searcher = new Searcher(all);
    expect([...searcher.search(message)]).toEqual([]);
    message.set(all[100]!, 1000);
    expect([...searcher.search(message)]).toContainEqual({
      secret: 100,
      encoding: 'raw',
      offset: 1000,
      length: 32,
    });
  });

  it('finds nothing for no secrets, and nothing in no message', () => {
    expect([...new Searcher([]).search(secret)]).toEqual([]);
    expect([...new Searcher([secret.subarray(0, SHORTEST_SECRET - 1)]).search(secret)]).toEqual([]);
    expect([...new Searcher([secret]).search(new Uint8Array())]).toEqual([]);
  });
});
