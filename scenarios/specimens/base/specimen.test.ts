import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RunningService, Service } from '../../../harness/call/service.ts';
import type { ServerReport } from '../../base/forked.ts';
import { roomPage, securityPage } from './pages.ts';
import type { Ready, Specimen } from './specimen.ts';

const MINUTE = 60_000;
const names = readdirSync(new URL('..', import.meta.url))
  .filter((file) => extname(file) === '.ts')
  .map((file) => basename(file, '.ts'));

const modules = new Map<string, { specimen: Specimen; service: Service }>();
for (const name of names) modules.set(name, await import(`../${name}.ts`));

/** One for each kind of client; whole calls of all are in `scenarios/verdicts.spec.ts`. */
const CLIENTS = ['transport-only', 'zoom-2020', 'sealed', 'passphrase', 'p2p'];

describe.each([...modules])('specimen %s', (name, { specimen, service }) => {
  test('is named like its file', () => {
    expect(specimen.name).toBe(name);
    expect(service.name).toBe(`specimen/${name}`);
  });

  test('tells the truth of each claim that its vendor makes', () => {
    const stated = service.vendor.statements.flatMap(({ claims }) => claims.map(({ claim }) => claim));
    expect(Object.keys(specimen.truth).sort()).toEqual(stated.sort());
  });

  test('its pages say what its vendor is quoted with', () => {
    expect(roomPage(specimen)).toContain(specimen.badge);
    const page = securityPage(specimen, service.vendor);
    for (const { quote } of service.vendor.statements) expect(page).toContain(`<p>${quote}</p>`);
  });
});

describe.each(CLIENTS)('a call of specimen %s', (name) => {
  const { specimen, service } = modules.get(name)!;
  const isForThree = (specimen.seats ?? 3) >= 3;
  let running: RunningService;
  let browser: Browser;
  const pages = new Map<string, Page>();

  async function join(participant: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await page.addInitScript(collectConnections);
    await running.join(page, { meeting: 'standup', participant, secret: 'c0ffee' });
    pages.set(participant, page);
    return page;
  }

  async function leave(participant: string): Promise<void> {
    const page = pages.get(participant)!;
    pages.delete(participant);
    await running.leave(page);
    await page.context().close();
  }

  async function everybodySeesAndHearsEverybody(): Promise<void> {
    const pairs = [...pages].flatMap(([name, page]) =>
      [...pages.keys()].filter((other) => other !== name).map((other) => seesAndHears(page, other)),
    );
    await Promise.all(pairs);
  }

  beforeAll(async () => {
    running = await service.start();
    const rules = Object.entries(running.hosts!).map(([host, address]) => `MAP ${host} ${address}`);
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--use-fake-ui-for-media-stream',
        '--use-fake-device-for-media-stream',
        '--ignore-certificate-errors',
        `--host-resolver-rules=${rules.join(', ')}`,
      ],
    });
  }, MINUTE);

  afterAll(async () => {
    await browser?.close();
    await running?.stop();
  });

  test('declares only places of hosts that it runs', () => {
    expect(Object.keys(running.hosts!)).toEqual(expect.arrayContaining(Object.keys(service.places!)));
  });

  test(
    'two people see and hear each other',
    async () => {
      await join('alice');
      await join('bob');
      await everybodySeesAndHearsEverybody();
    },
    MINUTE,
  );

  test(
    'its pages say what its vendor is quoted with',
    async () => {
      const alice = pages.get('alice')!;
      expect(await alice.locator('#badge').textContent()).toContain(specimen.badge);
      const page = await browser.newPage();
      await page.goto(new URL('/security', alice.url()).href);
      const text = await page.locator('body').textContent();
      for (const { quote } of service.vendor.statements) expect(text).toContain(quote);
      await page.close();
    },
    MINUTE,
  );

  if (isForThree)
    test(
      'a third who comes late sees and hears the others, and they go on',
      async () => {
        await join('carol');
        await everybodySeesAndHearsEverybody();
      },
      MINUTE,
    );

  if (!isForThree)
    test(
      'there is no room for a third',
      async () => {
        await expect(join('carol')).rejects.toThrow('the meeting is full');
        await everybodySeesAndHearsEverybody();
      },
      MINUTE,
    );

  test(
    'nobody takes a name that is taken',
    async () => {
      await expect(join('bob')).rejects.toThrow('somebody called bob is in the meeting already');
    },
    MINUTE,
  );

  if (specimen.fragment)
    test('tells what its links share', () => {
      const visit = { meeting: 'standup', participant: 'alice', secret: 'c0ffee' };
      expect(running.shares!(visit)).toEqual(['c0ffee']);
    });

  if (specimen.fragment)
    test(
      'nobody joins by a link that lacks the secret',
      async () => {
        const page = await (await browser.newContext()).newPage();
        await page.goto(`${new URL('/room/standup', running.origin).href}#name=dave`);
        await page.getByRole('button', { name: 'Join' }).click();
        await page.locator('body[data-state=failed]').waitFor();
        expect(await page.locator('#status').textContent()).toContain('this link lacks the secret of the meeting');
        await page.context().close();
      },
      MINUTE,
    );

  test(
    'who leaves disappears, and the others go on',
    async () => {
      await leave('bob');
      for (const page of pages.values()) await page.locator('#remote-bob-video').waitFor({ state: 'detached' });
      await everybodySeesAndHearsEverybody();
    },
    MINUTE,
  );

  test(
    'who comes back is seen and heard again',
    async () => {
      await join('bob');
      await everybodySeesAndHearsEverybody();
    },
    MINUTE,
  );

  test(
    'stops when told',
    async () => {
      const { origin } = new URL(pages.get('alice')!.url());
      await running.stop();
      await running.stop();
      await pages.get('alice')!.locator('body[data-state=failed]').waitFor();
      const page = await browser.newPage();
      await expect(page.goto(origin)).rejects.toThrow('ERR_CONNECTION_REFUSED');
    },
    MINUTE,
  );
});

test(
  'a server ends with the process that started it, even where that is killed',
  async () => {
    const start = `
    const server = require('node:child_process').fork(process.argv[1], ['transport-only'], { execArgv: ['--import', 'tsx'] });
    server.on('message', (report) => console.log(JSON.stringify({ pid: server.pid, report })));`;
    const parent = spawn(process.execPath, ['-e', start, fileURLToPath(new URL('./server.ts', import.meta.url))], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(parent.stdout.setEncoding('utf8'), 'data');
    const { pid, report } = JSON.parse(line) as { pid: number; report: ServerReport<Ready> };
    expect(report.type).toBe('ready');
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 20_000, interval: 100 });
  },
  MINUTE,
);

/** In the page, before its own code: keeps its connections where {@link seesAndHears} finds them. */
function collectConnections(): void {
  const connections: RTCPeerConnection[] = [];
  Object.assign(globalThis, { connections });
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  };
}

/** Resolves once 15 more frames of this participant were decoded and shown, and more of its sound was heard. */
async function seesAndHears(page: Page, participant: string): Promise<void> {
  await page.locator(`#remote-${participant}-video`).waitFor();
  const before = await received(page, participant);
  await vi.waitFor(
    async () => {
      const now = await received(page, participant);
      expect(now.framesDecoded, `frames of ${participant}`).toBeGreaterThan(before.framesDecoded + 15);
      expect(now.framesShown, `frames of ${participant} on the page`).toBeGreaterThan(before.framesShown);
      expect(now.audioEnergy, `sound of ${participant}`).toBeGreaterThan(before.audioEnergy);
    },
    { timeout: 30_000, interval: 250 },
  );
}

function received(page: Page, participant: string) {
  return page.evaluate(async (participant) => {
    const video = document.getElementById(`remote-${participant}-video`) as HTMLVideoElement;
    const tracks = (video.srcObject as MediaStream).getTracks().map(({ id }) => id);
    const result = {
      framesDecoded: 0,
      framesShown: video.getVideoPlaybackQuality().totalVideoFrames,
      audioEnergy: 0,
    };
    for (const connection of (globalThis as unknown as { connections: RTCPeerConnection[] }).connections) {
      for (const stats of (await connection.getStats()).values()) {
        if (stats.type !== 'inbound-rtp' || !tracks.includes(stats.trackIdentifier)) continue;
        result.framesDecoded += stats.framesDecoded ?? 0;
        result.audioEnergy += stats.totalAudioEnergy ?? 0;
      }
    }
    return result;
  }, participant);
}
