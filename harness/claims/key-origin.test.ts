import { expect, it } from 'vitest';
import type { PathStep } from '../knowledge/reach.ts';
import type { Evidence, KeyEvidence } from './evidence.ts';
import { claim } from './key-origin.ts';

/** A call whose key is made of a guessed value and a salt that the server sent. */
function saltedGuess(guessed: Uint8Array): Evidence {
  const crossing = {
    evidence: [1],
    t: 1,
    participant: 'alice',
    direction: 'receive' as const,
    host: 'meet.example',
    what: 'the reply',
    wire: () => new Uint8Array(),
    codings: [],
  };
  const path: PathStep[] = [
    { text: '', evidence: [2], gives: guessed, source: { from: 'guess', space: 'few', size: 256 } },
    {
      text: '',
      evidence: [1],
      gives: new Uint8Array(16),
      source: { from: 'crossing', crossing, steps: [], label: 'salt', sealed: false },
    },
  ];
  const stream = { participant: 'alice', medium: 'video', route: 'provider' };
  const key = {
    name: 'key 1',
    streams: [stream],
    path,
    repeatable: true,
    sight: { frames: 9, pictures: 9, cards: 9, words: 0, evidence: [3] },
    sources: [{ crossing, earlier: false, guessable: false }],
    roots: { made: [], unknown: [], crossed: [] },
    guards: { made: [], unknown: [], crossed: [] },
    evidence: [],
  } as unknown as KeyEvidence;
  const recording = { participants: [], complete: true, scenario: { seconds: 1 } };
  const nothing = { flow: [], health: [], streams: [], tried: 0, crowded: false, undecoded: 0, sentOtherwise: 0 };
  return { ...nothing, recording, keys: [key], strangers: 0 } as unknown as Evidence;
}

it('says nothing of a key made of a text that can be guessed and of the server’s salt', () => {
  expect(claim.check(saltedGuess(Buffer.from('test123')), {}).verdict).toBe('inconclusive');
});

it('is refuted by a key made of a constant of no entropy and of what the server sent', () => {
  expect(claim.check(saltedGuess(new Uint8Array(32)), {}).verdict).toBe('refuted');
});
