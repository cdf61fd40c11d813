import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLES } from '../recording/fixtures/samples.ts';
import { RecordingReader } from '../recording/reader.ts';
import { exportPcapng } from './export-pcapng.ts';
import { EXCHANGES, media, record } from './fixtures/recordings.ts';
import { InterchangeError } from './source.ts';

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
