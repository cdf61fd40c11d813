/** Any service: a person joins by hand, or a script does what the person did; sign-ins are kept. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { AuditResult } from '../harness/audit/audit.ts';
import type { RunningService } from '../harness/call/service.ts';
import { RecordingReader } from '../harness/recording/reader.ts';
import { service as sealed } from './specimens/sealed.ts';
import { keywitness } from './testing/keywitness.ts';
import { hasXvfb, openScreen, sitDown } from './testing/person.ts';

const JUDGED = ['--claim', 'media-confidential', '--json', '--seconds', '6'];

/** The lobby of a service: asks for name, meeting and password, then leads to the room; beside it what the test serves. */
async function openLobby(room: string, more: (request: IncomingMessage, response: ServerResponse) => void = () => {}) {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (request.url === '/') response.end(LOBBY.replace('ROOM', room));
    else more(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

const LOBBY = `<!doctype html><title>Lobby</title><h1>Lobby</h1>
<form onsubmit="event.preventDefault(); enter()">
<label>Your name <input id="name"></label> <input id="meeting" placeholder="Meeting">
<label for="password">Password</label> <input id="password" type="password"> <button>Continue</button>
</form>
<script>
const value = (id) => document.getElementById(id).value;
function enter() {
  if (value('password') === 'correct horse') location.href = 'ROOM/' + value('meeting') + '#name=' + value('name');
}
</script>`;

function trusting(running: RunningService, info: { outputPath(name: string): string }) {
  const ca = info.outputPath('ca.pem');
  writeFileSync(ca, running.trust!.join('\n'));
  return { room: `https://127.0.0.1:${new URL(running.origin!).port}/room`, trust: ['--trust-upstream', ca] };
}

test.describe('a person at windows', () => {
  test.skip(!hasXvfb(), 'Xvfb is not installed (Debian: apt-get install xvfb)');
  let screen: Awaited<ReturnType<typeof openScreen>>;
  test.beforeAll(async () => {
    screen = await openScreen();
  });
  test.afterAll(() => screen?.close());

  test('joins by hand, the call is judged, and a script joins the same way', async ({}, info) => {
    test.setTimeout(240_000);
    const running = await sealed.start();
    const { room, trust } = trusting(running, info);
    const lobby = await openLobby(room);
    const profiles = info.outputPath('profiles');
    const script = info.outputPath('join.ts');
    try {
      const person = sitDown(
        ['run', lobby.address, '--assisted', '--save-join', script, '--profile', profiles, ...trust, ...JUDGED].concat([
          '--out',
          info.outputPath('by-hand.kw'),
        ]),
        { DISPLAY: screen.name },
      );
      for (const name of ['alice', 'bob']) {
        const [, meeting = ''] = await person.reads(
          new RegExp(`as "${name}"; where a meeting has to be named, "(\\w+)"`),
        );
        const window = await person.window(profiles, name);
        await window.getByLabel('Your name').click();
        await window.keyboard.type(name);
        await window.getByPlaceholder('Meeting').click();
        await window.keyboard.type(meeting);
        await window.getByLabel('Password').click();
        await window.keyboard.type('correct horse');
        await window.keyboard.press('Enter');
        await window.getByRole('button', { name: 'Join' }).click();
        await window.locator('body[data-state=joined]').waitFor();
        person.pressEnter();
      }
      await person.reads(/Saved /);
      const byHand = await person.ended;
      expect(byHand.code, byHand.stderr + byHand.stdout).toBe(0);
      expect((JSON.parse(byHand.stdout) as AuditResult).verdicts).toMatchObject([{ verdict: 'upheld' }]);

      expect(readFileSync(script, 'utf8')).not.toMatch(/correct horse|bob/);
      const replayed = await keywitness(
        ['run', lobby.address, '--join', script, ...trust, ...JUDGED, '--out', info.outputPath('again.kw')],
        { KEYWITNESS_PASSWORD_ALICE: 'correct horse', KEYWITNESS_PASSWORD_BOB: 'correct horse' },
      );
      expect(replayed.code, replayed.stderr + replayed.stdout).toBe(0);
      expect((JSON.parse(replayed.stdout) as AuditResult).verdicts).toMatchObject([{ verdict: 'upheld' }]);
    } finally {
      lobby.close();
      await running.stop();
    }
  });

  test('takes her time, ends the call early, and can interrupt it', async ({}, info) => {
    const running = await sealed.start();
    const { room, trust } = trusting(running, info);
    try {
      const asked = [
        'record',
        `${room}/{meeting}#name={participant}&join`,
        '--assisted',
        '--claim',
        'cipher',
        ...trust,
      ];
      const out = info.outputPath('early.kw');
      const person = sitDown([...asked, '--seconds', '600', '--out', out], { DISPLAY: screen.name });
      await person.reads(/Press Enter when alice is in/);
      // Longer than a call may take to connect.
      await new Promise((resolve) => setTimeout(resolve, 27_000));
      person.pressEnter();
      await person.reads(/Press Enter when all see each other/);
      person.pressEnter();
      await person.reads(/the call goes on for 600 s; press Enter to end it earlier/);
      person.pressEnter();
      const { code, stderr } = await person.ended;
      expect(code, stderr).toBe(0);
      using reader = new RecordingReader(out);
      expect(reader.recording).toMatchObject({ complete: true, outcome: { connected: true } });

      const other = info.outputPath('interrupted.kw');
      const impatient = sitDown([...asked, '--out', other], { DISPLAY: screen.name });
      await impatient.reads(/Press Enter when alice is in/);
      impatient.process.kill('SIGINT');
      expect((await impatient.ended).code).toBe(130);
      using interrupted = new RecordingReader(other);
      expect(interrupted.recording.complete).toBe(false);

      const gone = info.outputPath('gone.kw');
      const absent = sitDown([...asked, '--out', gone], { DISPLAY: screen.name });
      await absent.reads(/Press Enter when alice is in/);
      absent.process.stdin!.end();
      const { code: left, stderr: why } = await absent.ended;
      expect(left, why).toBe(4);
      expect(why).toMatch(/alice joins: nobody says that it is done: standard input has ended/);
    } finally {
      await running.stop();
    }
  });
});

test('the picture is found in a window that the service opens, and in a frame of another site', async ({}, info) => {
  const running = await sealed.start();
  const { room, trust } = trusting(running, info);
  const lobby = await openLobby(room, ({ url = '' }, response) => {
    const [, meeting, name] = url.split('/');
    const link = `${room}/${meeting}#name=${name}&join`;
    if (name === 'alice') response.end(`<!doctype html><button onclick="window.open('${link}')">Open</button>`);
    else
      response.end(
        `<!doctype html><iframe allow="camera; microphone" width="900" height="700" src="${link}"></iframe>`,
      );
  });
  const script = info.outputPath('open.ts');
  writeFileSync(
    script,
    "export const join = (page, { participant }) => participant === 'alice' ? page.getByText('Open').click() : undefined;\n",
  );
  try {
    const { code, stdout, stderr } = await keywitness([
      ...[
        'run',
        `${lobby.address}{meeting}/{participant}`,
        '--join',
        script,
        ...trust,
        ...JUDGED,
        '--out',
        info.outputPath('elsewhere.kw'),
      ],
    ]);
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as AuditResult).verdicts).toMatchObject([{ verdict: 'upheld' }]);
  } finally {
    lobby.close();
    await running.stop();
  }
});

test('sign-ins are kept for the next time, each participant her own', async ({}, info) => {
  const seen: string[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    if (url.startsWith('/seen')) seen.push(`${headers.cookie} ${url}`);
    // What a service does for whoever it does not know yet.
    response.setHeader('content-type', 'text/html').end(`<!doctype html><script>
const name = location.pathname.slice(1), known = localStorage.getItem('known');
// Only once the request is through, for a cookie that is set meanwhile may still go with it.
fetch('/seen?by=' + name + '&as=' + known).then(() => {
  if (!known) { localStorage.setItem('known', name); document.cookie = 'session=' + name + '; max-age=3600'; }
});
</script>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const profiles = info.outputPath('profiles');
  const record = async (name: string) => {
    const { code, stderr } = await keywitness([
      ...['record', `http://127.0.0.1:${port}/{participant}`, '--claim', 'cipher', '--scenario', 'camera-off'],
      ...['--seconds', '1', '--profile', profiles, '--out', info.outputPath(name)],
    ]);
    expect(code, stderr).toBe(0);
    return seen.splice(0).sort();
  };
  try {
    expect(await record('first.kw')).toEqual(['undefined /seen?by=alice&as=null', 'undefined /seen?by=bob&as=null']);
    for (const name of ['alice', 'bob']) expect(statSync(join(profiles, name)).mode & 0o777).toBe(0o700);
    expect(await record('second.kw')).toEqual([
      'session=alice /seen?by=alice&as=alice',
      'session=bob /seen?by=bob&as=bob',
    ]);
  } finally {
    server.close();
  }
});

test.describe('usage', () => {
  const page = 'http://127.0.0.1:1/';
  const cases: [string, string[], RegExp][] = [
    ['a service that joins by itself', ['specimen/sealed', '--assisted'], /--assisted: expected the address of a page/],
    ['no claim', [page, '--assisted'], /say what to judge/],
    ['no display', [page, '--assisted', '--claim', 'cipher'], /there is no display \(DISPLAY is not set/],
    ['nobody whose steps to save', [page, '--save-join', 'x.ts', '--claim', 'cipher'], /expected --assisted beside it/],
    [
      'a file that is there',
      [page, '--assisted', '--save-join', 'EXISTING', '--claim', 'cipher'],
      /it is there already/,
    ],
    ['a script and a person', [page, '--assisted', '--join', 'EXISTING', '--claim', 'cipher'], /expected one of them/],
    [
      'a script for a named service',
      ['specimen/sealed', '--join', 'EXISTING'],
      /--join: expected the address of a page/,
    ],
    ['a script that is not there', [page, '--join', 'missing.ts', '--claim', 'cipher'], /cannot join by missing\.ts/],
    ['a script that joins nothing', [page, '--join', 'EXISTING', '--claim', 'cipher'], /it exports no function join/],
    [
      'sign-ins in the recording',
      [page, '--profile', 'out.kw/p', '--claim', 'cipher'],
      /--profile .*outside of the recording/,
    ],
  ];
  for (const [what, args, line] of cases)
    test(`${what} ends with exit code 2 and one line`, async ({}, info) => {
      const existing = info.outputPath('existing.ts');
      writeFileSync(existing, 'export {};\n');
      const out = info.outputPath('out.kw');
      const given = args.map((arg) => arg.replace('EXISTING', existing).replace('out.kw', out));
      // No window is opened, so there need not be such a display.
      const env = { DISPLAY: what === 'no display' ? '' : ':0', WAYLAND_DISPLAY: '' };
      const { code, stdout, stderr } = await keywitness(['run', ...given, '--out', out], env);
      expect(code, stderr).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(existsSync(out)).toBe(false);
    });
});
