import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Audit, Verdict } from '../harness/audit/audit.ts';
import type { KeyEvidence, Sight, StreamEvidence } from '../harness/claims/evidence.ts';
import { ByFrame } from '../harness/knowledge/by-frame.ts';
import type { Crossing } from '../harness/knowledge/crossings.ts';
import { LeavingFrames } from '../harness/knowledge/leaving-frames.ts';
import { Lineage } from '../harness/knowledge/lineage.ts';
import type { SentStream } from '../harness/knowledge/media-view.ts';
import type { Picture } from '../harness/media/decoder.ts';
import type { EncodedFrame } from '../harness/media/frames.ts';
import { png } from '../harness/media/png.ts';
import { CARD, renderCard } from '../harness/media/test-card.ts';
import type { Body } from '../harness/recording/format.ts';
import { bytesOf, Call, videoOf } from './fixtures/call.ts';
import { renderHtml } from './html.ts';

const KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const ARRIVED = png(new Uint8Array(64 * 36).fill(90), 64, 36);

describe('the report', () => {
  const page = render();

  test('tells first how it went, of what, and when', () => {
    expect(page).toContain('<h1>specimen/test</h1>');
    expect(page).toContain('<p class="lead">1 of 2 claims refuted, 1 could not be judged.</p>');
    expect(text(page)).toContain('Recorded 3 April 2020, 12:05 UTC');
    expect(text(page)).toContain('keywitness 0.1.0, Chromium 156');
  });

  test('warns of the keys in the recording', () => {
    expect(text(page)).toContain('The recording holds the keys of the call');
  });

  test('asks for nothing from anywhere, and may not', () => {
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;`);
    for (const { name, attributes } of tags(page)) {
      expect(name).not.toBe('script');
      expect(name).not.toBe('link');
      for (const attribute of Object.keys(attributes)) expect(attribute).not.toMatch(/^on|style|xlink/i);
      if (attributes.src !== undefined) expect(attributes.src).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/);
      if (attributes.href !== undefined) expect(attributes.href).toMatch(/^(#[a-z]+-\d+|proofs\/[a-z-]+\/)$/);
    }
    expect(page).not.toMatch(/url\(|@import/);
  });

  test('says of each claim what was said, found and checked, and where the proof is', () => {
    const said = text(page);
    expect(said).toContain('We use AES-256.');
    expect(said).toContain('Stated: algorithm AES, key bits 256.');
    expect(said).toContain('Observed: something else.');
    expect(said).toContain('✓ held Pictures arrived (20 cards)');
    expect(said).toContain('✗ not held Keys known (none)');
    expect(said).toContain('cd proofs/cipher && node reproduce.mjs');
    expect(page).toContain('href="proofs/cipher/"');
    expect(said).toContain('What this test cannot see Much.');
  });

  test('gives the verdict as a word, never as a colour alone', () => {
    expect(page).toContain('<span class="badge refuted"><span aria-hidden="true">✗ </span>refuted</span>');
  });

  test('tells of a key what it is, who made it and how the provider comes to it, and never its bytes', () => {
    const said = text(page);
    expect(said).toContain('AES-128 in ECB mode, without authentication');
    expect(said).toContain('keys.test sent alice the key in the clear as "k" (base64) in the reply');
    expect(said).toContain('appears first in what keys.test sent to alice');
    expect(said).toContain('Who holds it alice and bob.');
    const leaky = render((audit) => {
      audit.result.verdicts[0]!.reason = `It was ${KEY.toString('hex')}.`;
      audit.gathered.evidence.keys[0]!.path![0]!.text = `sent in https://test/${KEY.toString('base64url')}`;
    });
    expect(text(leaky)).toContain('It was [key withheld].');
    expect(leaky).not.toContain(KEY.toString('hex'));
    expect(leaky).not.toContain(KEY.toString('base64url'));
  });

  test.each([
    ['page', 'it was seen sealing the frames in the browser'],
    ['provider', 'it stood in what crossed the provider'],
    ['device', 'a value that only the device had opens the frames, by trial'],
    ['ciphertext', 'the frames themselves give it away'],
  ] as const)('tells of a key that was found by %s where that was', (found, words) => {
    const found_ = render(({ gathered }) => {
      gathered.evidence.keys[0]!.found = found;
    });
    expect(text(found_)).toContain(words);
  });

  test('makes a difference between a way that was gone again and one that was not', () => {
    expect(text(page)).toContain('Within the provider’s reach Yes.');
    const unsure = render(({ gathered }) => {
      gathered.evidence.keys[0]!.repeatable = false;
    });
    expect(text(unsure)).toContain('It seems so, but not every step of the way could be taken again');
    const none = render(({ gathered }) => {
      gathered.evidence.keys[0]!.path = undefined;
    });
    expect(text(none)).toContain('No way was found from anything that crossed the provider');
  });

  test('draws where a key came from, and says the same in sentences', () => {
    expect(tags(page).filter(({ name, closing }) => name === 'svg' && !closing).length).toBeGreaterThan(2);
    expect(text(page)).toContain(
      'Crossed in the clear in the reply, sent to alice, as “k” in base64 (event 3). The provider saw it.',
    );
    expect(page).toContain('<g class="line leak">');
  });

  test('names those of whom it was not seen how they came to a key', () => {
    const strange = render(({ gathered }) => {
      gathered.evidence.keys[0]!.unaccounted = ['bob'];
    });
    expect(text(strange)).toContain('alice and bob. How bob came to it was not seen.');
  });

  test('tells as a notice, and not as a refutation, that a public key was taken on trust', () => {
    const trusting = render((audit) => {
      const call = sealedCall(['alice', 'bob']);
      Object.assign(audit.gathered, gatheredOf(call));
    });
    expect(text(trusting)).toContain(
      'alice took bob’s public key from the provider on trust: the provider could have swapped it.',
    );
    expect(text(trusting)).toContain('bob took alice’s public key from the provider on trust');
    expect(trusting).toMatch(/<p class="note"><strong>Taken on trust\.<\/strong>/);
    expect(text(page)).not.toContain('on trust');
    const strange = render((audit) => {
      const gathered = gatheredOf(sealedCall(['alice', 'bob']));
      gathered.evidence.keys[0]!.swappable = [{ participant: 'alice', publicKey: bytesOf('somebody'), evidence: [1] }];
      Object.assign(audit.gathered, gathered);
    });
    expect(text(strange)).toContain(
      'alice took a public key that no participant was seen making from the provider on trust',
    );
  });

  test('draws forty stories at most, and tells of the other keys in a table', () => {
    const many = render((audit) => {
      const call = new Call();
      const keys = Array.from({ length: 45 }, (_, index) => {
        const bytes = call.random('alice', bytesOf(`key ${index}`));
        const key = call.key('alice', `base ${index}`, bytes, { name: 'HKDF' });
        const value = bytesOf(`derived ${index}`);
        call.add('crypto.derive', { realm: 'r', base: key, algorithm: { name: `KDF ${index}` }, value });
        return { bytes: value, whose: 'alice' };
      });
      Object.assign(audit.gathered, gatheredOf({ call, keys }));
    });
    expect(many.match(/<svg [^>]*role="img"/g)).toHaveLength(40);
    expect(text(many)).toContain('More keys, which are not drawn');
    expect(text(many)).toMatch(
      /key 45 100 frames of alice’s video AES-256 in GCM mode, 128-bit tag page alice\. ✓ no way was found/,
    );
  });

  test('tells of keys with the same story once, and of each of them in a table', () => {
    const same = render((audit) => {
      Object.assign(audit.gathered, gatheredOf(sealedCall(['alice', 'bob', 'carol'])));
    });
    expect(same.match(/<svg [^>]*role="img"/g)).toHaveLength(1);
    expect(text(same)).toContain('Key 1 and 2 more like it 2 keys like this one: key 2 and key 3.');
    expect(text(same)).toMatch(/key 3 100 frames of carol’s video/);
  });

  test('shows no value of a lineage or a path, wherever it stands', () => {
    const { gathered, page } = everywhere();
    const { keys } = gathered.evidence;
    const path = keys.flatMap(({ path = [] }) => path.map(({ gives }) => gives));
    const values = [...gathered.lineage.secrets.values()].map(({ bytes }) => bytes);
    expect(path.length).toBeGreaterThan(1);
    expect(values.length).toBeGreaterThan(6);
    const said = text(page).replaceAll(' ', '');
    for (const value of [...values, ...path]
      .map((bytes) => Buffer.from(bytes))
      .filter((value) => `${value}` !== 'alice'))
      for (const encoding of ['hex', 'base64', 'base64url', 'utf8'] as const)
        expect(said.includes(value.toString(encoding).replaceAll(' ', ''))).toBe(false);
    // Who is spoken of is no secret, even where somebody made it one.
    expect(text(page)).toContain('alice’s browser');
  });

  test('shows how to record it again, in words that a shell takes as they are', () => {
    expect(text(page)).toContain('npx keywitness run specimen/test --scenario two-party --seconds 10');
    const hostile = render((audit) => {
      audit.recording.service.name = "x; rm '-rf' $(y)";
    });
    expect(text(hostile)).toContain(`npx keywitness run 'x; rm '\\''-rf'\\'' $(y)' --scenario`);
  });

  test('gives all claims of a page that has no vendor profile', () => {
    const own = render((audit) => {
      audit.recording.service.name = 'http://127.0.0.1:9100/call/';
    });
    expect(text(own)).toContain('--seconds 10 --claim cipher,algorithm=AES,keyBits=256 --claim media-confidential');
  });

  test('has one heading of the first rank, and skips no rank', () => {
    const ranks = tags(page).flatMap(({ name, closing }) =>
      /^h[1-6]$/.test(name) && !closing ? [Number(name[1])] : [],
    );
    expect(ranks.filter((rank) => rank === 1)).toHaveLength(1);
    for (const [index, rank] of ranks.entries()) expect(rank).toBeLessThanOrEqual((ranks[index - 1] ?? 0) + 1);
  });

  test('says so where the call was cut short', () => {
    const cut = render((audit) => {
      audit.recording.complete = false;
      audit.recording.outcome = { connected: false, reason: 'nobody answered' };
    });
    expect(text(cut)).toContain('The call never connected (nobody answered).');
    expect(text(page)).not.toContain('The call never connected');
  });

  test('is the same, byte for byte, for the same audit', () => {
    expect(render()).toBe(page);
  });
});

describe('the pictures', () => {
  test('are of what was sent, what the provider could see with the key, and what arrived', () => {
    const figures = figuresOf(render());
    expect(figures.slice(0, 3).map(({ said }) => said)).toEqual([
      expect.stringMatching(/^What alice’s camera sent .* picture number 7/),
      expect.stringMatching(/^What the provider’s server could see .* opened with key 1 \(AES-128 in ECB mode/),
      expect.stringMatching(/^What arrived at bob /),
    ]);
    expect(figures[2]!.image).toBe(Buffer.from(ARRIVED).toString('base64'));
    expect(figures[0]!.image).toBe(figures[1]!.image);
  });

  test('need no key where the media is in clear', () => {
    const figures = figuresOf(
      render(({ gathered }) => {
        gathered.pictures.set(gathered.evidence.streams[0]!.asIs, card(1, 9));
      }),
    );
    expect(figures[1]!.said).toContain('decoded as it is. No key was needed.');
  });

  test('are the sealed bytes where nothing decodes', () => {
    const figures = figuresOf(
      render(({ gathered }) => {
        gathered.pictures.clear();
        gathered.evidence.keys[0]!.path = undefined;
      }),
    );
    expect(figures[1]!.said).toContain(
      'nothing decodes. These are the sealed bytes themselves, each drawn as a grey dot',
    );
    expect(figures[1]!.said).toContain(
      'sealed under key 1; no way was found from what crossed the provider to that key.',
    );
  });

  test("never pass another participant's picture off as this one's", () => {
    const figures = figuresOf(
      render(({ gathered }) => {
        gathered.pictures.set(gathered.evidence.keys[0]!.sight!, card(2, 9));
      }),
    );
    expect(figures[1]!.said).toContain('nothing decodes');
  });

  test('say so where the media went past the provider', () => {
    const figures = figuresOf(
      render(({ gathered }) => {
        gathered.evidence.streams[0]!.route = 'direct';
      }),
    );
    expect(figures[1]!.said).toMatch(/^What went out on the line .* not through the provider’s server/);
  });

  test('are no pictures where the page gave something else', () => {
    const figures = figuresOf(render(undefined, Buffer.from('<svg onload=alert(1)>')));
    expect(figures[2]!.image).toBeUndefined();
    expect(figures[2]!.said).toContain('No picture of alice’s test card was recorded');
  });
});

describe('hostile text', () => {
  const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;</style></title>\u202e\0`;

  test('stays text, in whichever field it stands', () => {
    const page = render(fillEverything((was) => `${was}${EVIL}`));
    expect(text(page)).toContain('<script>alert(1)</script>');
    expect(structure(page)).toEqual(structure(render()));
    expect(page).not.toContain('<script');
    expect(page).not.toContain('\u202e');
    expect(page).not.toContain('\0');
  });

  test('stays text, whatever it is', () => {
    const plain = structure(render());
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (evil) => {
        expect(structure(render(fillEverything((was) => `${was}${evil}`)))).toEqual(plain);
      }),
      { numRuns: 25 },
    );
  });

  test('becomes no link, and no command, as a claim or a proof', () => {
    const page = render(({ result }) => {
      result.verdicts[0]!.claim = '../../etc';
      result.verdicts[0]!.findings[0]!.proof = 'proofs/../../etc';
      result.verdicts[0]!.statement.source = 'javascript:alert(1)';
    });
    expect(tags(page).filter(({ attributes }) => attributes.href?.includes('etc'))).toEqual([]);
    expect(tags(page).filter(({ attributes }) => attributes.href?.includes('javascript'))).toEqual([]);
    expect(text(page)).not.toContain('cd proofs');
  });

  test('is cut, and so are lists', () => {
    const page = render((audit) => {
      audit.result.verdicts[0]!.reason = 'x'.repeat(5_000_000);
      audit.recording.places = Array.from({ length: 50_000 }, (_, index) => ({
        host: `h${index}`,
        country: 'Nowhere',
        source: 'x',
      }));
    });
    expect(page.length).toBeLessThan(render().length + 100_000);
    expect(text(page)).toContain('And 49800 more.');
  });
});

function render(change: (audit: Audit) => void = () => {}, arrived: Uint8Array = ARRIVED): string {
  const audit = small();
  change(audit);
  return renderHtml(audit, { body: () => arrived });
}

function card(sender: number, counter: number): Picture {
  return { width: CARD.width, height: CARD.height, i420: renderCard(sender, counter) };
}

/** Alice and Bob, one video stream of Alice's, one key that the provider sent her. */
function small(): Audit {
  const nothing = (): Sight => ({ frames: 5, pictures: 0, cards: 0, words: 0, evidence: [1] });
  const stream: StreamEvidence = {
    ...videoOf('alice'),
    frames: 5,
    left: 200,
    compared: 5,
    agreed: 5,
    sealed: 5,
    asIs: nothing(),
    beforeTransform: nothing(),
  };
  const crossing: Crossing = {
    evidence: [3],
    t: 1,
    participant: 'alice',
    direction: 'receive',
    host: 'keys.test',
    what: 'the reply',
    wire: () => new Uint8Array(),
    codings: [],
  };
  const key: KeyEvidence = {
    name: 'key 1',
    bytes: KEY,
    found: 'provider',
    cipher: { algorithm: 'AES', mode: 'ECB', keyBits: 128, tagBits: 0 },
    scheme: 'aes-ecb',
    streams: [stream],
    frames: 5,
    path: [
      {
        text: 'keys.test sent alice the key in the clear as "k" (base64) in the reply',
        evidence: [3],
        gives: KEY,
        source: {
          from: 'crossing',
          crossing,
          steps: [{ as: 'base64', offset: 0, length: 24 }],
          label: 'k',
          sealed: false,
        },
      },
    ],
    suspect: true,
    givenAwayBy: undefined,
    repeatable: true,
    sources: [{ crossing, earlier: false, guessable: false }],
    roots: { made: [], unknown: [], crossed: [] },
    guards: { made: [], unknown: [], crossed: [] },
    sight: { ...nothing(), pictures: 5, cards: 5 },
    holders: ['alice', 'bob'],
    unaccounted: [],
    swappable: [],
    noncesReused: 0,
    nonceReuse: [],
    nonces: 0,
    evidence: [1],
  };
  const lineage = new Lineage({ body: () => KEY });
  const frame: EncodedFrame = {
    ssrc: 1,
    timestamp: 1,
    medium: 'video',
    key: true,
    data: sealedBytes(),
    evidence: [1],
  };
  const sent: SentStream = {
    participant: 'alice',
    ssrc: 1,
    medium: 'video',
    codec: 'VP8',
    carrier: 'rtp',
    route: 'provider',
    secured: false,
    packets: 5,
    leaving: new LeavingFrames('video'),
    *frames() {
      yield frame;
    },
    *before() {},
  };
  const statement = { quote: 'We use AES-256.', source: 'https://test/security', date: '2020-04-01' };
  const verdicts: Verdict[] = [
    {
      claim: 'cipher',
      params: { algorithm: 'AES', keyBits: 256 },
      statement,
      verdict: 'refuted',
      reason: 'Observed: something else.',
      findings: [{ title: 'frames are sealed otherwise', evidence: [1, 2], proof: 'proofs/cipher' }],
      controls: [
        { title: 'Pictures arrived', held: true, detail: '20 cards' },
        { title: 'Keys known', held: false, detail: 'none' },
      ],
    },
    {
      claim: 'media-confidential',
      params: {},
      statement: { ...statement, quote: 'End to end.' },
      verdict: 'inconclusive',
      reason: 'Too little was recorded.',
      findings: [],
      controls: [{ title: 'Pictures arrived', held: false, detail: 'no card' }],
    },
  ];
  const picture: Body = {
    offset: 0,
    length: ARRIVED.length,
    sha256: createHash('sha256').update(ARRIVED).digest('hex'),
  };
  const asked = verdicts.map(({ claim, params }) => ({ claim, params }));
  return {
    recording: {
      format: 1,
      id: 'r1',
      service: { name: 'specimen/test', title: 'A test service' },
      vendor: { vendor: 'Vendor', statements: [{ ...statement, claims: asked }] },
      scenario: { name: 'two-party', seconds: 10 },
      participants: [
        { name: 'alice', card: 1, camera: true },
        { name: 'bob', card: 2, camera: true },
      ],
      places: [{ host: 'keys.test', country: 'China', city: 'Beijing', source: 'declared by the service' }],
      vantagePoints: [{ vantage: 'page', participant: 'alice', version: '1', state: 'alive' }],
      software: { keywitness: '0.1.0', chromium: '156', node: '20' },
      clock: { origin: '2020-04-03T12:05:00.000Z' },
      outcome: { connected: true },
      complete: true,
    },
    result: { recording: 'r1', service: 'specimen/test', scenario: 'two-party', verdicts },
    gathered: {
      evidence: {
        recording: {} as never,
        flow: [],
        health: [{ vantage: 'page', participant: 'alice', alive: true, detail: 'alive' }],
        streams: [stream],
        keys: [key],
        tried: 12,
        crowded: false,
        undecoded: 0,
        sentOtherwise: 0,
        strangers: 0,
      },
      pictures: new Map([[key.sight!, card(1, 7)]]),
      arrived: new Map([['alice', { picture, receiver: 'bob', counter: 7 }]]),
      streams: new Map([[stream, sent]]),
      sealed: new ByFrame(),
      sealing: () => undefined,
      lineage,
      secrets: new Map([[key, lineage.add(KEY, { seq: 3, participant: 'alice' })]]),
    },
    claims: new Map(
      asked.map(({ claim }) => [
        claim,
        {
          id: claim,
          says: `What ${claim} says.`,
          refutedBy: 'proof of the contrary',
          blindTo: 'much',
          params: z.record(z.string(), z.unknown()),
          needs: [],
          check: () => ({ verdict: 'untested', reason: '', findings: [], controls: [] }),
        },
      ]),
    ),
  };
}

/** Each makes a key, and seals it for each other. */
function sealedCall(names: string[]): { call: Call; keys: { bytes: Uint8Array; whose: string }[] } {
  const call = new Call();
  for (const name of names) call.pair(name);
  const keys = names.map((name) => {
    const bytes = call.random(name, bytesOf(`${name} key`));
    call.key(name, 'key', bytes, { name: 'AES-GCM' });
    for (const other of names) if (other !== name) call.seal(name, other, bytes);
    return { bytes, whose: name };
  });
  return { call, keys };
}

function gatheredOf({
  call,
  keys,
}: ReturnType<typeof sealedCall>): Pick<Audit['gathered'], 'evidence' | 'lineage' | 'secrets'> {
  const { keys: secrets, lineage } = call.evidence(keys);
  return { evidence: { ...small().gathered.evidence, keys: [...secrets.keys()] }, secrets, lineage };
}

/** A call whose secrets stand in every text that there is. */
function everywhere(): { gathered: Audit['gathered']; page: string } {
  const { call, keys } = sealedCall(['alice', 'bob']);
  const pin = Buffer.from('482913');
  call.add('call.shared', { value: pin });
  const passphrase = Buffer.from('correct horse battery');
  const base = call.key('alice', 'pin', pin, { name: 'PBKDF2' });
  const guessed = call.pbkdf2('alice', base, pin, 10);
  const other = call.key('alice', 'passphrase', passphrase, { name: 'HKDF' });
  const { bytes } = call.hkdf('alice', other, passphrase, 'derived');
  const name = call.key('alice', 'name', Buffer.from('alice'), { name: 'PBKDF2' });
  const named = call.pbkdf2('alice', name, Buffer.from('alice'), 10);
  const all = [...keys, ...[guessed, bytes, named].map((bytes) => ({ bytes, whose: 'alice' }))];
  call.reply(
    'alice',
    'https://meet.example/482913',
    JSON.stringify({ passphrase: Buffer.from(bytes).toString('hex') }),
  );
  const audit = small();
  Object.assign(audit.gathered, gatheredOf({ call, keys: all }));
  const values = [...audit.gathered.lineage.secrets.values()].map(({ bytes }) => Buffer.from(bytes));
  const texts = values.flatMap((value) => [value.toString('hex'), value.toString('base64'), value.toString()]);
  fillEverything((was) => `${was} ${texts.filter((text) => text !== 'alice').join(' ')}`.slice(0, 5000))(audit);
  audit.recording.participants[0]!.name = 'alice';
  return { gathered: audit.gathered, page: renderHtml(audit, { body: () => ARRIVED }) };
}

/** Fixed bytes that look like nothing. */
function sealedBytes(): Uint8Array {
  return new Uint8Array(
    Array.from({ length: 200 }, (_, index) => [...createHash('sha256').update(`${index}`).digest()]).flat(),
  );
}

/** Changes each text that comes from a recording, a vendor or a service; all but claim ids, proofs and the time. */
function fillEverything(fill: (was: string) => string): (audit: Audit) => void {
  return ({ recording, result, gathered }) => {
    const fillAll = (value: object, except: string[]) => {
      for (const [name, one] of Object.entries(value)) {
        if (except.includes(name)) continue;
        if (typeof one === 'string') (value as Record<string, unknown>)[name] = fill(one);
        else if (typeof one === 'object' && one !== null) fillAll(one, except);
      }
    };
    fillAll(recording, ['clock']);
    fillAll(result, ['claim', 'proof', 'verdict']);
    for (const stream of gathered.evidence.streams) Object.assign(stream, { codec: fill('VP8') });
    for (const health of gathered.evidence.health)
      Object.assign(health, { participant: fill('alice'), detail: fill('') });
    for (const { participant } of gathered.evidence.streams)
      gathered.arrived.set(fill(participant), { ...gathered.arrived.get('alice')!, receiver: fill('bob') });
    for (const stream of gathered.evidence.streams) stream.participant = fill(stream.participant);
    for (const key of gathered.evidence.keys) {
      Object.assign(key, { scheme: fill('aes-ecb'), name: fill('key 1'), holders: [fill('alice')] });
      const step = key.path?.[0];
      if (step) step.text = fill(step.text);
      if (step?.source.from !== 'crossing') continue;
      step.source.label = fill('k');
      const { crossing } = step.source;
      Object.assign(crossing, { host: fill('host'), participant: fill('alice'), what: fill('the reply') });
    }
  };
}

interface Tag {
  name: string;
  closing: boolean;
  attributes: Record<string, string>;
}

const VOID = ['meta', 'img', 'br'];

/**
 * All tags. Throws where the page is no plain sequence of text and tags, or where tags don't nest: of what a browser would
 * make something else, nothing passes.
 */
function tags(page: string): Tag[] {
  const found: Tag[] = [];
  const open: string[] = [];
  const rest = page
    .replace(/^<!doctype html>/, '')
    .replace(/<style>[^<]*<\/style>/, '')
    .replace(/<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z-]+="[^"<>]*")*)>/g, (_, slash: string, name: string, list: string) => {
      const attributes = Object.fromEntries(
        [...list.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!]),
      );
      found.push({ name, closing: slash === '/', attributes });
      if (slash) expect(open.pop()).toBe(name);
      else if (!VOID.includes(name)) open.push(name);
      return '';
    });
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]/);
  return found;
}

/** What a browser would build, apart from texts, and from drawings: how these look hangs on the words in them. */
function structure(page: string): string[] {
  let drawings = 0;
  return tags(page).flatMap(({ name, closing, attributes }) => {
    if (name === 'svg') drawings += closing ? -1 : 1;
    if (drawings > 0 && DRAWN.has(name)) return [];
    const { content, alt, title, src, datetime, 'aria-label': label, ...rest } = attributes;
    return JSON.stringify([closing, name, Object.keys(attributes), rest]);
  });
}

/** All that a drawing is made of. */
const DRAWN = new Set(['svg', 'title', 'desc', 'g', 'path', 'rect', 'text']);

/** What is to be read. */
function text(markup: string): string {
  return markup
    .replace(/<style>[^<]*<\/style>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ([.,)])/g, '$1');
}

function figuresOf(page: string): { said: string; image: string | undefined }[] {
  return [...page.matchAll(/<figure>([\s\S]*?)<\/figure>/g)].map((match) => ({
    said: text(match[1]!).trim(),
    image: /base64,([^"]*)"/.exec(match[1]!)?.[1],
  }));
}
