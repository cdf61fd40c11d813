import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyEvidence } from '../harness/claims/evidence.ts';
import type { Crossing } from '../harness/knowledge/crossings.ts';
import type { Path } from '../harness/knowledge/reach.ts';
import { bytesOf, Call } from './fixtures/call.ts';
import { drawLineage, drawStory } from './lineage.ts';
import { printable } from './printable.ts';
import { sentencesOf } from './sentences.ts';
import { type Story, storiesOf } from './story.ts';

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const AES = { name: 'AES-GCM' };

type Keys = Parameters<Call['evidence']>[0];

function stories(call: Call, keys: Keys, { participants = ['alice', 'bob'], audited = true } = {}): Story[] {
  const evidence = call.evidence(keys, { audited });
  return storiesOf(evidence.keys, evidence.lineage, participants).stories;
}

/** What is said of the first story, and its drawing. */
function told(call: Call, keys: Keys): { said: string[]; svg: string } {
  const [story] = stories(call, keys);
  return { said: sentencesOf(story!, printable), svg: String(drawStory(story!, printable)) };
}

/** Alice's random key, in use. */
function random(call: Call, participant = 'alice', name = 'media'): Uint8Array {
  const bytes = call.random(participant, bytesOf(`${participant} ${name}`));
  call.key(participant, name, bytes, AES);
  return bytes;
}

describe('the story of a key', () => {
  test('that is sealed for a peer tells who made it, and what seals it', () => {
    const call = new Call();
    for (const name of ['alice', 'bob']) call.pair(name);
    const media = random(call);
    call.seal('alice', 'bob', media);
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said).toEqual([
      'X25519 private key of alice (event 0). Devices only.',
      'X25519 private key of bob (event 2). Devices only.',
      'Key agreement (X25519), from 1 or 2, by alice and bob (events 7 and 12). Devices only.',
      'HKDF with SHA-256, from 3, by alice and bob (events 10 and 15). Devices only.',
      'Sealed with AES-GCM by alice, opened by bob, under 4 (events 16 and 17). No way was found for the provider to open it.',
      'Randomness drawn by alice’s browser (event 4). Devices only.',
      'Key 1, from 5 or 6, seals alice’s video. Devices only.',
    ]);
    expect(svg).toContain('class="shackle"');
    expect(svg).not.toMatch(/leak|provider, too/);
  });

  test('that stands in a message leads there, in red', () => {
    const call = new Call();
    const media = random(call);
    const reply = call.reply('bob', 'https://meet.example/join', JSON.stringify({ key: base64(media) }));
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said).toEqual([
      `Crossed in the clear in the reply to POST https://meet.example/join, sent to bob, as “key” in base64 (event ${reply}). The provider saw it.`,
      'Randomness drawn by alice’s browser (event 0). The provider could have it, too.',
      'Key 1, from 1 or 2, seals alice’s video. The provider could have it, too.',
    ]);
    expect(svg.match(/class="line leak"/g)).toHaveLength(1);
    expect(svg.match(/class="line plain"/g)).toHaveLength(1);
    expect(svg).toContain('✗ the provider, too');
  });

  test('that was derived from a passphrase in a reply goes on from there', () => {
    const call = new Call();
    const passphrase = utf8('correct-horse-battery');
    call.reply('alice', 'https://meet.example/join', JSON.stringify({ passphrase: 'correct-horse-battery' }));
    const { bytes } = call.hkdf('alice', call.key('alice', 'base', passphrase, AES), passphrase, 'media');
    expect(told(call, [{ bytes, whose: 'alice' }]).said).toEqual([
      expect.stringMatching(
        /^Crossed in the clear in the reply to POST https:\/\/meet\.example\/join, sent to alice\b.* \(event 2\)/,
      ),
      'HKDF with SHA-256, from 1, by alice (event 5). The provider could have it, too.',
      'Key 1, from 2, seals alice’s video. The provider could have it, too.',
    ]);
  });

  test('that came in two halves needs both', () => {
    const call = new Call();
    const [one, two] = [bytesOf('one'), bytesOf('two')];
    const media = one.map((byte, index) => byte ^ two[index]!);
    call.reply('alice', 'https://one.example/half', JSON.stringify({ half: base64(one) }));
    call.reply('alice', 'https://two.example/half', JSON.stringify({ half: base64(two) }));
    call.key('alice', 'media', media, AES);
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said).toHaveLength(4);
    expect(said[2]).toMatch(/^XOR of both, from 1 and 2 together \(event 6\)\. The provider could have it, too\.$/);
    expect(svg).toContain('needs all of these');
    expect(svg.match(/class="line leak"/g)).toHaveLength(3);
  });

  test('of which the provider has one half only is not red', () => {
    const call = new Call();
    const [one, two] = [bytesOf('one'), bytesOf('two')];
    const media = one.map((byte, index) => byte ^ two[index]!);
    call.reply('alice', 'https://one.example/half', JSON.stringify({ half: base64(one) }));
    call.random('alice', two);
    call.key('alice', 'media', media, AES);
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said.at(-1)).toBe('Key 1, from 3, seals alice’s video. Devices only.');
    expect(said).toContain('Value that crossed the provider (event 2). The provider could have it, too.');
    expect(svg).not.toContain('leak');
  });

  test('that hangs on a PIN says how many there are', () => {
    const call = new Call();
    const pin = utf8('482913');
    call.add('call.shared', { value: pin });
    const media = call.pbkdf2('alice', call.key('alice', 'base', pin, { name: 'PBKDF2' }), pin, 1000);
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said).toEqual([
      'One of 6 digits, which can all be tried (event 0). The provider could find it.',
      'Secret shared in the link, past the provider, also had from 1 (event 0). The provider could have it, too.',
      'PBKDF2 with SHA-256 1000 times, from 2, by alice (event 2). The provider could have it, too.',
      'Key 1, from 3, seals alice’s video. The provider could have it, too.',
    ]);
    expect(`${said}${svg}`).not.toContain('482913');
  });

  test('that crossed sealed, under a key that crossed, too, is not told as sealed', () => {
    const call = new Call();
    for (const name of ['alice', 'bob']) call.pair(name);
    const media = random(call);
    const sealed = call.seal('alice', 'bob', media);
    call.reply('bob', 'https://meet.example/sealed', base64(sealed));
    const sealing = call.agree('bob', 'alice').bytes;
    const reply = call.reply('bob', 'https://meet.example/backup', base64(sealing));
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    const opened = said.find((sentence) => sentence.startsWith('Sealed'));
    expect(opened).toMatch(
      /opened by bob; it crossed in the reply to POST https:\/\/meet\.example\/sealed, under \d \(/,
    );
    expect(opened).toMatch(/The provider could open it\.$/);
    expect(said.join()).toContain(
      `https://meet.example/backup, sent to bob, in base64 (event ${reply}). The provider saw it.`,
    );
    expect(svg.match(/class="line leak"/g)).toHaveLength(3);
    expect(svg).not.toContain('✓ sealed');
  });

  test('that somebody sealed anew on its way names who sealed and who opened it', () => {
    const call = new Call();
    const media = random(call);
    const [key] = [...call.evidence([{ bytes: media, whose: 'alice' }]).keys.keys()];
    const { lineage, keys } = call.evidence([{ bytes: media, whose: 'alice', change: { path: resealed(key!) } }]);
    const { stories } = storiesOf(keys, lineage, ['alice', 'bob']);
    expect(sentencesOf(stories[0]!, printable).slice(0, 3)).toEqual([
      'Sealed, in a message to wss://meet.example, sent by alice (event 11). The provider could open it.',
      'Sealed, in a message from wss://meet.example, sent to bob (event 12). The provider could open it.',
      'Sealed by alice, opened by bob from another sealing: who stood between had it, under 1 and 2 together (events 11, 12 and 13). The provider could open it.',
    ]);
  });

  test('that was not seen being made does not say that only devices have it', () => {
    const call = new Call();
    const base = bytesOf('from nowhere');
    const { bytes } = call.hkdf('alice', call.key('alice', 'base', base, AES), base, 'media');
    const { said, svg } = told(call, [{ bytes, whose: 'alice' }]);
    expect(said[0]).toBe(
      'Value not seen being made, first seen on alice’s device (event 0). Who could have it is not known.',
    );
    expect(said.at(-1)).toContain('Who could have it is not known.');
    expect(svg).toContain('? not known who has it');
    expect(svg).not.toContain('devices only');
  });

  test('that is sealed under a key from nowhere does not say so either', () => {
    const call = new Call();
    const media = random(call);
    const sealing = call.key('alice', 'sealing', bytesOf('from nowhere'), AES);
    const lengths = { inputLength: 32, outputLength: 48 };
    const [input, output] = [media, bytesOf('sealed', 48)];
    call.add('crypto.cipher', {
      realm: 'r',
      operation: 'encrypt',
      key: sealing,
      algorithm: AES,
      input,
      output,
      ...lengths,
      ok: true,
    });
    const { said } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said[1]).toContain('Who could open it is not known.');
    expect(said.at(-1)).toContain('Who could have it is not known.');
  });

  test('leaves out that it was exported and imported again', () => {
    const call = new Call();
    const media = random(call);
    const jwk = utf8(JSON.stringify({ kty: 'oct', k: Buffer.from(media).toString('base64url') }));
    call.add('crypto.export', { realm: 'r', key: 'alice media', via: 'exportKey', format: 'jwk', value: jwk });
    call.key('alice', 'again', media, AES, { format: 'jwk', input: jwk });
    expect(told(call, [{ bytes: media, whose: 'alice' }]).said).toEqual([
      'Randomness drawn by alice’s browser (event 0). Devices only.',
      'Key 1, from 1, seals alice’s video. Devices only.',
    ]);
  });

  test('tells a ratchet once', () => {
    const call = new Call();
    let value = call.random('alice', bytesOf('first'));
    for (let step = 0; step < 300; step++) value = call.digest('alice', value);
    const { said } = told(call, [{ bytes: value, whose: 'alice' }]);
    expect(said).toHaveLength(3);
    expect(said[1]).toContain('Hashing with SHA-256, 300 times in a row, from 1, by alice');
  });
});

describe('a large call', () => {
  const people = Array.from({ length: 50 }, (_, index) => `person-${index + 1}`);
  const call = new Call();
  for (const name of people) call.pair(name);
  const keys = people.map((name) => {
    const bytes = random(call, name);
    for (const other of people) if (other !== name) call.seal(name, other, bytes);
    return { bytes, whose: name };
  });
  const [story, ...others] = stories(call, keys, { participants: people, audited: false });

  test('has one story where all do the same, with a count and the names cut', () => {
    expect(others).toEqual([]);
    expect(story!.keys.map(({ name }) => name)).toEqual(keys.map((_, index) => `key ${index + 1}`));
    const said = sentencesOf(story!, printable);
    expect(said).toHaveLength(7);
    expect(said.join('\n')).toContain(
      'X25519 private keys of person-2, person-3, person-4, person-5, person-6, person-7, person-8 and 42 more, 49 of them',
    );
  });

  test('has a small drawing', () => {
    const svg = String(drawStory(story!, printable));
    expect(svg.length).toBeLessThan(10_000);
    expect(lettersIn(svg)).toContain('opened by person-2, person-3 and 47 more');
    expect(svg).toContain('✓ sealed, ×49');
    checkLayout(svg);
  });
});

describe('many keys', () => {
  test('that leak in the same way are one story, whatever the addresses, and come first', () => {
    const call = new Call();
    const honest = random(call, 'bob', 'honest');
    const leaky = Array.from({ length: 60 }, (_, index) => random(call, 'alice', `media ${index}`));
    for (const [index, bytes] of leaky.entries())
      call.reply('bob', `https://meet.example/${index}x${index}/key`, base64(bytes));
    const all = [{ bytes: honest, whose: 'bob' }, ...leaky.map((bytes) => ({ bytes, whose: 'alice' }))];
    expect(stories(call, all).map(({ isLeak, keys }) => [isLeak, keys.length])).toEqual([
      [true, 60],
      [false, 1],
    ]);
  });

  test('of which different things are to be told are told apart', () => {
    const call = new Call();
    const [one, two, three, four] = ['one', 'two', 'three', 'four'].map((name) => random(call, 'alice', name));
    const derived = call.hkdf('alice', 'alice four', four!, 'derived').bytes;
    const told = stories(call, [
      { bytes: one!, whose: 'alice' },
      { bytes: two!, whose: 'alice' },
      { bytes: three!, whose: 'alice', change: { unaccounted: ['bob'] } },
      { bytes: derived, whose: 'alice' },
    ]);
    expect(told.map(({ keys }) => keys.map(({ name }) => name))).toEqual([['key 1', 'key 2'], ['key 3'], ['key 4']]);
  });
});

describe('a drawing', () => {
  test('stays small where a service makes its keys in a hundred steps, and still shows where the leak starts', () => {
    const call = new Call();
    let value = random(call);
    const sent = value;
    for (let step = 0; step < 100; step++) value = call.digest('alice', value, ['SHA-256', 'SHA-512'][step % 2]!);
    call.reply('alice', 'https://meet.example/start', base64(sent));
    const { said, svg } = told(call, [{ bytes: value, whose: 'alice' }]);
    expect(said.length).toBeLessThanOrEqual(18);
    expect(said[0]).toContain('Crossed in the clear in the reply to POST https://meet.example/start');
    expect(said.join()).toMatch(/\d+ more, not drawn, from 1\. The provider could have it, too\./);
    expect(said.at(-1)).toContain('The provider could have it, too.');
    checkLayout(svg);
  });

  test('stays narrow where a key comes from many different things', () => {
    const call = new Call();
    const media = bytesOf('media');
    call.key('alice', 'media', media, AES);
    for (let index = 0; index < 100; index++) {
      const from = random(call, 'alice', `source ${index}`);
      const algorithm = { name: `KDF ${index}` };
      call.add('crypto.derive', { realm: 'r', base: `alice source ${index}`, key: 'alice media', algorithm });
      if (index > 90) call.reply('bob', `https://meet.example/${'x'.repeat(index)}`, base64(from));
    }
    const { said, svg } = told(call, [{ bytes: media, whose: 'alice' }]);
    expect(said.length).toBeLessThanOrEqual(18);
    expect(Number(/viewBox="0 0 (\d+)/.exec(svg)![1])).toBeLessThan(1000);
    checkLayout(svg);
  });

  test('has a title, a description and the role of an image', () => {
    const call = new Call();
    const { keys, lineage } = call.evidence([{ bytes: random(call), whose: 'alice' }]);
    const [[key, secret]] = [...keys] as [[KeyEvidence, Parameters<typeof drawLineage>[1]]];
    const svg = String(drawLineage(key, secret, lineage, ['alice']));
    expect(svg).toMatch(/^<svg [^>]*role="img" aria-labelledby="lineage-1-title lineage-1-desc"/);
    expect(svg).toContain('<title id="lineage-1-title">Where key 1 came from</title>');
    expect(svg).toContain('<desc id="lineage-1-desc">');
  });

  test('leaves room for the widest letters, and cuts what is too long', () => {
    for (const letter of ['W', 'i', '\u{1f600}', '漢']) {
      const call = new Call();
      const name = letter.repeat(300);
      const media = random(call, name);
      call.reply(name, `https://meet.example/${letter.repeat(2000)}`, base64(media));
      const { said, svg } = told(call, [{ bytes: media, whose: name }]);
      for (const sentence of said) expect(sentence.length).toBeLessThan(600);
      expect(svg.length).toBeLessThan(10_000);
      checkLayout(svg);
    }
  });
});

describe('hostile text', () => {
  const EVIL = `</svg></text></title><script>alert(1)</script>"'&<!--]]>\u202e\0\ufffe\ud800`;

  test('stays text', () => {
    const svg = drawHostile(EVIL);
    expect(svg).not.toContain('<script');
    expect(lettersIn(svg)).toContain('<script>');
    checkLayout(svg);
  });

  test('stays text, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (evil) => {
        checkLayout(drawHostile(evil));
      }),
      { numRuns: 30 },
    );
  });

  /** A drawing in which `evil` stands wherever a service can put text. */
  function drawHostile(evil: string): string {
    const call = new Call();
    const name = `alice ${evil}`;
    const base = call.random(name, bytesOf('base'));
    call.key(name, 'base', base, { name: evil });
    const [media, sealing] = [bytesOf('media'), bytesOf('sealing')];
    call.key(name, 'media', media, AES, { via: 'generateKey' });
    call.key(name, 'sealing', sealing, { name: `RSA ${evil}` }, { via: 'generateKey' });
    const algorithm = { name: `KDF ${evil}`, hash: evil };
    call.add('crypto.derive', { participant: name, realm: 'r', base: `${name} base`, key: `${name} media`, algorithm });
    const lengths = { inputLength: 32, outputLength: 48 };
    const [input, output] = [media, bytesOf('sealed', 48)];
    call.add('crypto.cipher', {
      participant: evil,
      realm: 'r',
      operation: 'decrypt',
      key: `${name} sealing`,
      algorithm: { name: evil },
      input: output,
      output: input,
      inputLength: lengths.outputLength,
      outputLength: lengths.inputLength,
      ok: true,
    });
    call.reply(name, `https://meet.example/${evil}`, base64(base));
    const { keys, lineage } = call.evidence([{ bytes: media, whose: name, change: { name: `key ${evil}` } }]);
    const [[key, secret]] = [...keys] as [[KeyEvidence, Parameters<typeof drawLineage>[1]]];
    expect(key.path).toBeDefined();
    return String(drawLineage(key, secret, lineage, [name]));
  }
});

/** What leads to a key that was sealed by Alice and opened by Bob, each for somebody else. */
function resealed({ bytes }: KeyEvidence): Path {
  const crossing = (participant: string, direction: 'send' | 'receive', event: number): Path[number] => {
    const what = `a message ${direction === 'send' ? 'to' : 'from'} wss://meet.example`;
    const crossing: Crossing = {
      evidence: [event],
      t: 0,
      participant,
      direction,
      host: 'meet.example',
      what,
      wire: () => new Uint8Array(),
      codings: [],
    };
    const source = { from: 'crossing', sealed: true, crossing, steps: [] } as const;
    return { text: what, evidence: [event], gives: bytesOf(what), source: { ...source, steps: [] } };
  };
  const witness = (participant: string) => ({
    participant,
    key: bytesOf(`${participant} sealing`),
    derivation: { do: 'open', algorithm: 'AES-GCM', iv: '', additionalData: '', tagBits: 128 } as const,
  });
  const [left, reached] = [witness('alice'), witness('bob')];
  return [
    crossing('alice', 'send', 11),
    crossing('bob', 'receive', 12),
    { text: 'sealed anew', evidence: [13], gives: bytes, source: { from: 'resealed', inputs: [0, 1], left, reached } },
  ];
}

interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
  children: Element[];
}

/** XML 1.0 as far as a drawing may use it; throws where it isn't well-formed, or holds what it has no use for. */
function parse(xml: string): Element {
  expect(xml.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\ufffe\uffff]/u);
  const root: Element = { name: '', attributes: {}, text: '', children: [] };
  const open = [root];
  const pattern = /<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<>]*")*)>|([^<>]+)|([\s\S])/g;
  for (const [, slash, name, list, text, wrong] of xml.matchAll(pattern)) {
    expect(wrong).toBeUndefined();
    const top = open.at(-1)!;
    if (text !== undefined) {
      expect(text).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
      top.text += text;
    } else if (slash) expect(open.pop()!.name).toBe(name);
    else {
      const pairs = [...list!.matchAll(/ ([a-zA-Z:-]+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!] as const);
      expect(new Set(pairs.map(([attribute]) => attribute)).size).toBe(pairs.length);
      const element: Element = { name: name!, attributes: Object.fromEntries(pairs), text: '', children: [] };
      for (const attribute of Object.keys(element.attributes)) expect(ATTRIBUTES).toContain(attribute);
      expect(ELEMENTS).toContain(name);
      top.children.push(element);
      open.push(element);
    }
  }
  expect(open).toEqual([root]);
  expect(root.children).toHaveLength(1);
  return root.children[0]!;
}

const ELEMENTS = ['svg', 'title', 'desc', 'g', 'path', 'rect', 'text'];
const ATTRIBUTES = 'xmlns class role aria-labelledby viewBox width height id d x y rx'.split(' ');

/** That it is well-formed, that boxes lie within the drawing and apart, and texts within boxes, one below the other. */
function checkLayout(svg: string): void {
  const root = parse(svg);
  const sizes = ({ attributes }: Element) => ['x', 'y', 'width', 'height'].map((name) => Number(attributes[name] ?? 0));
  const [, , width, height] = sizes(root) as [number, number, number, number];
  const boxes = root.children.filter(({ name }) => name === 'svg');
  const places = boxes.map(sizes) as [number, number, number, number][];
  for (const [index, [x, y, w, h]] of places.entries()) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(x + w).toBeLessThanOrEqual(width);
    expect(y + h).toBeLessThanOrEqual(height);
    for (const [otherX, otherY, otherW, otherH] of places.slice(index + 1))
      expect(x + w <= otherX || otherX + otherW <= x || y + h <= otherY || otherY + otherH <= y).toBe(true);
    const texts = boxes[index]!.children.filter(({ name }) => name === 'text');
    const lines = texts.map(({ attributes }) => Number(attributes.y));
    expect(texts.length).toBeGreaterThan(1);
    expect(Math.max(...lines)).toBeLessThan(h);
    for (const [at, line] of lines.slice(1).entries()) expect(line - lines[at]!).toBeGreaterThan(12);
    for (const { text } of texts) expect([...text].length).toBeLessThan(60);
  }
}

/** All words of a drawing, unbroken. */
function lettersIn(svg: string): string {
  const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
  return texts
    .join(' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
