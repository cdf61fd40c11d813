/** Vantage points that are asked for beside the usual ones. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { findFfmpeg } from '../harness/audit/decoder.ts';
import { readScreens } from '../harness/audit/screen.ts';
import { readCapture } from '../harness/interchange/capture.ts';
import { type Datagram, datagramIn } from '../harness/interchange/datagrams.ts';
import { ByteSource } from '../harness/interchange/source.ts';
import { decrypt } from '../harness/interchange/tshark.ts';
import { parseRtp } from '../harness/media/rtp.ts';
import { CARD } from '../harness/media/test-card.ts';
import type { RecordedEvent } from '../harness/recording/format.ts';
import { RecordingReader } from '../harness/recording/reader.ts';
import { whyNotCapture } from '../harness/vantage/wire/fixtures/why-not.ts';
import { find as findTshark } from '../tools/services/tshark.mjs';
import { keywitness, start } from './testing/keywitness.ts';

/** ms that the film and the far ends may differ: a few pictures of the card, since the machine may be busy. */
const APART = 250;

const ffmpeg = findFfmpeg()?.path ?? 'ffmpeg';

function eventsOf(folder: string): RecordedEvent[] {
  using reader = new RecordingReader(folder);
  return [...reader.events()];
}

/** When a sender's card had the counter 0, as the median of sights tells: ms, within one loop of the card. */
function phase(sights: { t: number; counter: number }[]): number {
  const phases = sights.map(({ t, counter }) => distance(t - (counter * 1000) / CARD.rate, 0)).sort((a, b) => a - b);
  return phases[phases.length >> 1]!;
}

/** From -LOOP/2 to LOOP/2. */
function distance(one: number, other: number): number {
  const loop = (CARD.loop * 1000) / CARD.rate;
  const apart = (((one - other) % loop) + loop) % loop;
  return apart > loop / 2 ? apart - loop : apart;
}

test.describe('--screen', () => {
  test('records what each participant sees and hears, on the clock of the recording', async ({}, info) => {
    const folder = info.outputPath('call.kw');
    const args = ['run', 'specimen/sealed', '--screen', '--seconds', '6', '--out', folder, '--json'];
    const { code, stderr, stdout } = await keywitness(args);
    expect(code, stderr + stdout).toBe(0);
    expect(statSync(join(folder, 'screen')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'screen')).sort()).toEqual(['alice.webm', 'bob.webm']);

    using reader = new RecordingReader(folder);
    for (const point of reader.recording.vantagePoints) expect(point).toMatchObject({ state: 'alive' });
    const events = [...reader.events()];
    for (const name of ['alice', 'bob']) {
      const file = `screen/${name}.webm`;
      const path = join(folder, file);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const kept = events.find((event) => event.type === 'screen.kept' && event.file === file);
      const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
      expect(kept).toMatchObject({ participant: name, seekable: true, length: statSync(path).size, sha256 });
      const show = ['-v', 'error', '-show_entries', 'format=duration:stream=codec_name', '-of', 'csv=p=0', path];
      const shown = spawnSync('ffprobe', show, { encoding: 'utf8' }).stdout.trim().split('\n');
      expect(shown.slice(0, -1).sort()).toEqual(['opus', 'vp8']);
      expect(Number(shown.at(-1))).toBeGreaterThan(5);
      const volume = spawnSync(ffmpeg, ['-i', path, '-af', 'volumedetect', '-vn', '-f', 'null', '-'], {
        encoding: 'utf8',
      });
      expect(Number(/max_volume: (\S+) dB/.exec(volume.stderr)?.[1])).toBeGreaterThan(-40);
    }

    const { sights, truncated } = await readScreens(reader, ffmpeg);
    expect(truncated).toBe(false);
    for (const participant of ['alice', 'bob'])
      for (const sender of [1, 2]) {
        const seen = sights.filter((sight) => sight.participant === participant && sight.sender === sender);
        expect(new Set(seen.map(({ counter }) => counter)).size).toBeGreaterThanOrEqual(10);
        const read = events.filter((event) => event.type === 'call.card');
        const farEnd = read.filter((event) => event.participant === participant && event.sender === sender);
        expect(Math.abs(distance(phase(seen), phase(farEnd)))).toBeLessThan(APART);
      }
    expect(await readScreens(reader, ffmpeg)).toEqual({ sights, truncated });

    const verdicts = readFileSync(join(folder, 'verdicts.json'), 'utf8');
    await keywitness(['audit', folder]);
    expect(readFileSync(join(folder, 'verdicts.json'), 'utf8')).toBe(verdicts);

    appendFileSync(join(folder, 'screen/bob.webm'), 'x');
    await expect(readScreens(reader, ffmpeg)).rejects.toThrow(/bob\.webm is not the file that was recorded/);
  });

  test('leaves a film that plays when the harness is killed', async ({}, info) => {
    const folder = info.outputPath('killed.kw');
    const running = start(['record', 'specimen/sealed', '--screen', '--seconds', '30', '--out', folder]);
    await running.said('the call goes on');
    await expect
      .poll(() => statSync(join(folder, 'screen/alice.webm')).size, { timeout: 20_000 })
      .toBeGreaterThan(50_000);
    running.process.kill('SIGKILL');
    await running.ended;
    const decoded = spawnSync(ffmpeg, ['-i', join(folder, 'screen/alice.webm'), '-f', 'null', '-'], {
      encoding: 'utf8',
    });
    expect(decoded.stderr).toMatch(/frame= *\d{2,}/);
    expect(eventsOf(folder).some(({ type }) => type === 'screen.began')).toBe(true);
  });
});

/** UDP in a capture. */
function datagramsIn(path: string): Datagram[] {
  const source = ByteSource.open(path);
  try {
    return [...readCapture(source)].flatMap((item) =>
      item.kind === 'packet' ? (datagramIn(item.link, item.data) ?? []) : [],
    );
  } finally {
    source.close();
  }
}

/** Each WebSocket message, as text. */
function messagesIn(reader: RecordingReader, events: { type: string; body?: unknown }[]): string[] {
  const messages = events.filter((event) => event.type === 'ws.message');
  return messages
    .map(({ body }) => (body instanceof Uint8Array ? body : reader.body(body as never)))
    .map((body) => Buffer.from(body).toString('latin1'))
    .sort();
}

/** Programs that run with this among their arguments. */
function programsWith(argument: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return args.includes(argument) ? [program!] : [];
    } catch {
      return [];
    }
  });
}

test.describe('--wire', () => {
  test('without dumpcap ends with exit code 2 and one line, before there is a recording', async ({}, info) => {
    const folder = info.outputPath('none.kw');
    const { code, stderr } = await keywitness(['record', 'specimen/sealed', '--wire', '--out', folder], { PATH: '' });
    expect(code).toBe(2);
    expect(stderr).toBe(
      'keywitness: --wire: dumpcap was not found on the PATH; install it (Debian: apt-get install tshark)\n',
    );
    expect(existsSync(folder)).toBe(false);
  });

  test.describe(() => {
    test.beforeAll(async () => {
      const reason = findTshark().ok ? await whyNotCapture() : 'tshark is not installed';
      test.skip(reason !== undefined, reason);
    });

    test("records the call's packets, which agree with what the other vantage points saw", async ({}, info) => {
      const folder = info.outputPath('call.kw');
      const args = ['run', 'specimen/sealed', '--wire', '--seconds', '6', '--out', folder, '--json'];
      const { code, stderr, stdout } = await keywitness(args);
      expect(code, stderr + stdout).toBe(0);
      expect(readdirSync(folder)).not.toContain('tls.keys');
      const path = join(folder, 'wire.pcapng');
      expect(statSync(path).mode & 0o777).toBe(0o600);
      using reader = new RecordingReader(folder);
      for (const point of reader.recording.vantagePoints) expect(point).toMatchObject({ state: 'alive' });
      const events = [...reader.events()];
      const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
      const kept = events.find((event) => event.type === 'wire.kept');
      expect(kept).toMatchObject({ file: 'wire.pcapng', length: statSync(path).size, sha256, dropped: 0 });

      await test.step('Wireshark decrypts it with no option, and reads what the proxy read', async () => {
        const signal = AbortSignal.timeout(60_000);
        const capture = { path, name: 'wire.pcapng', ownerOf: () => 'anyone', signal };
        const { events: seen } = await decrypt(findTshark().path!, capture);
        const decrypted = [...seen].map(({ event }) => event as { type: string; body?: unknown });
        const messages = messagesIn(reader, events);
        expect(messages.length).toBeGreaterThan(10);
        expect(messagesIn(reader, decrypted)).toEqual(messages);
      });

      await test.step('every packet that was sent is there, and sealed by SRTP', () => {
        const clear = new Map<string, Uint8Array>();
        for (const event of events)
          if (event.type === 'rtp' && event.direction === 'send')
            clear.set(`${event.ssrc} ${event.sequenceNumber}`, reader.body(event.body));
        expect(clear.size).toBeGreaterThan(100);
        const missing = new Set(clear.keys());
        for (const { payload } of datagramsIn(path)) {
          const packet = parseRtp(payload);
          const key = packet && `${packet.ssrc} ${packet.sequenceNumber}`;
          if (!key || !missing.delete(key)) continue;
          const before = parseRtp(clear.get(key)!)!;
          const { length } = before.payload;
          if (length > 0) expect(Buffer.from(packet.payload.subarray(0, length)).equals(before.payload)).toBe(false);
        }
        // The dump tells of packets as they are handed over; of the last ones, not all leave before a page is gone.
        expect(missing.size).toBeLessThan(clear.size / 20);
      });
    });

    test('ends with the harness, even when that is killed, and leaves what it has', async ({}, info) => {
      const folder = info.outputPath('killed.kw');
      const path = join(folder, 'wire.pcapng');
      const running = start(['record', 'specimen/sealed', '--wire', '--seconds', '30', '--out', folder]);
      await running.said('the call goes on');
      expect(programsWith(path)).toContain('dumpcap');
      running.process.kill('SIGKILL');
      await running.ended;
      await expect.poll(() => programsWith(path), { timeout: 20_000 }).toEqual([]);
      expect(datagramsIn(path).length).toBeGreaterThan(10);
      for (const file of [path, join(folder, 'tls.keys')]) {
        expect(statSync(file).size).toBeGreaterThan(0);
        expect(statSync(file).mode & 0o777).toBe(0o600);
      }
    });
  });
});
