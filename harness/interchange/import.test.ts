import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { audit } from '../audit/audit.ts';
import { claims } from '../audit/catalogue.ts';
import type { Decoder } from '../media/decoder.ts';
import { CARD, renderCard } from '../media/test-card.ts';
import { START as BEGINNING, END } from '../recording/fixtures/samples.ts';
import { RecordingReader } from '../recording/reader.ts';
import { exportHar } from './export-har.ts';
import { exportPcapng } from './export-pcapng.ts';
import { ethernet, type Packet, pcap, rtp, udp4, writeFiles } from './fixtures/captures.ts';
import { dictionary, flow } from './fixtures/flows.ts';
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

const page = (participant: string, state: 'alive' | 'lost') =>
  ({ vantage: 'page', participant, version: '1', state }) as const;
/** Both pages were seen to the end. */
const WATCHED = { ...END, vantagePoints: [...END.vantagePoints, page('alice', 'alive'), page('bob', 'alive')] };

describe('an export that is imported', () => {
  function exported(end = WATCHED) {
    const from = join(folder, 'call.kw');
    record(from, [...EXCHANGES, ...media()], end);
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

  /** Without the blocks of pcapng that hold a text, as a filter of Wireshark's may leave it. */
  function without(file: string, text: string): void {
    const all = readFileSync(file);
    const kept: Buffer[] = [];
    for (let at = 0; at < all.length; at += all.readUInt32LE(at + 4)) {
      const block = all.subarray(at, at + all.readUInt32LE(at + 4));
      if (!block.includes(text)) kept.push(block);
    }
    writeFileSync(file, Buffer.concat(kept));
  }

  it.each([
    ['was filtered', WATCHED, 's=ü'],
    [
      'is of a page that was not seen to the end',
      { ...END, vantagePoints: [page('alice', 'alive'), page('bob', 'lost')] },
      undefined,
    ],
  ])(
    'does not tell where media went where it %s: who is not described may be at the far end',
    async (_, end, filtered) => {
      const { files } = exported(end);
      if (filtered) without(files[1]!, filtered);
      const { vantagePoints } = await importing([files[1]!]);
      expect(events('rtc.description')).toEqual([]);
      expect(events('rtp')).toHaveLength(80);
      for (const { detail } of vantagePoints) expect(detail).toMatch(/where media went is not known$/);
    },
  );

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
    const text = readFileSync(files[0]!, 'utf8').replaceAll(/"(id|_recording)":"test"/g, '"$1":"other"');
    const other = writeFiles(folder, { 'other.har': text });
    await expect(importing([...other, files[1]!])).rejects.toThrow(
      /exports of 2 recordings, other and test; expected one/,
    );
    expect(existsSync(join(folder, 'back.kw'))).toBe(false);
  });
});

const hasMergecap = spawnSync('mergecap', ['--version']).status === 0;

describe('captures that were put together', () => {
  const path = (name: string) => join(folder, name);
  /** Writes its packets as an export; what `edit` changes has as many bytes as before. */
  function exported(name: string, id: string, edit = (bytes: Buffer) => bytes) {
    record(path(`${name}.kw`), media(), END, { ...BEGINNING, id });
    using reader = new RecordingReader(path(`${name}.kw`));
    exportPcapng(reader, path(`${name}.pcapng`));
    writeFileSync(path(`${name}.pcapng`), edit(readFileSync(path(`${name}.pcapng`))));
    return path(`${name}.pcapng`);
  }
  /** As exports were before their interfaces said which recording they are from. */
  const withoutIds = (bytes: Buffer) =>
    Buffer.from(
      bytes
        .toString('latin1')
        .replaceAll(/received; made by keywitness from recording/g, (found) => 'x'.repeat(found.length)),
      'latin1',
    );
  const cat = (files: string[]) =>
    writeFiles(folder, { 'cat.pcapng': Buffer.concat(files.map((file) => readFileSync(file))) });
  const mergecap = (files: string[], ...options: string[]) => {
    const { status, stderr } = spawnSync('mergecap', [...options, '-w', path('merged.pcapng'), ...files], {
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    return [path('merged.pcapng')];
  };
  const foreign = () => writeFiles(folder, { 'foreign.pcap': pcap(stream('10.0.0.5:5000', '203.0.113.9:3478')) })[0]!;
  const several = /holds exports of 2 recordings, first and other; expected one$/;
  const unknown =
    /put together of several files, and does not say which recording its packets are from; export them anew/;

  it('are refused where they are of two recordings', async () => {
    await expect(importing(cat([exported('a', 'first'), exported('b', 'other')]))).rejects.toThrow(several);
    await expect(importing(cat([exported('a2', 'first', withoutIds), exported('b2', 'other')]))).rejects.toThrow(
      several,
    );
    expect(existsSync(path('back.kw'))).toBe(false);
  });

  it('and where they do not say of how many', async () => {
    const files = [exported('a', 'first', withoutIds), exported('b', 'first', withoutIds)];
    await expect(importing(cat(files))).rejects.toThrow(unknown);
  });

  it('are read where an export of before is the only one', async () => {
    await importing([exported('a', 'first', withoutIds)]);
    expect(events('rtp').filter(({ vantage }) => vantage === 'rtp')).toHaveLength(80);
  });

  describe.skipIf(!hasMergecap)(
    'by mergecap, which keeps one description of a section (skipped where it is not installed)',
    () => {
      it('are refused where they are of two recordings', async () => {
        const files = [exported('a', 'first'), exported('b', 'other')];
        await expect(importing(mergecap(files))).rejects.toThrow(several);
        await expect(importing(mergecap(files, '-a'))).rejects.toThrow(several);
        await expect(importing(mergecap([exported('c', 'first', withoutIds), files[1]!]))).rejects.toThrow(several);
      });

      it('and where they do not say of how many', async () => {
        const files = [exported('a', 'first', withoutIds), exported('b', 'other', withoutIds)];
        await expect(importing(mergecap(files))).rejects.toThrow(unknown);
      });

      it('give no packets of interfaces that do not say what they are of', async () => {
        const old = exported('b', 'other', withoutIds);
        await importing(mergecap([exported('a', 'first'), old, foreign()]));
        expect(events('rtp').filter(({ vantage }) => vantage === 'rtp')).toHaveLength(80);
        expect(events('rtp').filter(({ vantage }) => vantage === 'wire')).toHaveLength(30);
      });
    },
  );
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

describe('what files of clients hold', () => {
  const entry = {
    startedDateTime: '2026-01-02T03:04:05Z',
    request: { method: 'GET', url: 'https://meet.example/', headers: [] },
    response: { status: 200, headers: [] },
  };
  const har = (name: string) => ({
    [name]: JSON.stringify({ log: { version: '1.2', entries: [{ ...entry, comment: name }] } }),
  });
  const from = (address: string) => flow({ client_conn: dictionary({ address: [address, 5000] }) });
  const alice = [{ name: 'alice', address: '192.168.1.7' }];

  it.each<[string, Record<string, Uint8Array | string>, ImportRequest['participants'], string[]]>([
    ['each the one that it is named after', { ...har('alice.har'), ...har('bob.har') }, alice, ['alice', 'bob']],
    ['a single file, the only one that is named', har('x.har'), alice, ['alice']],
    ['none that is named, its file', { 'x.flows': from('8.8.8.8') }, [], ['x']],
    [
      'two clients, each its address',
      { 'x.flows': Buffer.concat([from('192.168.1.7'), from('192.168.1.8'), from('8.8.8.8')]) },
      [],
      ['192.168.1.7', '192.168.1.8', '8.8.8.8'],
    ],
    [
      'two clients of which one is named, each its own',
      { 'x.flows': Buffer.concat([from('192.168.1.7'), from('8.8.8.8'), from('127.0.0.1')]) },
      alice,
      ['alice', '8.8.8.8', 'x'],
    ],
    [
      'proxies on the machine of their client, each its file',
      { 'alice.flows': from('127.0.0.1'), 'bob.flows': flow({ client_conn: dictionary({ address: ['::1', 1] }) }) },
      [],
      ['alice', 'bob'],
    ],
  ])('belongs, of %s', async (_, files, participants, expected) => {
    const recording = await importing(writeFiles(folder, files), { participants });
    expect(recording.participants.map(({ name }) => name)).toEqual(expected);
    expect(new Set(events('http.request').map(({ participant }) => participant))).toEqual(new Set(expected));
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
