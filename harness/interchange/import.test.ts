import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { audit } from '../audit/audit.ts';
import { claims } from '../audit/catalogue.ts';
import type { Decoder } from '../media/decoder.ts';
import { CARD, renderCard } from '../media/test-card.ts';
import { RecordingReader } from '../recording/reader.ts';
import { exportHar } from './export-har.ts';
import { exportPcapng } from './export-pcapng.ts';
import { ethernet, type Packet, pcap, rtp, udp4, writeFiles } from './fixtures/captures.ts';
import { EXCHANGES, media, record, told } from './fixtures/recordings.ts';
import { type ImportRequest, importFiles } from './import.ts';
import { InterchangeError } from './source.ts';

const base = mkdtempSync(join(tmpdir(), 'keywitness-import-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(base, 'x-'));
});

const vendor = {
  vendor: 'Example',
  statements: [
    {
      ...{ quote: 'Sealed.', source: 'x', date: '2026-01-01' },
      claims: ['media-confidential', 'key-origin', 'key-delivery', 'cipher', 'ciphertext-sound'].map((claim) => ({
        claim,
        params: {},
      })),
    },
  ],
};
const START = 1_700_000_000_000_000;

function importing(files: string[], more: Partial<ImportRequest> = {}) {
  const { signal } = new AbortController();
  const out = join(folder, 'back.kw');
  return importFiles({ files, folder: out, participants: [], vendor, software: { node: '1' }, signal, ...more });
}

/** A stream as it crosses the network, each payload from `fill`. */
function stream(from: string, to: string, wrap = (packet: Buffer) => packet, ssrc = 7, count = 30): Packet[] {
  return Array.from({ length: count }, (_, at) => {
    const packet = rtp({ ssrc, sequenceNumber: at, timestamp: at * 3000, marker: true }, Buffer.alloc(50, at));
    return { time: START + at * 20_000, data: ethernet(udp4(from, to, wrap(packet))) };
  });
}

const events = (type?: string) =>
  told(join(folder, 'back.kw')).filter((event) => type === undefined || event.type === type);

describe('an export that is imported', () => {
  function exported() {
    const from = join(folder, 'call.kw');
    record(from, [...EXCHANGES, ...media()]);
    using reader = new RecordingReader(from);
    const files = ['call.har', 'call.pcapng'].map((name) => join(folder, name));
    exportHar(reader, files[0]!);
    exportPcapng(reader, files[1]!);
    return { files, before: told(from) };
  }

  it('gives back what the files carry, event by event, and says where it is from', async () => {
    const { files, before } = exported();
    const recording = await importing(files, { vendor: undefined });
    const media = ['rtp', 'rtcp', 'rtc.description', 'tls.peer', 'ws.message', 'ws.closed', 'http.aborted'];
    for (const type of media)
      expect(events(type)).toEqual(
        before
          .filter((event) => event.type === type)
          .map((event) =>
            'socket' in event
              ? { ...event, socket: 'alice-call.har-5' }
              : 'exchange' in event
                ? { ...event, exchange: 'alice-call.har-4' }
                : event,
          ),
      );
    expect(events('http.body').map(({ of, body }) => [of, Buffer.from(body as string, 'hex').toString()])).toEqual([
      ['request', '{"name":"ü"}'],
      ['response', '{"key":"Zm9v"}'],
      ['response', Buffer.from([0, 255, 10, 13]).toString()],
      ['response', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]).toString()],
    ]);
    expect(recording).toMatchObject({
      service: { name: 'specimen/test' },
      scenario: { name: 'import' },
      participants: [
        { name: 'alice', card: 1 },
        { name: 'bob', card: 2 },
      ],
      places: [{ host: 'localhost' }],
      complete: true,
    });
    expect(recording.id).not.toBe('test');
    const sha256 = createHash('sha256').update(readFileSync(files[0]!)).digest('hex');
    expect(recording.software).toMatchObject({
      'exported from recording': 'test',
      'imported call.har': `SHA-256 ${sha256}`,
    });
    expect(
      recording.vantagePoints.map(({ vantage, participant, state }) => `${vantage} ${participant} ${state}`),
    ).toEqual([...['proxy alice unknown', 'rtp alice unknown', 'rtp bob unknown']]);
    expect(statSync(join(folder, 'back.kw', 'events.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('keeps the clock', async () => {
    const { files } = exported();
    await importing(files);
    using before = new RecordingReader(join(folder, 'call.kw'));
    using after = new RecordingReader(join(folder, 'back.kw'));
    expect(after.recording.clock).toEqual(before.recording.clock);
    const times = (reader: RecordingReader) =>
      [...reader.events()].filter(({ type }) => type === 'rtp').map(({ t }) => t);
    expect(times(after)).toEqual(times(before));
  });

  it('is not mixed with another recording’s', async () => {
    const { files } = exported();
    const text = readFileSync(files[0]!, 'utf8').replaceAll('"id":"test"', '"id":"other"');
    const other = writeFiles(folder, { 'other.har': text });
    await expect(importing([...other, files[1]!])).rejects.toThrow(
      /exports of 2 recordings, other and test; expected one/,
    );
    expect(existsSync(join(folder, 'back.kw'))).toBe(false);
  });
});

describe('a capture of somebody else', () => {
  it('gives each local address that sends RTP a participant, and both ways of each stream', async () => {
    const noise = [{ time: START, data: ethernet(udp4('192.168.1.9:1', '8.8.8.8:53', Buffer.alloc(30, 0x80))) }];
    const capture = pcap([
      ...noise,
      ...stream('10.0.0.5:5000', '203.0.113.9:3478'),
      ...stream('203.0.113.9:3478', '10.0.0.5:5000', undefined, 8),
    ]);
    const recording = await importing(writeFiles(folder, { 'call.pcap': capture }));
    expect(recording.participants).toEqual([{ name: '10.0.0.5', card: 1, camera: false }]);
    expect(recording.vantagePoints).toMatchObject([{ vantage: 'wire', participant: '10.0.0.5', state: 'unknown' }]);
    const all = events();
    expect(all.filter(({ direction }) => direction === 'send')).toHaveLength(30);
    expect(all.filter(({ direction }) => direction === 'receive')).toHaveLength(30);
    expect(new Set(all.map(({ type, vantage }) => `${type} ${vantage}`))).toEqual(new Set(['rtp wire']));
    expect(recording.scenario.seconds).toBeCloseTo(0.58, 2);
  });

  it('takes names from whoever imports it, by address and by port', async () => {
    const capture = pcap([
      ...stream('198.51.100.4:5000', '203.0.113.9:1'),
      ...stream('198.51.100.4:6000', '203.0.113.9:1', undefined, 8),
    ]);
    const address = '198.51.100.4';
    const participants = [
      { name: 'bob', address, port: 6000 },
      { name: 'alice', address },
    ];
    const recording = await importing(writeFiles(folder, { 'call.pcap': capture }), { participants });
    expect(recording.participants.map(({ name }) => name).sort()).toEqual(['alice', 'bob']);
    expect(events().filter(({ participant }) => participant === 'bob')).toHaveLength(30);
  });

  it('finds RTP in Zoom’s encapsulation', async () => {
    const zoom = (packet: Buffer) =>
      Buffer.concat([Buffer.from([5, 0, 0, 0, 0, 0, 0, 0, 15]), Buffer.alloc(18), packet]);
    const capture = pcap(stream('10.0.0.5:5000', '203.0.113.9:8801', zoom));
    await importing(writeFiles(folder, { 'call.pcap': capture }));
    expect(events()).toHaveLength(30);
    expect(events()[0]).toMatchObject({ vantage: 'wire', ssrc: 7, payloadType: 96, direction: 'send' });
  });

  it.each([
    ['nothing of a call', pcap([]), /call\.pcap.*no participant was found/],
    [
      'no local address',
      pcap(stream('198.51.100.4:5000', '203.0.113.9:1')),
      /no participant was found: .*--participant/,
    ],
    [
      'sixteen participants',
      pcap(Array.from({ length: 16 }, (_, at) => stream(`10.0.0.${at}:5000`, '203.0.113.9:1')).flat()),
      /16 participants were found/,
    ],
    [
      'another link',
      pcap([{ time: START, data: Buffer.alloc(20) }], { link: 147 }),
      /link type 147, expected Ethernet/,
    ],
    [
      'a packet that is cut off',
      pcap(stream('10.0.0.5:5000', '203.0.113.9:1')).subarray(0, -3),
      /call\.pcap is cut off at byte \d+/,
    ],
  ])('is refused in one line if it holds %s', async (_, capture, message) => {
    const error = await importing(writeFiles(folder, { 'call.pcap': capture })).catch((error) => error);
    expect(error).toBeInstanceOf(InterchangeError);
    expect(error.message).toMatch(_ === 'nothing of a call' ? /no participant was found/ : message);
    expect(existsSync(join(folder, 'back.kw'))).toBe(false);
  });
});

describe('the verdicts of an import', () => {
  /** Shows alice's card, whatever it is given: what could be read, would be. */
  const decoder: Decoder = {
    async decodeVideo(frames) {
      const { width, height } = CARD;
      const pictures = frames.map((frame, at) => ({ frame, width, height, i420: renderCard(1, at) }));
      return { pictures, truncated: false };
    },
    decodeAudio: async () => new Int16Array(),
  };

  async function verdicts() {
    using reader = new RecordingReader(join(folder, 'back.kw'));
    const { result, gathered } = await audit(reader, decoder);
    return { kinds: result.verdicts.map(({ verdict }) => verdict), streams: gathered.evidence.streams };
  }

  it('say nothing of what crossed the wire, which may be SRTP: neither upheld nor refuted', async () => {
    await importing(writeFiles(folder, { 'call.pcap': pcap(stream('10.0.0.5:5000', '203.0.113.9:1')) }));
    const { kinds, streams } = await verdicts();
    expect(kinds).toEqual(['untested', 'untested', 'untested', 'untested', 'untested']);
    expect(streams).toEqual([]);
  });

  it('nor where the codec and the way of such packets are known from elsewhere', async () => {
    const description = (fingerprint: string) =>
      [
        'v=0',
        's=-',
        't=0 0',
        'm=video 9 UDP/TLS/RTP/SAVPF 96',
        `a=fingerprint:sha-256 ${fingerprint}`,
        'a=rtpmap:96 VP8/90000',
        'a=ssrc:7 cname:x',
        '',
      ].join('\r\n');
    const page = {
      participant: 'alice',
      vantage: 'page',
      type: 'rtc.description',
      realm: 'r',
      connection: 'c',
      kind: 'offer',
    } as const;
    const frame = Uint8Array.of(0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1, 0, 0);
    const packets = (vantage: 'rtp' | 'wire') =>
      Array.from({ length: 60 }, (_, at) => {
        const header = { ssrc: 7, payloadType: 96, sequenceNumber: at, timestamp: at * 3000, marker: true };
        const body = Uint8Array.from(rtp(header, frame));
        return { participant: 'alice', vantage, type: 'rtp', direction: 'send', ...header, body } as const;
      });
    for (const vantage of ['rtp', 'wire'] as const) {
      const from = join(folder, `${vantage}.kw`);
      const events = [
        { ...page, side: 'local', sdp: description('AA') } as const,
        { ...page, side: 'remote', sdp: description('BB') } as const,
        { ...page, participant: 'bob', side: 'local', sdp: description('CC') } as const,
        ...packets(vantage),
      ];
      // As if it had been alive: what packets are recorded from decides.
      const point = { vantage: 'rtp', participant: 'alice', version: '1', state: 'alive' } as const;
      record(from, events, { vantagePoints: [point], outcome: undefined });
      using reader = new RecordingReader(from);
      const { result, gathered } = await audit(reader, decoder);
      expect(gathered.evidence.streams.map(({ frames }) => frames)).toEqual(vantage === 'rtp' ? [60] : []);
      expect(result.verdicts[0]?.verdict).toBe(vantage === 'rtp' ? 'refuted' : 'untested');
    }
  });

  it('refute only what the packets and the proxy alone can prove', async () => {
    const all = [...(await claims()).values()];
    for (const { needs, refutedWith = [] } of all)
      for (const vantage of refutedWith) {
        expect(needs).toContain(vantage);
        // Nobody saw a page there, nor the call itself.
        expect(['rtp', 'proxy']).toContain(vantage);
      }
    expect(all.find(({ id }) => id === 'key-origin')?.refutedWith).toBeUndefined();
  });

  it('never uphold', async () => {
    record(join(folder, 'call.kw'), [...EXCHANGES, ...media()]);
    using reader = new RecordingReader(join(folder, 'call.kw'));
    exportHar(reader, join(folder, 'call.har'));
    exportPcapng(reader, join(folder, 'call.pcapng'));
    await importing(['call.har', 'call.pcapng'].map((name) => join(folder, name)));
    expect((await verdicts()).kinds).not.toContain('upheld');
  });
});

it('refuses what it does not know, naming what it does', async () => {
  const garbage = writeFiles(folder, { 'x.bin': Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9]) });
  await expect(importing(garbage)).rejects.toThrow(
    /^x\.bin is of no kind that is read: it begins with 0102030405060708; expected /,
  );
  await expect(importing(writeFiles(folder, { empty: '' }))).rejects.toThrow(
    /^empty is of no kind that is read: it is empty/,
  );
  await expect(importing([join(folder, 'nowhere')])).rejects.toThrow(/nowhere cannot be read: ENOENT/);
  await expect(importing([folder])).rejects.toThrow(/is not a file/);
});

it('takes no file twice', async () => {
  const capture = pcap(stream('10.0.0.5:5000', '203.0.113.9:1'));
  const act = importing(writeFiles(folder, { 'a.pcap': capture, 'b.pcap': capture }));
  await expect(act).rejects.toThrow(/^b\.pcap is the same file as a\.pcap; expected each once$/);
});

it('leaves nothing behind when it is stopped', async () => {
  const control = new AbortController();
  const files = writeFiles(folder, { 'call.pcap': pcap(stream('10.0.0.5:1', '203.0.113.9:1', undefined, 7, 5000)) });
  const running = importing(files, { signal: control.signal });
  control.abort(new Error('stopped'));
  await expect(running).rejects.toThrow('stopped');
  expect(existsSync(join(folder, 'back.kw'))).toBe(false);
});
