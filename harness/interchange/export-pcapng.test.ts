import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { END, SAMPLES, START } from '../recording/fixtures/samples.ts';
import { RecordingReader } from '../recording/reader.ts';
import type { RecordingStart } from '../recording/writer.ts';
import { exportPcapng } from './export-pcapng.ts';
import { EXCHANGES, media, record } from './fixtures/recordings.ts';
import { surveyCapture } from './import-capture.ts';
import { ByteSource, InterchangeError } from './source.ts';

const base = mkdtempSync(join(tmpdir(), 'keywitness-pcapng-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const file = join(base, 'call.pcapng');

/** What was done before the export is made is the same for all tests. */
beforeAll(() => {
  const folder = join(base, 'call.kw');
  const wire = { ...SAMPLES.rtp, vantage: 'wire' } as const;
  record(folder, [...EXCHANGES, ...media(), wire]);
  using reader = new RecordingReader(folder);
  expect(exportPcapng(reader, file).left).toBe(0);
});

it('is for its owner’s eyes only, and leaves nothing beside it', () => {
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(base).sort()).toEqual(['call.kw', 'call.pcapng']);
});

it('says in one line where it can’t be written', () => {
  using reader = new RecordingReader(join(base, 'call.kw'));
  expect(() => exportPcapng(reader, join(base, 'nowhere', 'x'))).toThrow(InterchangeError);
  expect(() => exportPcapng(reader, join(base, 'nowhere', 'x'))).toThrow(/nowhere\/x cannot be written: ENOENT$/);
});

describe('what has no room in an option', () => {
  /** Exports a recording that begins so. */
  function exported(start: Partial<RecordingStart>) {
    const folder = join(mkdtempSync(join(base, 'x-')), 'x.kw');
    record(folder, media(), END, { ...START, ...start });
    using reader = new RecordingReader(folder);
    exportPcapng(reader, join(folder, '..', 'x.pcapng'));
    const source = ByteSource.open(join(folder, '..', 'x.pcapng'));
    try {
      return surveyCapture(source).origin;
    } finally {
      source.close();
    }
  }

  it('is cut where it is for people: a title', () => {
    const origin = exported({ service: { name: 'x', title: 'é'.repeat(70_000) } });
    expect(origin).toMatchObject({ id: 'test', service: { name: 'x', title: 'é'.repeat(200) } });
    expect(origin?.participants).toEqual(START.participants);
  });

  it('and refused where it says whose packets are whose', () => {
    const participants = [{ name: 'a'.repeat(70_000), card: 1, camera: true }];
    expect(() => exported({ participants })).toThrow(InterchangeError);
    expect(() => exported({ participants })).toThrow(
      /^pcapng has no room for \d+ bytes of description .*expected at most 65535$/,
    );
    expect(() => exported({ id: 'x'.repeat(70_000) })).toThrow(InterchangeError);
  });
});

it('reads no more of a body than a packet holds', () => {
  const folder = join(base, 'long.kw');
  const common = { participant: 'alice', vantage: 'proxy', exchange: 'e' } as const;
  const piece = { ...common, type: 'http.body', of: 'response', body: new Uint8Array(150_000), last: false } as const;
  record(folder, [
    { ...common, type: 'http.request', method: 'GET', url: 'https://localhost/', version: '1.1', headers: [] },
    { ...common, type: 'http.response', status: 200, headers: [] },
    ...Array.from({ length: 8 }, () => piece),
  ]);
  using reader = new RecordingReader(folder);
  const body = vi.spyOn(reader, 'body');
  expect(exportPcapng(reader, join(base, 'long.pcapng'))).toEqual({ packets: 2, left: 0 });
  expect(body).toHaveBeenCalledTimes(2);
  expect(readFileSync(join(base, 'long.pcapng')).includes('x-keywitness-cut: 200000 of 1200000 bytes')).toBe(true);
});

const hasTshark = spawnSync('tshark', ['--version']).status === 0;

describe.skipIf(!hasTshark)('tshark, without any option, (skipped where it is not installed)', () => {
  const tshark = (...args: string[]) => spawnSync('tshark', ['-r', file, ...args], { encoding: 'utf8' }).stdout;

  it('reads every packet, and none is malformed', () => {
    expect(tshark('-Y', '_ws.malformed')).toBe('');
    const protocols = tshark('-q', '-z', 'io,phs');
    for (const protocol of ['rtp', 'rtcp', 'sdp', 'http', 'websocket'])
      expect(protocols).toMatch(new RegExp(`^\\s+${protocol}\\s+frames:\\d+`, 'm'));
  });

  it('finds the streams of each participant, whole', () => {
    const lines = tshark('-q', '-z', 'rtp,streams')
      .split('\n')
      .filter((line) => /0x[0-9A-F]{8}/.test(line));
    expect(lines).toHaveLength(4);
    for (const [source, destination] of [
      ['192.0.2.1', '198.51.100.1'],
      ['198.51.100.1', '192.0.2.1'],
      ['192.0.2.2', '198.51.100.1'],
      ['198.51.100.1', '192.0.2.2'],
    ])
      expect(lines.some((line) => new RegExp(`${source} +\\d+ +${destination} .* 20 +0 \\(0\\.0%\\)`).test(line))).toBe(
        true,
      );
  });

  it('shows HTTP, and each frame of the WebSocket', () => {
    expect(tshark('-Y', 'http.request', '-T', 'fields', '-e', 'http.request.full_uri')).toContain(
      'http://localhost/join?a=1&b=%20',
    );
    const frames = tshark('-Y', 'websocket', '-T', 'fields', '-e', 'websocket.opcode', '-e', 'websocket.payload.text');
    expect(frames.split('\n')[0]).toBe('1\thello ü');
    // Two messages and one of 300 kB, which makes two frames.
    expect(frames.trim().split('\n')).toHaveLength(4);
  });

  it('shows that none of it is real', () => {
    const { stdout } = spawnSync('capinfos', ['-k', file], { encoding: 'utf8' });
    expect(stdout).toContain(
      'made by keywitness from recording test; a synthetic capture: addresses and ports are not real',
    );
  });
});
