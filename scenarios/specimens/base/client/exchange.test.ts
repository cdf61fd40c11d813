import { beforeEach, expect, test } from 'vitest';
import type { Call } from './conference.ts';
import { type BaseKey, type ExchangeMessage, exchangeKeys } from './exchange.ts';

type Participant = ReturnType<typeof exchangeKeys> & {
  /** The newest key of each, by participant. */
  keys: Map<string, BaseKey>;
};

const meeting = new Map<string, Participant>();
let crossed: ExchangeMessage[];

beforeEach(() => {
  meeting.clear();
  crossed = [];
});

/** Messages on their way; delivered one after the other, as a server does. */
const queue: (() => Promise<void> | undefined)[] = [];

async function settle(): Promise<void> {
  for (let deliver = queue.shift(); deliver; deliver = queue.shift()) await deliver();
}

async function join(name: string, keyBytes?: number): Promise<Participant> {
  const keys = new Map<string, BaseKey>();
  const hooks = exchangeKeys({
    keyBytes,
    verified: false,
    onKey: (key) => void keys.set(key.participant, key),
    onLeft: (participant) => void keys.delete(participant),
  });
  const send = (to: string, message: unknown) => {
    crossed.push(message as ExchangeMessage);
    queue.push(() => meeting.get(to)?.onMessage(name, structuredClone(message)));
  };
  const participant = { ...hooks, keys };
  const others = [...meeting.keys()];
  meeting.set(name, participant);
  const call: Call = { name, meeting: 'standup', config: {}, send };
  await hooks.afterJoin(call, others);
  await settle();
  return participant;
}

async function leave(name: string): Promise<void> {
  meeting.delete(name);
  for (const other of meeting.values()) await other.onLeft(name);
  await settle();
}

function everybodyHasTheKeysOfAll(): void {
  for (const { keys } of meeting.values()) {
    expect(keys.size).toBe(meeting.size);
    for (const [name, other] of meeting) {
      const { kid, baseKey } = other.keys.get('')!;
      if (other.keys !== keys) expect(keys.get(name)).toEqual({ participant: name, kid, baseKey });
    }
  }
}

test('nobody has a key to send with while nobody else is there', async () => {
  const alice = await join('alice');
  expect(alice.keys.size).toBe(0);
  await join('bob');
  expect([...alice.keys.keys()].sort()).toEqual(['', 'bob']);
  await leave('bob');
  expect(alice.keys.size).toBe(0);
});

test('everybody has the keys of all, and new ones are made whenever somebody joins or leaves', async () => {
  const alice = await join('alice');
  const own: BaseKey[] = [];
  for (const change of [() => join('bob'), () => join('carol'), () => leave('bob'), () => join('bob')]) {
    await change();
    everybodyHasTheKeysOfAll();
    own.push(alice.keys.get('')!);
  }
  expect(new Set(own.map(({ kid }) => kid)).size).toBe(4);
  expect(new Set(own.map(({ baseKey }) => Buffer.from(baseKey).toString('hex'))).size).toBe(4);
});

test('base keys are as long as asked for', async () => {
  const [alice, bob] = [await join('alice'), await join('bob', 16)];
  expect(alice.keys.get('')!.baseKey).toHaveLength(32);
  expect(bob.keys.get('')!.baseKey).toHaveLength(16);
});

test('no base key crosses the server in the clear', async () => {
  const alice = await join('alice');
  const bob = await join('bob');
  const text = Buffer.concat(
    crossed.map((message) => Buffer.from(message.type === 'key' ? message.sealed : message.publicKey, 'base64')),
  );
  for (const { keys } of [alice, bob])
    for (const { baseKey } of keys.values()) expect(text.includes(Buffer.from(baseKey))).toBe(false);
});

test('a key that its sender did not seal is as good as none', async () => {
  const alice = await join('alice');
  await join('bob');
  const { kid } = alice.keys.get('bob')!;
  const before = new Map(alice.keys);
  for (const sealed of ['', Buffer.alloc(60).toString('base64'), 'no base64 at all'])
    await alice.onMessage('bob', { type: 'key', kid, sealed });
  await alice.onMessage('mallory', { type: 'key', kid, sealed: '' });
  expect(alice.keys).toEqual(before);
});
