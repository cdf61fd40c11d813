import { describe, expect, it } from 'vitest';
import type { Crossing } from '../knowledge/crossings.ts';
import type { Secret } from '../knowledge/lineage.ts';
import type { PathStep } from '../knowledge/reach.ts';
import { claim as cipher } from './cipher.ts';
import { claim as ciphertextSound } from './ciphertext-sound.ts';
import type { Claim } from './claim.ts';
import type { Evidence, KeyEvidence, Sight, StreamEvidence } from './evidence.ts';
import { claim as keyDelivery } from './key-delivery.ts';
import { claim as keyOrigin } from './key-origin.ts';
import { claim as mediaConfidential } from './media-confidential.ts';

const ALL = { mediaConfidential, keyOrigin, keyDelivery, cipher, ciphertextSound } as Record<string, Claim>;
const STATED: Record<string, Record<string, unknown>> = {
  cipher: { algorithm: 'AES-GCM', keyBits: 256, tagBits: 128 },
  ciphertextSound: { clearBytes: 10 },
};

const dark: Sight = { frames: 75, pictures: 12, cards: 0, words: 0, evidence: [1] };
const bright: Sight = { frames: 75, pictures: 75, cards: 60, words: 0, evidence: [2] };
const loud: Sight = { frames: 400, pictures: 0, cards: 0, words: 5, evidence: [3] };

function stream(participant: string, medium: 'audio' | 'video', ssrc: number): StreamEvidence {
  return {
    participant,
    ssrc,
    medium,
    codec: medium === 'video' ? 'VP8' : 'opus',
    carrier: 'rtp',
    header: undefined,
    route: 'provider',
    secured: false,
    frames: 200,
    lost: 0,
    left: 200,
    last: 0,
    compared: 200,
    agreed: 200,
    unchanged: 0,
    sealed: 200,
    open: 0,
    beside: 0,
    asIs: { ...dark },
    beforeTransform: medium === 'video' ? { ...bright } : { ...loud },
    blocks: { total: 5000, repeated: 0, evidence: [] },
    clearPrefix: medium === 'video' ? 10 : 1,
    pairs: { kind: 'stream-or-aead', detail: '' },
  };
}

const made: Secret = { bytes: new Uint8Array(32), seq: 5, participant: 'alice', operations: [] };

function key(name: string, streams: StreamEvidence[]): KeyEvidence {
  return {
    name,
    bytes: new Uint8Array(32),
    found: 'page',
    cipher: { algorithm: 'AES', mode: 'GCM', keyBits: 256, tagBits: 128 },
    scheme: undefined,
    streams,
    frames: 400,
    path: undefined,
    suspect: false,
    givenAwayBy: undefined,
    repeatable: false,
    sources: [],
    roots: { made: [made], unknown: [], crossed: [] },
    guards: { made: [], unknown: [], crossed: [] },
    sight: undefined,
    holders: ['alice', 'bob'],
    unaccounted: [],
    swappable: [],
    noncesReused: 0,
    nonceReuse: [],
    nonces: 400,
    evidence: [7],
  };
}

/** A call between two, sealed as it should be, and recorded as it should be. */
function honest(): Evidence {
  const streams = [
    stream('alice', 'video', 1),
    stream('alice', 'audio', 2),
    stream('bob', 'video', 3),
    stream('bob', 'audio', 4),
  ];
  return {
    recording: {
      format: 1,
      id: 'r',
      service: { name: 's', title: 's' },
      vendor: { vendor: 'v', statements: [] },
      scenario: { name: 'two-party', seconds: 10 },
      participants: [
        { name: 'alice', card: 1, camera: true },
        { name: 'bob', card: 2, camera: true },
      ],
      places: [],
      vantagePoints: [],
      software: {},
      clock: { origin: '2026-01-01T00:00:00.000Z' },
      complete: true,
    },
    flow: [
      { sender: 'alice', receiver: 'bob', cards: 20, words: 5, evidence: [10] },
      { sender: 'bob', receiver: 'alice', cards: 20, words: 5, evidence: [11] },
    ],
    health: ['alice', 'bob'].flatMap((participant) =>
      (['call', 'proxy', 'page', 'rtp'] as const).map((vantage) => ({ vantage, participant, alive: true, detail: '' })),
    ),
    streams,
    keys: [key('key 1', streams.slice(0, 2)), key('key 2', streams.slice(2))],
    tried: 10,
    crowded: false,
    undecoded: 0,
    sentOtherwise: 10_000,
    strangers: 0,
  };
}

const reply: Crossing = {
  evidence: [20],
  t: 1,
  participant: 'alice',
  direction: 'receive',
  host: 'kms.example',
  what: 'the reply to POST https://kms.example/join',
  wire: () => new Uint8Array(),
  codings: [],
};

function taken(crossing: Crossing): PathStep {
  const source: PathStep['source'] = { from: 'crossing', crossing, steps: [], label: 'key', sealed: false };
  return { text: 'the server sent it', evidence: [20], gives: new Uint8Array(32), source };
}

/** One key of all streams, found in a reply of the server. */
function withServersKey(evidence: Evidence): KeyEvidence {
  const found: KeyEvidence = {
    ...key('key 1', evidence.streams),
    found: 'provider',
    scheme: 'aes-ecb',
    cipher: { algorithm: 'AES', mode: 'ECB', keyBits: 128, tagBits: 0 },
    path: [taken(reply)],
    repeatable: true,
    sources: [{ crossing: reply, earlier: false, guessable: false }],
    roots: { made: [], unknown: [], crossed: [] },
    sight: { ...bright },
    nonces: 0,
  };
  evidence.keys = [found];
  return found;
}

function verdicts(evidence: Evidence): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ALL).map(([name, claim]) => [name, claim.check(evidence, STATED[name] ?? {}).verdict]),
  );
}

function all(verdict: string): Record<string, string> {
  return Object.fromEntries(Object.keys(ALL).map((name) => [name, verdict]));
}

describe('an honest call, well recorded', () => {
  it('is upheld in every claim, with controls that all held', () => {
    expect(verdicts(honest())).toEqual(all('upheld'));
    for (const [name, claim] of Object.entries(ALL)) {
      const { controls, findings } = claim.check(honest(), STATED[name] ?? {});
      expect(controls.length).toBeGreaterThan(3);
      expect(controls.every(({ held }) => held)).toBe(true);
      expect(findings).toEqual([]);
    }
  });

  const shortcomings: [string, (evidence: Evidence) => void][] = [
    ['nobody else was in the call', ({ recording }) => void recording.participants.splice(1)],
    [
      'nobody read the card',
      ({ flow }) =>
        flow.forEach((one) => {
          one.cards = 0;
        }),
    ],
    [
      'nobody heard the tone',
      ({ flow }) =>
        flow.forEach((one) => {
          one.words = 0;
        }),
    ],
    ['only one side arrived', (evidence) => void evidence.flow.pop()],
    [
      'a card was read only by its own sender',
      (evidence) => {
        evidence.flow = [];
      },
    ],
    ['somebody was alone', (evidence) => void evidence.recording.participants.pop()],
    ...(['call', 'proxy', 'page', 'rtp'] as const).map((vantage): [string, (evidence: Evidence) => void] => [
      `the ${vantage} vantage point was lost`,
      ({ health }) => {
        health.find((one) => one.vantage === vantage)!.alive = false;
      },
    ]),
    [
      'there was no media',
      (evidence) => {
        evidence.streams = [];
      },
    ],
    [
      'page and packets differ',
      ({ streams }) => {
        streams[0]!.agreed = 199;
      },
    ],
    [
      'the page saw too few of the frames',
      ({ streams }) => void Object.assign(streams[0]!, { compared: 100, agreed: 100, sealed: 100 }),
    ],
    [
      'some frames are sealed under no known key',
      ({ streams }) => {
        streams[1]!.sealed = 150;
      },
    ],
    [
      'no frame is',
      ({ streams }) =>
        streams.forEach((one) => {
          one.sealed = 0;
        }),
    ],
    [
      'nobody knows where media went',
      ({ streams }) => {
        streams[2]!.route = 'unknown';
      },
    ],
    [
      'the codec is unknown',
      ({ streams }) => {
        streams[0]!.codec = undefined;
      },
    ],
    [
      'megabytes went another way',
      (evidence) => {
        evidence.sentOtherwise = 5 << 20;
      },
    ],
  ];
  it.each(shortcomings)('upholds nothing where %s', (_, spoil) => {
    const evidence = honest();
    spoil(evidence);
    expect(verdicts(evidence)).toEqual(all('inconclusive'));
  });

  it('does not uphold confidentiality where the decoder is blind to the plaintext, too', () => {
    const evidence = honest();
    evidence.streams[0]!.beforeTransform = { ...dark };
    expect(verdicts(evidence).mediaConfidential).toBe('inconclusive');
  });

  it('does not uphold confidentiality or delivery where messages were left undecoded', () => {
    const evidence = { ...honest(), undecoded: 1 };
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('does not uphold them where more values crossed than were tried', () => {
    const evidence = { ...honest(), crowded: true };
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('upholds the confidentiality of media that went straight to the participant that DTLS was seen to end at', () => {
    const evidence = { ...honest(), keys: [] };
    const direct = { route: 'direct', asIs: { ...bright, words: 5 }, beforeTransform: undefined, sealed: 0, left: 0 };
    for (const one of evidence.streams) Object.assign(one, { ...direct, secured: true });
    // Nothing was seen of keys and ciphers, which DTLS-SRTP hides.
    expect(verdicts(evidence)).toEqual({ ...all('inconclusive'), mediaConfidential: 'upheld' });
    evidence.streams[1]!.secured = false;
    expect(verdicts(evidence)).toEqual(all('inconclusive'));
  });

  it('says what a provider that swaps keys could do, and upholds what this one did not', () => {
    const evidence = honest();
    evidence.keys[0]!.swappable = [{ participant: 'alice', publicKey: new Uint8Array(44), evidence: [7] }];
    const { verdict, findings } = mediaConfidential.check(evidence, {});
    expect(verdict).toBe('upheld');
    expect(findings).toMatchObject([{ title: expect.stringContaining('by swapping keys'), evidence: [7] }]);
    expect(mediaConfidential.check(honest(), {}).findings).toEqual([]);
  });

  it('does not uphold them where the provider can compute a key, though that was not played through', () => {
    const evidence = honest();
    evidence.keys[0]!.path = [taken(reply)];
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it.each([
    { algorithm: 'XOR', mode: 'repeating', keyBits: 128, tagBits: 0 },
    { algorithm: 'AES', mode: 'ECB', keyBits: 256, tagBits: 0 },
  ] as const)('does not uphold confidentiality under $algorithm, $mode', (weak) => {
    const evidence = honest();
    evidence.keys[0]!.cipher = weak;
    expect(verdicts(evidence).mediaConfidential).toBe('inconclusive');
  });

  it('does not uphold delivery or confidentiality where the provider may have a key, though no way to it can be shown', () => {
    const evidence = honest();
    evidence.keys[0]!.suspect = true;
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('does not uphold them where nobody but its sender was seen having the key of a stream', () => {
    const evidence = honest();
    const [alice] = evidence.keys;
    evidence.keys.push({ ...alice!, name: 'key 3', streams: [evidence.streams[0]!], holders: ['alice'] });
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('does not judge ciphers and keys by half where some of the media went straight to a participant', () => {
    const evidence = honest();
    Object.assign(evidence.streams[2]!, { route: 'direct', secured: true, asIs: { ...bright } });
    expect(Object.values(verdicts(evidence))).not.toContain('refuted');
    expect(verdicts(evidence)).toMatchObject({ cipher: 'inconclusive', ciphertextSound: 'inconclusive' });
  });

  it('does not uphold delivery or confidentiality with a key that was sealed under one of unknown origin', () => {
    const evidence = honest();
    evidence.keys[0]!.guards = { made: [], unknown: [made], crossed: [] };
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('upholds a key that something from the provider went into beside enough of a device’s randomness', () => {
    const evidence = honest();
    evidence.keys[0]!.roots = { made: [made], unknown: [], crossed: [{ ...made, crossed: true }] };
    expect(verdicts(evidence)).toEqual(all('upheld'));
  });

  it.each([
    ['that nobody saw being made', { made: [], unknown: [made], crossed: [] }],
    ['that was made in part of something unknown', { made: [made], unknown: [made], crossed: [] }],
    [
      'that was made of a few random bytes',
      { made: [{ ...made, bytes: new Uint8Array(3) }], unknown: [], crossed: [] },
    ],
  ])('does not uphold origin, delivery or confidentiality with a key %s', (_, roots) => {
    const evidence = honest();
    evidence.keys[0]!.roots = roots;
    expect(verdicts(evidence)).toMatchObject({
      keyOrigin: 'inconclusive',
      keyDelivery: 'inconclusive',
      mediaConfidential: 'inconclusive',
    });
  });

  it('does not uphold them with a key that was made of a short value, which was made of a long one', () => {
    const evidence = honest();
    evidence.keys[0]!.waist = 16;
    expect(verdicts(evidence)).toEqual(all('upheld'));
    evidence.keys[0]!.waist = 7;
    expect(verdicts(evidence)).toMatchObject({
      keyOrigin: 'inconclusive',
      keyDelivery: 'inconclusive',
      mediaConfidential: 'inconclusive',
      cipher: 'upheld',
    });
  });

  it.each<[string, (evidence: Evidence) => void]>([
    [
      'somebody holds a key and nobody saw how it came there',
      ({ keys }) => {
        keys[0]!.unaccounted = ['bob'];
      },
    ],
    [
      'somebody shows a picture without having been seen holding its key',
      ({ keys }) => {
        keys[0]!.holders = ['alice'];
      },
    ],
    [
      'a key was agreed with somebody who is no participant',
      (evidence) => {
        evidence.strangers = 1;
      },
    ],
  ])('does not uphold confidentiality or delivery where %s', (_, spoil) => {
    const evidence = honest();
    spoil(evidence);
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it.each<[string, (evidence: Evidence) => void]>([
    [
      'packets were lost',
      ({ streams }) => {
        streams[0]!.lost = 10;
      },
    ],
    [
      'frames left that never came',
      ({ streams }) => {
        streams[0]!.left = 300;
      },
    ],
    [
      'the recording was broken off',
      ({ recording }) => {
        recording.complete = false;
      },
    ],
    [
      'a vantage point is missing for one participant',
      (evidence) => {
        evidence.health = evidence.health.slice(1);
      },
    ],
  ])('upholds nothing where %s', (_, spoil) => {
    const evidence = honest();
    spoil(evidence);
    expect(verdicts(evidence)).toEqual(all('inconclusive'));
  });

  it('does not uphold confidentiality where a participant sent no media that was examined', () => {
    const evidence = honest();
    evidence.streams = evidence.streams.slice(0, 2);
    expect(verdicts(evidence).mediaConfidential).toBe('inconclusive');
  });

  it('upholds nothing where a single frame went out in clear', () => {
    const evidence = honest();
    evidence.streams[0]!.unchanged = 1;
    evidence.streams[0]!.sealed--;
    expect(verdicts(evidence)).toEqual(all('inconclusive'));
  });

  it('upholds nothing where two frames that the page sent are sealed under no known key', () => {
    const evidence = honest();
    Object.assign(evidence.streams[0]!, { sealed: 198, open: 2 });
    expect(verdicts(evidence)).toEqual(all('inconclusive'));
  });

  it('upholds nothing where sealed frames carry more beside them than headers, and all where it is little', () => {
    const evidence = honest();
    evidence.streams[1]!.beside = 200;
    expect(verdicts(evidence)).toEqual(all('upheld'));
    evidence.streams[1]!.beside = 200 * 30;
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', ciphertextSound: 'inconclusive' });
    expect(Object.values(verdicts(evidence))).not.toContain('upheld');
  });

  it('does not uphold soundness on little ciphertext, or where nonces were not seen', () => {
    const little = honest();
    for (const one of little.streams) one.blocks.total = 10;
    expect(verdicts(little).ciphertextSound).toBe('inconclusive');
    const blind = honest();
    blind.keys[0]!.nonces = 0;
    expect(verdicts(blind).ciphertextSound).toBe('inconclusive');
  });
});

describe('liars', () => {
  it('media in the clear refutes what is said of it, whatever the controls', () => {
    const evidence = honest();
    evidence.streams[0]!.asIs = { ...bright };
    evidence.flow = [];
    expect(verdicts(evidence)).toMatchObject({
      mediaConfidential: 'refuted',
      cipher: 'refuted',
      ciphertextSound: 'refuted',
    });
    expect(mediaConfidential.check(evidence, {}).findings[0]!.proof).toEqual({ stream: evidence.streams[0] });
  });

  it('does not take one chance reading for a picture', () => {
    const evidence = honest();
    evidence.streams[0]!.asIs = { ...dark, cards: 2 };
    evidence.streams[1]!.asIs = { ...dark, words: 1 };
    expect(verdicts(evidence)).toEqual(all('upheld'));
  });

  it('does not accuse the provider of media that went straight to the other participant', () => {
    const evidence = honest();
    for (const one of evidence.streams) Object.assign(one, { route: 'direct', asIs: { ...bright }, sealed: 0 });
    expect(Object.values(verdicts(evidence))).not.toContain('refuted');
  });

  it('a key of the server refutes confidentiality, origin, delivery and the stated cipher, with its proof', () => {
    const evidence = honest();
    const found = withServersKey(evidence);
    expect(verdicts(evidence)).toMatchObject({
      mediaConfidential: 'refuted',
      keyOrigin: 'refuted',
      keyDelivery: 'refuted',
      cipher: 'refuted',
    });
    for (const claim of [mediaConfidential, keyOrigin, keyDelivery])
      expect(claim.check(evidence, {}).findings[0]!.proof).toEqual({ stream: evidence.streams[0], key: found });
  });

  it('does not accuse the server of making a key that a participant had before, or that unread messages may have carried', () => {
    const had = honest();
    withServersKey(had).sources[0]!.earlier = true;
    expect(verdicts(had).keyOrigin).toBe('inconclusive');
    const unread = { ...honest(), undecoded: 1 };
    withServersKey(unread);
    expect(verdicts(unread).keyOrigin).toBe('inconclusive');
  });

  it('does not accuse the provider of opening what it did not carry', () => {
    const evidence = honest();
    for (const one of evidence.streams) one.route = 'direct';
    withServersKey(evidence);
    expect(Object.values(verdicts(evidence))).not.toContain('refuted');
  });

  it('does not take a tag beside WebCrypto’s CTR, which is not followed, for another than stated', () => {
    const evidence = honest();
    for (const one of evidence.keys) one.cipher = { algorithm: 'AES', mode: 'CTR', keyBits: 128, tagBits: 0 };
    expect(cipher.check(evidence, { algorithm: 'AES-CTR', keyBits: 128, tagBits: 80 }).verdict).toBe('inconclusive');
    expect(cipher.check(evidence, { algorithm: 'AES-CTR', keyBits: 256 }).verdict).toBe('refuted');
  });

  it('a key that opened nothing to be seen accuses nobody', () => {
    const evidence = honest();
    withServersKey(evidence).sight = { ...dark };
    expect(Object.values(verdicts(evidence))).not.toContain('refuted');
  });

  it('a key that a participant made and escrowed refutes its delivery, not its origin', () => {
    const evidence = honest();
    const found = withServersKey(evidence);
    found.sources[0]!.crossing = { ...reply, direction: 'send' };
    found.roots = { made: [made], unknown: [], crossed: [] };
    expect(verdicts(evidence)).toMatchObject({ keyDelivery: 'refuted', mediaConfidential: 'refuted' });
    expect(verdicts(evidence).keyOrigin).not.toBe('refuted');
  });

  it('a key that a participant sent first, made by hidden code, does not accuse the server of making it', () => {
    const evidence = honest();
    withServersKey(evidence).sources[0]!.crossing = { ...reply, direction: 'send' };
    expect(verdicts(evidence).keyOrigin).toBe('inconclusive');
  });

  it('a path that could not be taken again accuses nobody, and upholds nothing', () => {
    const evidence = honest();
    Object.assign(withServersKey(evidence), { repeatable: false, cipher: key('', []).cipher });
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'inconclusive', keyDelivery: 'inconclusive' });
  });

  it('a key that can be guessed refutes confidentiality, not delivery', () => {
    const evidence = honest();
    const found = withServersKey(evidence);
    const source = { from: 'guess', space: '6 digits', size: 1e6 } as const;
    found.path = [{ text: 'it is one of 6 digits', evidence: [], gives: new Uint8Array(6), source }];
    found.sources = [];
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'refuted', keyDelivery: 'inconclusive' });
    found.roots = { made: [made], unknown: [], crossed: [] };
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'refuted', keyDelivery: 'upheld' });
    expect(verdicts(evidence).keyOrigin).not.toBe('refuted');
  });

  it('a key that anybody can compute from a name that crossed refutes its origin, whoever sent the name', () => {
    const evidence = honest();
    const found = withServersKey(evidence);
    found.sources = [{ crossing: { ...reply, direction: 'send' }, earlier: true, guessable: true }];
    expect(verdicts(evidence)).toMatchObject({ mediaConfidential: 'refuted', keyOrigin: 'refuted' });
  });

  it.each([
    [{ algorithm: 'AES-GCM', keyBits: 128 }, 'refuted'],
    [{ algorithm: 'AES-CTR' }, 'refuted'],
    [{ tagBits: 64 }, 'refuted'],
    [{ algorithm: 'aes', keyBits: 256 }, 'upheld'],
    [{ algorithm: 'AES-GCM' }, 'upheld'],
    [{}, 'upheld'],
  ])('AES-256-GCM, stated as %o, is %s', (stated, verdict) => {
    expect(cipher.check(honest(), stated).verdict).toBe(verdict);
  });

  it('repeated blocks, a nonce used twice, and a long clear prefix each refute soundness', () => {
    const repeats = honest();
    repeats.streams[0]!.blocks = { total: 5000, repeated: 40, evidence: [30] };
    expect(verdicts(repeats)).toEqual({ ...all('upheld'), ciphertextSound: 'refuted' });
    const nonces = honest();
    Object.assign(nonces.keys[0]!, { noncesReused: 1, nonceReuse: [[40, 41]] });
    expect(verdicts(nonces)).toEqual({
      ...all('upheld'),
      ciphertextSound: 'refuted',
      // Frames under one keystream give each other away.
      mediaConfidential: 'inconclusive',
    });
    const clear = honest();
    clear.streams[0]!.clearPrefix = 40;
    expect(verdicts(clear)).toEqual({ ...all('upheld'), ciphertextSound: 'refuted' });
    expect(ciphertextSound.check(clear, { clearBytes: 40 }).verdict).toBe('upheld');
  });
});
