/** Two independent engines stand in the way of the same service: what they saw is the same, and so are the verdicts. */
import { createHash } from 'node:crypto';
import { expect, test } from '@playwright/test';
import { RecordingReader } from '../harness/recording/reader.ts';
import { ENGINES } from '../harness/vantage/proxy/engines.ts';
import { find } from '../tools/services/mitmproxy.mjs';
import { reproduce, run, verdictsOf } from './testing/calls.ts';
import { keywitness } from './testing/keywitness.ts';

const HOST = 'meet.server-key.test';

/** What one participant's proxy saw of the service. */
interface Seen {
  /** Method, path, version, status, and SHA-256 of the answer's body, in order. */
  exchanges: [string, string, string, number | undefined, string][];
  /** How often a message of each kind went each way over WebSockets: `send text join`. */
  messages: Record<string, number>;
  /** How the WebSockets ended. */
  closed: unknown[];
}

/**
 * What differs from run to run is left out: ports, the meeting's name, the key and the descriptions (SDP) in messages, and how often
 * the service negotiates anew, which depends on who is quicker.
 */
function seenIn(folder: string, participant: string): Seen {
  using reader = new RecordingReader(folder);
  const exchanges = new Map<string, { head: [string, string, string]; status?: number; bodies: Buffer[] }>();
  const messages: Record<string, number> = {};
  const closed: unknown[] = [];
  for (const event of reader.events()) {
    if (event.vantage !== 'proxy' || event.participant !== participant) continue;
    if (event.type === 'http.request' && new URL(event.url).hostname === HOST) {
      const path = new URL(event.url).pathname.replace(/^\/room\/[0-9a-f]+$/, '/room/MEETING');
      exchanges.set(event.exchange, { head: [event.method, path, event.version], bodies: [] });
    }
    if (event.type === 'http.response') {
      const exchange = exchanges.get(event.exchange);
      if (exchange) exchange.status = event.status;
    }
    if (event.type === 'http.body' && event.of === 'response')
      exchanges.get(event.exchange)?.bodies.push(Buffer.from(reader.body(event.body)));
    if (event.type === 'ws.message') {
      const { type } = JSON.parse(Buffer.from(reader.body(event.body)).toString()) as { type: string };
      const kind = `${event.direction} ${event.binary ? 'binary' : 'text'} ${type}`;
      messages[kind] = /subscribed?$/.test(kind) ? 1 : (messages[kind] ?? 0) + 1;
    }
    if (event.type === 'ws.closed') closed.push([event.code, event.reason]);
  }
  return {
    exchanges: [...exchanges.values()].map(({ head, status, bodies }) => [
      ...head,
      status,
      sha256(Buffer.concat(bodies)),
    ]),
    messages,
    closed,
  };
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test.describe('the same service through both engines', () => {
  const mitmproxy = find();
  test.skip(!mitmproxy.ok, mitmproxy.problem ?? '');

  test('they saw the same, message by message, and the verdicts are the same', async ({}, info) => {
    const runs = [];
    for (const engine of Object.keys(ENGINES)) {
      const folder = info.outputPath(`${engine}.kw`);
      const { code, result } = await run('specimen/server-key', folder, '--proxy', engine);
      using reader = new RecordingReader(folder);
      const points = reader.recording.vantagePoints.filter(({ vantage }) => vantage === 'proxy');
      expect(points).toHaveLength(2);
      for (const { version, state, detail } of points) {
        expect(version).toMatch(new RegExp(`^${engine} \\d`));
        expect(state, detail).toBe('alive');
      }
      const seen = ['alice', 'bob'].map((participant) => seenIn(folder, participant));
      runs.push({ folder, code, verdicts: verdictsOf(result), seen });
    }
    const [one, other] = runs;
    expect(one!.verdicts).toMatchObject({ 'media-confidential': 'refuted', cipher: 'upheld' });
    expect([other!.code, other!.verdicts]).toEqual([one!.code, one!.verdicts]);
    expect(one!.seen[0]!.exchanges.length).toBeGreaterThan(3);
    expect(other!.seen).toEqual(one!.seen);

    for (const claim of ['media-confidential', 'key-origin', 'key-delivery']) {
      const again = reproduce(`${other!.folder}/proofs/${claim}`);
      expect(again.status, again.stderr).toBe(0);
      expect(again.stdout).toContain('"config.e2eeKey"');
    }
  });
});

test('an unknown engine ends with exit code 2, one that is not there with one line', async ({}, info) => {
  const out = info.outputPath('none.kw');
  const unknown = await keywitness(['run', 'specimen/sealed', '--proxy', 'nope', '--out', out]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/'nope' is invalid.*mockttp, mitmproxy/);
  const missing = await keywitness(['run', 'specimen/sealed', '--proxy', 'mitmproxy', '--out', out], {
    KEYWITNESS_MITMDUMP: '/nonexistent',
  });
  expect(missing.code).toBe(4);
  expect(missing.stderr).toMatch(/the proxies cannot start: KEYWITNESS_MITMDUMP names no program: \/nonexistent\n$/);
});
