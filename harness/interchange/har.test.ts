import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { SAMPLES } from '../recording/fixtures/samples.ts';
import { RecordingReader } from '../recording/reader.ts';
import { exportHar } from './export-har.ts';
import { EXCHANGES, media, record } from './fixtures/recordings.ts';
import { readHar, readTime, writeTime } from './har.ts';
import { InterchangeError } from './source.ts';

const base = mkdtempSync(join(tmpdir(), 'keywitness-har-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** HAR 1.2 by the JSON Schemas that others made of its specification (npm's har-schema, of draft 6). */
function validator() {
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const load = createRequire(import.meta.url);
  ajv.addMetaSchema(load('ajv/dist/refs/json-schema-draft-06.json'));
  return ajv.addSchema(Object.values(load('har-schema'))).getSchema('har.json#')!;
}

function exported() {
  const folder = mkdtempSync(join(base, 'call-'));
  const file = join(folder, 'call.har');
  record(join(folder, 'call.kw'), [...EXCHANGES, ...media()]);
  using reader = new RecordingReader(join(folder, 'call.kw'));
  exportHar(reader, file);
  return file;
}

describe('exportHar', () => {
  const file = exported();
  const har = JSON.parse(readFileSync(file, 'utf8'));
  const entry = (url: string) =>
    har.log.entries.find((one: { request: { url: string } }) => one.request.url.endsWith(url));

  it('writes HAR 1.2, for its owner’s eyes only', () => {
    const validate = validator();
    validate(har);
    expect(validate.errors).toBeNull();
    expect(validate({ log: { ...har.log, entries: [{ ...har.log.entries[0], time: 'long' }] } })).toBe(false);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('gives bodies without their coding, as text where they are', () => {
    expect(entry('/join?a=1&b=%20').request.postData.text).toBe('{"name":"ü"}');
    expect(entry('/join?a=1&b=%20').response.content).toMatchObject({ text: '{"key":"Zm9v"}', size: 14 });
    expect(entry('/binary').response.content).toMatchObject({ text: 'AP8KDQ==', encoding: 'base64' });
    expect(entry('/coded').response.content).toMatchObject({ encoding: 'base64', _coded: true });
    expect(entry('/gone').response).toMatchObject({ status: 0, _error: 'reset' });
  });

  it('gives WebSocket messages as Chrome does, and says whose and from which recording they are', () => {
    const { _webSocketMessages: messages, _participant, _recording } = entry('/ws');
    expect(messages[0]).toMatchObject({ type: 'send', opcode: 1, data: 'hello ü' });
    expect(messages[1]).toMatchObject({ type: 'receive', opcode: 2, data: 'AQD/' });
    expect(messages[0].time).toBeCloseTo(Date.now() / 1000, -3);
    expect([_participant, _recording]).toEqual(['alice', 'test']);
    expect(har.log._keywitness.origin.id).toBe('test');
    expect(har.log.comment).toBe('made by keywitness from recording test');
  });
});

it('exportHar holds a request and a reply that together are too long for one text', () => {
  const folder = mkdtempSync(join(base, 'large-'));
  const common = { participant: 'alice', vantage: 'proxy', exchange: 'e' } as const;
  // JSON writes each of these bytes as six characters; a text has fewer than 2^29.
  const body = { ...common, type: 'http.body', body: new Uint8Array(45 << 20).fill(1), last: true } as const;
  record(join(folder, 'call.kw'), [
    { ...common, type: 'http.request', method: 'POST', url: 'https://localhost/', version: '1.1', headers: [] },
    { ...body, of: 'request' },
    { ...common, type: 'http.response', status: 200, headers: [] },
    { ...body, of: 'response' },
  ]);
  using reader = new RecordingReader(join(folder, 'call.kw'));
  expect(exportHar(reader, join(folder, 'call.har'))).toBe(1);
  expect(statSync(join(folder, 'call.har')).size).toBeGreaterThan(2 * 6 * (45 << 20));
  rmSync(folder, { recursive: true });
}, 60_000);

describe('readHar', () => {
  const read = (value: unknown) => readHar('call.har', Buffer.from(JSON.stringify(value)), 'alice');
  const entry = (changes: object = {}) => ({
    startedDateTime: '2026-01-02T03:04:05.678+02:00',
    time: 30,
    request: { method: 'GET', url: 'https://meet.example/?a#fragment', httpVersion: 'h3', headers: [] },
    response: {
      status: 200,
      statusText: '',
      httpVersion: 'h3',
      headers: [{ name: 'content-encoding', value: 'br' }],
      content: { size: 3, mimeType: 'x', text: 'abc' },
    },
    timings: { blocked: 5, dns: -1, connect: -1, send: 1, wait: 4, receive: 20 },
    ...changes,
  });
  const log = (...entries: unknown[]) => ({ log: { version: '1.2', creator: {}, entries } });

  it('reads a browser’s: a body counts from when the last of it had come, and has no coding any more', () => {
    const start = Date.parse('2026-01-02T01:04:05.678Z') * 1000;
    const { events, participants, origin } = read(log(entry()));
    expect(origin).toBeUndefined();
    expect(participants).toEqual(['alice']);
    expect([...events]).toMatchObject([
      { time: start, event: { type: 'http.request', url: 'https://meet.example/?a', version: 'h3' } },
      { time: start + 10_000, event: { type: 'http.response', status: 200, headers: [] } },
      { time: start + 30_000, event: { type: 'http.body', of: 'response', body: Buffer.from('abc'), last: true } },
    ]);
  });

  it.each([
    ['what is no JSON', '{"log":', /^call\.har is no HAR: .*JSON/],
    ['another JSON', '{"a":1}', /^call\.har is no HAR: log: /],
    [
      'another version',
      JSON.stringify({ log: { version: '2.0', entries: [] } }),
      /is HAR "2\.0", expected version 1\.x/,
    ],
    ['an entry without a request', JSON.stringify(log({ startedDateTime: '' })), /log\.entries\.0: request: /],
    [
      'a time that is none',
      JSON.stringify(log(entry({ startedDateTime: 'yesterday' }))),
      /entries\.0\.startedDateTime: yesterday/,
    ],
    [
      'a time beyond all',
      JSON.stringify(log(entry({ time: 1e300 }))),
      /entries\.0: a time is .*expected one before the year 10000/,
    ],
  ])('refuses %s in one line', (_, file, message) => {
    const act = () => readHar('call.har', Buffer.from(file), 'alice');
    expect(act).toThrow(InterchangeError);
    expect(act).toThrow(message);
  });

  it('never throws anything else, whatever it is given', () => {
    const json = fc.json({ maxDepth: 4 });
    const changed = fc.tuple(
      fc.constantFrom('request', 'response', 'timings', '_webSocketMessages', '_participant', '_webSocketClosed'),
      json,
    );
    fc.assert(
      fc.property(fc.oneof(json, fc.string(), fc.array(changed, { maxLength: 3 })), (given) => {
        const file =
          typeof given === 'string'
            ? given
            : JSON.stringify(log(entry(Object.fromEntries(given.map(([name, one]) => [name, JSON.parse(one)])))));
        try {
          readHar('x', Buffer.from(file), 'alice');
        } catch (error) {
          if (!(error instanceof InterchangeError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('says how many bodies are not in it', () => {
    const { response } = entry() as { response: object };
    const { vantages } = read(log(entry(), entry({ response: { ...response, content: { size: 7 } } })));
    expect(vantages[0]?.detail).toContain('2 exchanges, 1 of them without the body of the reply;');
  });

  it.each<[string, object]>([
    ...['blob:https://meet.example/1', 'data:text/plain,x', 'file:///x', 'chrome-extension://x/y', 'about:blank'].map(
      (url): [string, object] => [url.slice(0, url.indexOf(':')), { request: { ...entry().request, url } }],
    ),
    ["Chrome's cache", { _fromCache: 'disk' }],
    ["Chrome's service workers", { response: { ...entry().response, _fetchedViaServiceWorker: true } }],
    ["Safari's cache", { _fetchType: 'Memory Cache' }],
    ["Safari's service workers", { _fetchType: 'Service Worker' }],
    ['a route of Playwright that answers', { _wasFulfilled: true }],
    ['a route of Playwright that refuses', { _wasAborted: true }],
  ])('leaves out what did not cross the network, and says so: %s', (_, changes) => {
    const { events, participants, vantages } = read(log(entry(changes), entry()));
    expect([...events].filter(({ event }) => event.type === 'http.request')).toHaveLength(1);
    expect(vantages[0]?.detail).toContain('1 exchanges, without 1 that stayed in the browser;');
    expect(participants).toEqual(['alice']);
    expect(read(log(entry(changes)))).toMatchObject({ participants: [], vantages: [] });
  });

  it('keeps what did', () => {
    const { response } = entry();
    const crossed = [
      { _fromCache: null, _fetchType: 'Network Load', _wasContinued: true },
      { response: { ...response, _fetchedViaServiceWorker: false } },
      { request: { ...entry().request, url: 'WSS://meet.example/' } },
    ];
    expect(read(log(...crossed.map(entry))).vantages[0]?.detail).toContain('3 exchanges;');
  });

  it('refuses what was put together of several files', () => {
    const { log: made } = JSON.parse(readFileSync(exported(), 'utf8'));
    const [first, ...others] = made.entries;
    const several = /^call\.har was put together of several files, expected one recording's/;
    const other = { ...first, _recording: 'other' };
    expect(() => read({ log: made })).not.toThrow();
    expect(() => read({ log: { ...made, entries: [other, ...others] } })).toThrow(several);
    expect(() => read({ log: { ...made, entries: [entry(), first, ...others] } })).toThrow(several);
    expect(() => read(log(first, other))).toThrow(several);
  });

  it('takes no peers but from an export', () => {
    const peers = [{ ...SAMPLES['tls.peer'], seq: 0, t: 1 }, { type: 'rtp' }, 7];
    expect([...read({ log: { ...log().log, _keywitness: { peers } } }).events]).toEqual([]);
  });
});

it('times keep their microseconds', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e15 }), (time) => readTime(writeTime(time)) === time));
  expect(readTime('2026-01-02T03:04:05Z')).toBe(Date.parse('2026-01-02T03:04:05Z') * 1000);
  expect(readTime('2026-01-02')).toBeUndefined();
});
