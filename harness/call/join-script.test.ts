import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Page } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Chromium, launchChromium } from './chromium.ts';
import { type Action, expression, type Joining, joinScript, readJoinScript } from './join-script.ts';
import { JoinRecorder } from './join-script-recorder.ts';

const alice = { meeting: 'm33t1ng', participant: 'alice', secret: 's3cr3t' };
const bob = { ...alice, participant: 'bob' };

function typed(value: string, later = false): Joining['steps'][number] {
  return {
    action: { kind: 'fill', frames: [], target: { by: 'label', text: 'Name' }, value },
    page: 0,
    later,
  };
}

describe('words in a script', () => {
  const values = (words: string, visit = alice) => new Function('visit', `return ${expression(words, visit)}`)(visit);

  it('come to what they were, whatever they hold', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('alice', 'm33t1ng', '`', '${', '\\', "'", '\n', '\u2028'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(values(pieces.join(''))).toBe(pieces.join(''));
      }),
      { numRuns: 1000 },
    );
  });

  it("are another participant's where they were the visit's own", () => {
    expect(expression('alice', alice)).toBe('visit.participant');
    expect(expression('alice@example.org', alice)).toBe('`$'.concat('{visit.participant}@example.org`'));
    expect(expression('m33t1ng', alice)).toBe('visit.meeting');
  });
});

describe('a script', () => {
  it('has one course where all did the same', () => {
    const steps = (name: string) => [typed('a'), typed(name)];
    const script = joinScript([
      { visit: alice, steps: steps('alice') },
      { visit: bob, steps: steps('bob') },
    ]);
    expect(script).toContain(`{\n  await page.getByLabel('Name', { exact: true }).fill(visit.participant);\n}`);
  });

  it('has a course for each where they did not, and does in the background what was done for others', () => {
    const script = joinScript([
      { visit: alice, steps: [typed('host'), typed('let him in', true)] },
      { visit: bob, steps: [typed('guest')] },
    ]);
    expect(script).toMatch(
      /if \(\["alice"\]\.includes\(visit\.participant\)\) \{\n.*fill\('host'\);\n.*\n {4}void \(async.*\n.*fill\('let him in', \{ timeout: 0 \}\);\n.*\n {4}return;\n {2}\}\n.*fill\('guest'\)/,
    );
  });
});

describe('a script that cannot be read is named in one line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'join-script-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['missing', undefined, /cannot join by .*missing\.ts: Could not resolve/],
    ['broken', 'export const = ;', /cannot join by .*broken\.ts: Expected identifier/],
    ['other', 'export const leave = 1;', /cannot join by .*other\.ts: it exports no function join/],
  ])('%s', async (name, text, line) => {
    const file = join(folder, `${name}.ts`);
    if (text !== undefined) writeFileSync(file, text);
    await expect(readJoinScript(file)).rejects.toThrow(line);
  });
});

/** A page with what joins need; each thing done is told to the server in the order that the page saw it. */
const PAGE = `<!doctype html><title>Join</title>
<script>
const said = [];
function say(what) { said.push(what); document.title = said.join(' '); }
</script>
<label>Your name <input name="name"></label>
<input placeholder="Meeting">
<label for="pw">Password</label><input id="pw" type="password">
<label><input type="checkbox" onchange="say('terms:' + checked)"> I agree</label>
<label for="hidden" id="styled">Mirror</label>
<input id="hidden" type="checkbox" style="position: absolute; width: 0; height: 0; opacity: 0" onchange="say('mirror:' + checked)">
<select aria-label="Camera" onchange="say('camera:' + value)"><option>one</option><option>two</option></select>
<button onclick="say('first')">Same</button><button onclick="say('second')">Same</button>
<div id="icon" onclick="say('icon')"><svg width="20" height="20"><rect width="20" height="20"/></svg></div>
<x-button></x-button>
<form onsubmit="event.preventDefault(); say('chat:' + chat.value)"><input id="chat" aria-label="Chat"><button>Send</button></form>
<iframe srcdoc="<button onclick=&quot;parent.say('framed')&quot;>Framed</button>"></iframe>
<button onclick="say([...document.querySelectorAll('[name=name], [placeholder], #pw')].map(({ value }) => value).join(','))"><span aria-hidden="true">&#9654;</span> Join <b>now</b></button>
<button onclick="window.open('/popup')">Open</button>
<script>
customElements.define('x-button', class extends HTMLElement {
  connectedCallback() { this.attachShadow({ mode: 'open' }).innerHTML = '<button>Deep</button>';
    this.shadowRoot.querySelector('button').onclick = () => say('deep'); }
});
</script>`;
const POPUP = `<!doctype html><title>waiting</title><button onclick="document.title = 'popped'">Pop</button>`;

describe('what a person does', { timeout: 60_000 }, () => {
  const browsers: Chromium[] = [];
  let server: Server;
  let url: string;
  let folder: string;

  beforeAll(async () => {
    server = createServer(({ url: path }, response) =>
      response.setHeader('content-type', 'text/html').end(path === '/popup' ? POPUP : PAGE),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'join-script-'));
  });
  afterEach(async () => {
    await Promise.all(browsers.splice(0).map((browser) => browser.close()));
    rmSync(folder, { recursive: true });
  });

  async function open(): Promise<Page> {
    const browser = await launchChromium({ reach: 'loopback' });
    browsers.push(browser);
    await browser.page.goto(url);
    return browser.page;
  }

  async function popupOf(page: Page): Promise<Page> {
    await vi.waitFor(() => expect(page.context().pages()).toHaveLength(2));
    return page.context().pages()[1]!;
  }

  it('is done again by the script that is saved of it, for another visit, without the password', async () => {
    const page = await open();
    const file = join(folder, 'join.ts');
    const recorder = new JoinRecorder(file);
    await recorder.watch(page.context(), alice);
    // Keys and clicks, as a person's: not Playwright's ways of filling.
    await page.getByLabel('Your name').click();
    await page.keyboard.type('alicf');
    await page.keyboard.press('Backspace');
    await page.keyboard.type('e');
    await page.getByPlaceholder('Meeting').click();
    await page.keyboard.type('m33t1ng');
    await page.locator('#pw').click();
    await page.keyboard.type('hunter2');
    await page.getByText('I agree').click();
    await page.locator('#styled').click();
    await page.getByLabel('Camera').focus();
    await page.keyboard.press('ArrowDown');
    await page.getByRole('button', { name: 'Same' }).nth(1).click();
    await page.locator('#icon rect').click();
    await page.getByText('Deep').click();
    await page.getByLabel('Chat').click();
    await page.keyboard.type('hi');
    await page.keyboard.press('Enter');
    await page.frameLocator('iframe').getByText('Framed').click();
    await page.getByText('now').click();
    await page.getByText('Open').click();
    const popup = await popupOf(page);
    await popup.getByText('Pop').click();
    await expect.poll(() => popup.title()).toBe('popped');
    const course = 'terms:true mirror:true camera:two second icon deep chat:hi framed';
    await expect.poll(() => page.title()).toBe(`${course} alice,m33t1ng,hunter2`);

    expect(recorder.save()).toBe(file);
    expect(recorder.save()).toBeUndefined();
    const script = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(script).not.toMatch(/hunter2|alice\b(?! is in)|m33t1ng/);
    expect(script).toContain("getByRole('button', { name: 'Join now', exact: true })");

    const again = await open();
    const join_ = await readJoinScript(file);
    const visit = { meeting: 'other', participant: 'bob', secret: 'x' };
    await expect(join_(again, visit)).rejects.toThrow('the page asks for a password: set KEYWITNESS_PASSWORD_BOB');
    await again.goto(url);
    vi.stubEnv('KEYWITNESS_PASSWORD_BOB', 'letmein');
    await join_(again, visit);
    expect(await again.title()).toBe(`${course} bob,other,letmein`);
    expect(await (await popupOf(again)).title()).toBe('popped');
    vi.unstubAllEnvs();
  });

  it('for others, once she is in, is done whenever the page gives occasion', async () => {
    const page = await open();
    const file = join(folder, 'join.ts');
    const recorder = new JoinRecorder(file);
    await recorder.watch(page.context(), alice);
    recorder.joined(alice);
    await page.getByText('Deep').click();
    await expect.poll(() => page.title()).toBe('deep');
    recorder.save();

    const again = await open();
    await again.goto('about:blank');
    // It does not wait for what is not there yet.
    await (await readJoinScript(file))(again, alice);
    await again.goto(url);
    await expect.poll(() => again.title()).toBe('deep');
  });

  it('cannot be seen by the page, and what the page does by itself is not taken for it', async () => {
    const page = await open();
    const file = join(folder, 'join.ts');
    const recorder = new JoinRecorder(file);
    await recorder.watch(page.context(), alice);
    expect(
      await page.evaluate(() => Object.keys(globalThis).filter((name) => /keywitness|watching/i.test(name))),
    ).toEqual([]);
    await page.evaluate(() => (document.querySelector('form button') as HTMLElement).click());
    recorder.save();
    expect(readFileSync(file, 'utf8')).toContain('join(page: Page, visit: Visit): Promise<void> {\n}');
  });
});

it('is an action only in its own form', () => {
  const action: Action = { kind: 'click', frames: [], target: { by: 'css', text: 'x' } };
  expect(joinScript([{ visit: alice, steps: [{ action, page: 0, later: false }] }])).toContain(
    "page.locator('css=x').click();",
  );
});
