/** Calls that leave for other tools' files and come back: the same verdicts on what the files carry, and none upheld. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { AuditResult } from '../harness/audit/audit.ts';
import { record } from '../harness/interchange/fixtures/recordings.ts';
import { RecordingReader } from '../harness/recording/reader.ts';
import { cardIn, reproduce, run, verdictsOf } from './testing/calls.ts';
import { keywitness } from './testing/keywitness.ts';

const CLAIMS = ['cipher', 'ciphertext-sound', 'key-delivery', 'key-origin', 'media-confidential'];

/** Exports a recording beside it, imports that, and judges it. */
async function thereAndBack(folder: string, ...options: string[]) {
  const name = (ending: string) => folder.replace(/\.kw$/, ending);
  const files = [name('.har'), name('.pcapng')];
  const exported = await keywitness(['export', folder, '--har', files[0]!, '--pcapng', files[1]!]);
  expect(exported.code, exported.stderr).toBe(0);
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  const back = name('-back.kw');
  const imported = await keywitness(['import', ...files, '--out', back, ...options]);
  expect(imported.code, imported.stderr).toBe(0);
  const { code, stdout, stderr } = await keywitness(['audit', back, '--json']);
  expect(stderr).toBe('');
  return { files, back, code, result: JSON.parse(stdout) as AuditResult };
}

/** What tshark says of a file; undefined where it is not installed. */
function tshark(file: string, ...args: string[]): string | undefined {
  const { error, stdout } = spawnSync('tshark', ['-r', file, ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return error ? undefined : stdout;
}

test('transport-only: what the provider carried still decodes, from the packets alone', async ({}, info) => {
  const folder = info.outputPath('call.kw');
  const claims = CLAIMS.flatMap((claim) => ['--claim', claim]);
  const before = await run('specimen/transport-only', folder, ...claims);
  const { files, back, code, result } = await thereAndBack(folder);
  expect(code).toBe(1);
  expect(verdictsOf(result)).toEqual({
    // Known from what crossed the provider, which the files carry.
    'media-confidential': 'refuted',
    cipher: 'refuted',
    'ciphertext-sound': 'refuted',
    // These rest on what the pages saw.
    'key-delivery': 'untested',
    'key-origin': 'untested',
  });
  for (const { claim, verdict } of result.verdicts)
    if (verdict === 'refuted') expect(verdictsOf(before.result)[claim]).toBe('refuted');
  const proof = join(back, 'proofs', 'media-confidential');
  const again = reproduce(proof);
  expect(again.status, again.stderr).toBe(0);
  expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();

  await test.step('the packets alone do, too', async () => {
    const alone = info.outputPath('alone.kw');
    const { code } = await keywitness(['import', files[1]!, '--out', alone, '--claim', 'media-confidential']);
    expect(code).toBe(0);
    expect((await keywitness(['audit', alone])).code).toBe(1);
  });

  await test.step('HTTP alone shows nothing of the media', async () => {
    const alone = info.outputPath('http.kw');
    await keywitness(['import', files[0]!, '--out', alone]);
    const { code, stdout } = await keywitness(['audit', alone, '--json']);
    expect(code).toBe(3);
    expect(new Set(Object.values(verdictsOf(JSON.parse(stdout))))).toEqual(new Set(['untested']));
  });

  await test.step('tshark finds every stream, and WebSocket frames, with no option set', () => {
    const streams = tshark(files[1]!, '-q', '-z', 'rtp,streams');
    if (streams === undefined) {
      info.annotations.push({ type: 'not looked at by tshark', description: 'it is not installed' });
      return;
    }
    using reader = new RecordingReader(folder);
    const expected = new Set<string>();
    let messages = 0;
    for (const event of reader.events()) {
      if (event.type === 'rtp') expected.add(`${event.participant} ${event.direction} ${event.ssrc}`);
      if (event.type === 'ws.message') messages++;
    }
    const found = streams.split('\n').filter((line) => /0x[0-9A-F]{8}/.test(line));
    expect(found).toHaveLength(expected.size);
    expect(tshark(files[1]!, '-Y', 'websocket')!.trim().split('\n')).toHaveLength(messages);
    expect(tshark(files[1]!, '-Y', '_ws.malformed')).toBe('');
  });
});

test('server-key: the key that crossed opens what the provider carried, and nothing is upheld', async ({}, info) => {
  const folder = info.outputPath('call.kw');
  await run('specimen/server-key', folder);
  const { back, code, result } = await thereAndBack(folder);
  expect(code).toBe(1);
  expect(verdictsOf(result)).toEqual({
    'media-confidential': 'refuted',
    'key-delivery': 'refuted',
    cipher: 'untested',
    'ciphertext-sound': 'untested',
    'key-origin': 'untested',
  });
  const proof = join(back, 'proofs', 'key-delivery');
  const again = reproduce(proof);
  expect(again.status, again.stderr).toBe(0);
  expect(again.stdout).toContain('"config.e2eeKey"');
  expect(cardIn(join(proof, 'picture.png'))?.sender).toBeDefined();
  using reader = new RecordingReader(back);
  const { recording } = reader;
  expect(recording.scenario.name).toBe('import');
  expect(recording.software['imported call.har']).toMatch(/^SHA-256 [0-9a-f]{64}$/);
  expect((await keywitness(['report', back])).code).toBe(0);
  expect(readFileSync(join(back, 'report.html'), 'utf8')).toContain('refuted');
});

test('sealed: nothing is refuted, and nothing is upheld either', async ({}, info) => {
  const folder = info.outputPath('call.kw');
  await run('specimen/sealed', folder);
  const { code, result } = await thereAndBack(folder);
  expect(code).toBe(3);
  expect(verdictsOf(result)).toEqual(Object.fromEntries(CLAIMS.map((claim) => [claim, 'untested'])));
});

test.describe('what is wrong', () => {
  const cases: [string, string[], RegExp][] = [
    ['an export of nothing', ['export', '/nonexistent.kw', '--har', 'x'], /\/nonexistent\.kw holds no recording/],
    ['an export to nothing', ['export', '/nonexistent.kw'], /say what to write, with --har FILE or --pcapng FILE/],
    ['an import of nothing', ['import', '/nonexistent.har'], /\/nonexistent\.har cannot be read: ENOENT/],
    ['a name without .kw', ['import', 'x.har', '--out', 'x'], /--out x: expected a folder name that ends in \.kw/],
    [
      'a participant without an address',
      ['import', 'x', '--participant', 'alice'],
      /expected NAME=ADDRESS or NAME=ADDRESS:PORT/,
    ],
    ['an address that is none', ['import', 'x', '--participant', 'alice=1.2.3'], /expected NAME=ADDRESS/],
    ['an unknown claim', ['import', 'x', '--claim', 'nope'], /unknown claim "nope"/],
  ];
  for (const [what, args, line] of cases)
    test(`${what} ends with exit code 2 and one line`, async ({}, info) => {
      const out = info.outputPath('out.kw');
      const isImport = args[0] === 'import' && !args.includes('--out');
      const { code, stdout, stderr } = await keywitness(isImport ? [...args, '--out', out] : args);
      expect(code, stderr).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
      expect(existsSync(out)).toBe(false);
    });

  test('garbage, and what is cut off, ends so too, and leaves nothing', async ({}, info) => {
    const folder = info.outputPath('files');
    mkdirSync(folder, { recursive: true });
    const file = (name: string, content: Buffer | string) => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const pcap = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
    const files: [string, RegExp][] = [
      [file('garbage', 'garbage'), /garbage is of no kind that is read: it begins with 67617262616765; expected/],
      [
        file('cut.pcap', Buffer.concat([pcap, Buffer.alloc(9)])),
        /cut\.pcap is cut off at byte 24: expected 16 bytes of a packet's header, found 9/,
      ],
      [file('cut.har', '{"log":'), /cut\.har is no HAR/],
      [file('cut.flows', '100:4:type;'), /cut\.flows is (cut off|of no kind)/],
    ];
    for (const [path, line] of files) {
      const out = info.outputPath('out.kw');
      const { code, stderr } = await keywitness(['import', path, '--claim', 'cipher', '--out', out]);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(existsSync(out)).toBe(false);
    }
    expect(readdirSync(folder)).toHaveLength(files.length);
  });

  test('an export takes the place neither of its recording nor of the other file', async ({}, info) => {
    const folder = info.outputPath('call.kw');
    record(folder, []);
    symlinkSync(folder, info.outputPath('link'));
    const before = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
    const x = info.outputPath('x');
    for (const [args, line] of [
      [['--har', join(folder, 'recording.json')], /--har .*recording\.json is in the recording's folder; expected/],
      [['--pcapng', info.outputPath('link', 'events.jsonl')], /--pcapng .*events\.jsonl is in the recording's folder/],
      [['--har', x, '--pcapng', join(folder, '..', 'x')], /--har and --pcapng are the same file, .*x; expected two/],
    ] as const) {
      const { code, stderr } = await keywitness(['export', folder, ...args]);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(readdirSync(folder).map((name) => readFileSync(join(folder, name)))).toEqual(before);
    expect(existsSync(x)).toBe(false);
  });

  test('an export that cannot be written leaves nothing', async ({}, info) => {
    const folder = info.outputPath('nowhere', 'x.har');
    const { code, stderr } = await keywitness(['export', '/nonexistent.kw', '--har', folder]);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(existsSync(folder)).toBe(false);
  });
});
