import { describe, expect, test } from 'vitest';
import { Call } from './call.ts';
import type { Participant } from './participant.ts';
import type { RunningService } from './service.ts';

const service = { join: async () => {}, leave: async () => {} } as unknown as RunningService;

/** Whose page shows the cards of these senders. */
function participant(name: string, card: number, shows: number[]): Participant {
  const cards = shows.map((sender) => ({ element: 'video', sender, counter: 1 }));
  return {
    name,
    card,
    page: { url: () => 'http://127.0.0.1/' },
    gone: new Promise(() => {}),
    look: async () => ({ cards, tones: [] }),
    asksForPassword: async () => false,
    screenshot: async () => undefined,
  } as unknown as Participant;
}

function callOf(...cast: Participant[]): Call {
  return callUntil(AbortSignal.timeout(100), ...cast);
}

function callUntil(deadline: AbortSignal, ...cast: Participant[]): Call {
  return new Call({
    service,
    participants: new Map(cast.map((one) => [one.name, one])),
    meeting: 'm',
    secret: 's',
    seconds: 1,
    sink: { append() {} },
    signal: new AbortController().signal,
    deadline,
    nextDeadline: () => AbortSignal.timeout(100),
    progress() {},
  });
}

describe('a call is connected', () => {
  test('once everyone shows the card of everyone else', async () => {
    const call = callOf(participant('alice', 1, [2]), participant('bob', 2, [1]));
    await call.join('alice');
    await call.join('bob');
    await call.untilConnected();
    expect(call.connected).toBe(true);
  });

  test('and again with who comes later, who is not held to when the first ones had to be in', async () => {
    const deadline = new AbortController();
    const cast = [participant('alice', 1, [2, 3]), participant('bob', 2, [1, 3]), participant('carol', 3, [1, 2])];
    const call = callUntil(deadline.signal, ...cast);
    await call.join('alice');
    await call.join('bob');
    await call.untilConnected();
    deadline.abort();
    await call.join('carol');
    await call.untilConnected();
  });

  test('not by what one shows of oneself', async () => {
    const call = callOf(participant('alice', 1, [1]), participant('bob', 2, [1, 2]));
    await call.join('alice');
    await call.join('bob');
    await expect(call.untilConnected()).rejects.toThrow(/: alice does not show bob's test card$/);
  });

  test('where one is cast alone, once she shows her own', async () => {
    const alone = callOf(participant('alice', 1, [1]));
    await alone.join('alice');
    await alone.untilConnected();
    expect(alone.connected).toBe(true);

    const unanswered = callOf(participant('alice', 1, []));
    await unanswered.join('alice');
    await expect(unanswered.untilConnected()).rejects.toThrow(/: alice does not show alice's test card$/);
  });
});
