import { describe, expect, it } from 'vitest';
import type { Cipher } from '../ciphers/scheme.ts';
import { claim } from './cipher.ts';
import type { Evidence, KeyEvidence, Sight, StreamEvidence } from './evidence.ts';

const GCM: Cipher = { algorithm: 'AES', mode: 'GCM', keyBits: 256, tagBits: 128 };
const CTR: Cipher = { algorithm: 'AES', mode: 'CTR', keyBits: 256, tagBits: 0 };
const CBC: Cipher = { algorithm: 'AES', mode: 'CBC', keyBits: 256, tagBits: 0 };
const ECB: Cipher = { algorithm: 'AES', mode: 'ECB', keyBits: 128, tagBits: 0 };
const SFRAME: Cipher = { algorithm: 'AES', mode: 'CTR', keyBits: 128, tagBits: 80 };
const CHACHA: Cipher = { algorithm: 'ChaCha20', mode: 'Poly1305', keyBits: 256, tagBits: 128 };

const dark: Sight = { frames: 75, pictures: 12, cards: 0, words: 0, evidence: [1] };
const bright: Sight = { ...dark, cards: 60 };

/** A call whose one key was found at work with a cipher; all else is as it should be. */
function sealedWith(cipher: Cipher, found: KeyEvidence['found'] = 'page'): Evidence {
  const stream: StreamEvidence = {
    participant: 'alice',
    ssrc: 1,
    medium: 'video',
    codec: 'VP8',
    carrier: 'rtp',
    header: undefined,
    route: 'provider',
    secured: false,
    frames: 200,
    lost: 0,
    left: 200,
    last: 0,
    open: 0,
    beside: 0,
    compared: 200,
    agreed: 200,
    unchanged: 0,
    sealed: 200,
    asIs: dark,
    beforeTransform: bright,
    blocks: { total: 5000, repeated: 0, evidence: [] },
    clearPrefix: 10,
    pairs: { kind: 'stream-or-aead', detail: '' },
  };
  const nobody = { made: [], unknown: [], crossed: [] };
  const key: KeyEvidence = {
    name: 'key 1',
    bytes: new Uint8Array(cipher.keyBits / 8),
    found,
    cipher,
    scheme: undefined,
    streams: [stream],
    frames: 200,
    path: undefined,
    suspect: false,
    givenAwayBy: undefined,
    repeatable: false,
    sources: [],
    roots: nobody,
    guards: nobody,
    sight: found === 'page' ? undefined : bright,
    holders: ['alice', 'bob'],
    unaccounted: [],
    swappable: [],
    noncesReused: 0,
    nonceReuse: [],
    nonces: 200,
    evidence: [7],
  };
  return {
    recording: {
      format: 1,
      id: 'r',
      service: { name: 's', title: 's' },
      vendor: { vendor: 'v', statements: [] },
      scenario: { name: 'two-party', seconds: 10 },
      participants: [
        { name: 'alice', card: 1, camera: true },
        { name: 'bob', card: 2, camera: false },
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
    streams: [stream],
    keys: [key],
    tried: 10,
    crowded: false,
    undecoded: 0,
    sentOtherwise: 0,
    strangers: 0,
  };
}

function verdict(evidence: Evidence, stated: Record<string, unknown>): string {
  return claim.check(evidence, claim.params.parse(stated)).verdict;
}

function flaw(stated: Record<string, unknown>): string {
  const parsed = claim.params.safeParse(stated);
  if (parsed.success) return '';
  const { path, message } = parsed.error.issues[0]!;
  return [...path, message].join(': ');
}

describe('what is stated', () => {
  it.each([
    'AES',
    'aes-gcm',
    'AES GCM',
    'AES/GCM/NoPadding',
    'AES256',
    'AES-256',
    '256-bit AES',
    'AES-256-GCM',
    'AES_256_GCM',
    'AES-GCM-256',
    'aes256gcm',
    'A256GCM',
    'AEAD_AES_256_GCM',
    'AES_256_GCM_SHA512_128',
  ])('as %s is upheld of AES-256-GCM, and refuted of another cipher', (algorithm) => {
    expect(verdict(sealedWith(GCM), { algorithm })).toBe('upheld');
    expect(verdict(sealedWith(CHACHA, 'provider'), { algorithm })).toBe('refuted');
  });

  it.each(['AES128', 'AES-128-GCM', 'A128GCM', 'AES-256-CBC', 'AES-CTR', 'AES-CCM', 'AES-256-CTR-HMAC', 'XOR'])(
    'as %s is refuted of AES-256-GCM',
    (algorithm) => expect(verdict(sealedWith(GCM), { algorithm })).toBe('refuted'),
  );

  it.each(['ChaCha20-Poly1305', 'CHACHA20_POLY1305', 'chacha20poly1305', 'ChaCha20', 'ChaCha20-Poly1305-IETF'])(
    'as %s is upheld of ChaCha20-Poly1305, and refuted of AES',
    (algorithm) => {
      expect(verdict(sealedWith(CHACHA), { algorithm })).toBe('upheld');
      expect(verdict(sealedWith(GCM), { algorithm })).toBe('refuted');
    },
  );

  it.each(['XSalsa20-Poly1305', 'XChaCha20-Poly1305'])('as %s is another cipher than ChaCha20', (algorithm) => {
    expect(verdict(sealedWith(CHACHA), { algorithm })).toBe('refuted');
  });

  it('of a key’s or tag’s length in the name counts', () => {
    expect(verdict(sealedWith(ECB, 'provider'), { algorithm: 'AES-256' })).toBe('refuted');
    expect(verdict(sealedWith(SFRAME, 'provider'), { algorithm: 'AES_128_CTR_HMAC_SHA256_80' })).toBe('upheld');
    expect(verdict(sealedWith(SFRAME, 'provider'), { algorithm: 'AES_128_CTR_HMAC_SHA256_32' })).toBe('refuted');
  });

  it.each(['AES-CCM', 'AES-256-SIV', 'AES_SIV_CMAC_512', 'AES-EAX', 'AES-256-CTR-HMAC'])(
    'as %s cannot be told from what WebCrypto’s CTR shows',
    (algorithm) => {
      expect(verdict(sealedWith(CTR), { algorithm })).toBe('inconclusive');
      expect(verdict(sealedWith(CTR, 'provider'), { algorithm })).toBe('refuted');
      expect(verdict(sealedWith(CBC), { algorithm })).toBe('refuted');
    },
  );

  it('as CTR or CBC is upheld of these, with HMAC not told, and another mode or key refuted', () => {
    expect(verdict(sealedWith(CTR), { algorithm: 'AES-CTR' })).toBe('upheld');
    expect(verdict(sealedWith(CBC), { algorithm: 'AES-256-CBC' })).toBe('upheld');
    expect(verdict(sealedWith(CBC), { algorithm: 'AES-256-CBC-HMAC-SHA256' })).toBe('inconclusive');
    expect(verdict(sealedWith(CTR), { algorithm: 'AES-256-GCM' })).toBe('refuted');
    expect(verdict(sealedWith(CTR), { algorithm: 'AES-128-CCM' })).toBe('refuted');
  });
});

describe('what is no statement', () => {
  it.each([
    [{ algorithm: 'military grade' }, /^algorithm: expected AES, .*, found "military grade"$/],
    [{ algorithm: '' }, /^algorithm: expected AES, .*, found ""$/],
    [{ algorithm: 'AES-512' }, /^algorithm: expected a key's length in bits, one of 128, 192, 256, found 512$/],
    [{ algorithm: 'AES-GCM-CBC' }, /^algorithm: /],
    [{ algorithm: 'AES-256-GCM', keyBits: 128 }, /^keyBits: expected 256, as "AES-256-GCM" says, found 128$/],
    [{ algorithm: 'AES-GCM', keyBits: 32 }, /^keyBits: expected a key's length in bits, one of 128, .*, found 32$/],
    [{ keyBits: 32 }, /^keyBits: /],
    [{ algorithm: 'ChaCha20-Poly1305', keyBits: 128 }, /^keyBits: /],
    [{ algorithm: 'AES-GCM', tagBits: 16 }, /^tagBits: expected a tag's length in bits, one of 32, .*, found 16$/],
    [{ algorithm: 'AES-GCM', tagBits: 0 }, /^tagBits: /],
    [{ tagBits: 16 }, /^tagBits: /],
    [{ algorithm: 'AES'.repeat(1000) }, /^algorithm: .{1,250}$/],
  ])('%o is refused in one line', (stated, line) => {
    expect(flaw(stated)).toMatch(line);
    expect(flaw(stated)).not.toContain('\n');
  });
});
