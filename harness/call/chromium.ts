/** One Chromium a participant: found, started with a profile of its own behind a proxy, and ended without a trace. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { type Cdp, cdpOverPipe } from '../vantage/page/cdp.ts';
import { RTP_DUMP_FLAGS } from '../vantage/rtp/rtp-dump.ts';
import { SCREEN_FLAGS } from '../vantage/screen/screen.ts';
import type { WireBrowser } from '../vantage/wire/wire.ts';
import { within } from '../vantage/within.ts';
import { setUdpPorts } from './preferences.ts';

export interface ChromiumOptions {
  /** The only way out, for loopback too; `spki` is the base64 SHA-256 of the public key of the CA that it shows. */
  proxy?: { port: number; spki: string };
  /** `loopback`: the browser itself looks up no name, and offers 127.0.0.1 to its peers. */
  reach: 'loopback' | 'anywhere';
  /** Y4M file that the camera shows; Chromium's own pattern unless given. */
  camera?: string;
  /** WAV file that the microphone plays; Chromium's own beeps unless given. */
  microphone?: string;
  /** Have every RTP packet printed to stderr as it is without SRTP. */
  rtpDump?: boolean;
  /** Let a page record its own tab. */
  screen?: boolean;
  /** Have packets found and read; else the browser picks its UDP ports, and keeps its secrets. */
  wire?: WireBrowser;
  /** Show a window with this title, `left` pixels from the left; no window unless given. */
  window?: { title: string; left: number };
  /** Folder of a profile that is kept; it is made (mode 0700) if it isn't there. Unless given, a new one that goes with the browser. */
  profile?: string;
  onStderr?(chunk: Buffer): void;
}

export interface Chromium {
  context: BrowserContext;
  page: Page;
  /** The browser's protocol, beside Playwright's own connection. */
  cdp: Cdp;
  pid: number;
  version: string;
  /** Resolves when the browser has ended, whoever ended it, with `code N` or `signal NAME`. */
  exited: Promise<string>;
  /** Ends the browser and all its processes, and removes its files but for a kept profile. Can be called again, and after a crash. */
  close(): Promise<void>;
}

/** How long (ms) the browser may take to be ready, and to end by itself before it is made to. */
const READY_WITHIN = 20_000;
const END_WITHIN = 5000;
const TERMINATE_WITHIN = 2000;
/** What Chromium prints before it is ready is kept up to this many characters. */
const MOST_OUTPUT = 64 * 1024;

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

let found: { path: string; version: string } | undefined;

/**
 * The browser to use: the one that KEYWITNESS_CHROMIUM names, and no other if it is set; else Playwright's own if it was
 * installed; else the first of the usual names on the PATH.
 */
export function findChromium(): { path: string; version: string } | undefined {
  if (found) return found;
  const named = process.env.KEYWITNESS_CHROMIUM;
  const onPath = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const candidates = named
    ? [named]
    : [chromium.executablePath(), ...NAMES.flatMap((name) => onPath.map((folder) => join(folder, name)))];
  for (const path of candidates) {
    const version = existsSync(path) ? versionOf(path) : undefined;
    if (version) {
      found = { path, version };
      return found;
    }
  }
  return undefined;
}

function versionOf(path: string): string | undefined {
  try {
    const text = execFileSync(path, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /\d+(\.\d+){3}/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}

/** @throws Error with one line: no browser found, or it did not start and what it printed last. */
export async function launchChromium(options: ChromiumOptions): Promise<Chromium> {
  const browser = findChromium();
  if (!browser) {
    const named = process.env.KEYWITNESS_CHROMIUM;
    throw new Error(
      named
        ? `KEYWITNESS_CHROMIUM names ${named}, which is no browser that runs`
        : `no Chromium found: set KEYWITNESS_CHROMIUM to one, or run \`npx playwright install chromium\``,
    );
  }
  const temporary = mkdtempSync(join(tmpdir(), 'keywitness-browser-'));
  if (options.profile) makePrivate(options.profile);
  setUdpPorts(options.profile ?? temporary, options.wire?.udpPorts);
  const child = spawn(browser.path, [...flags(options, temporary), 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    // A process group of its own, so that all of it can be ended, and an interrupt of ours doesn't end it too early.
    detached: true,
    // Else what it leaves when it is killed stays in the common temporary folder.
    env: { ...process.env, ...(process.platform === 'linux' ? { TMPDIR: temporary } : {}) },
  });
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `code ${code}`));
  });
  const cdp = cdpOverPipe(child.stdio[4] as Readable, child.stdio[3] as Writable);
  let playwright: Browser | undefined;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= end(child, cdp, exited, playwright, temporary);
    return closing;
  };
  try {
    const endpoint = await debuggingEndpoint(child, exited, options.onStderr);
    playwright = await chromium.connectOverCDP(endpoint, { timeout: READY_WITHIN });
    const context = playwright.contexts()[0]!;
    const page = context.pages()[0] ?? (await context.newPage());
    return { context, page, cdp, pid: child.pid!, version: browser.version, exited, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Sign-ins are for their owner's eyes only. */
function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

function flags(options: ChromiumOptions, temporary: string): string[] {
  const { proxy, reach, camera, microphone, rtpDump, screen, wire, window, profile } = options;
  const isRoot = process.getuid?.() === 0;
  return [
    `--user-data-dir=${profile ?? temporary}`,
    // What a kept profile had in its cache would not cross the proxy.
    ...(profile ? [`--disk-cache-dir=${temporary}`, '--hide-crash-restore-bubble'] : []),
    // The pipe is the harness's own, and Chromium ends when it closes, however we end; the port is Playwright's.
    '--remote-debugging-pipe',
    '--remote-debugging-port=0',
    ...QUIET,
    ...(window
      ? [`--window-name=${window.title}`, `--window-position=${window.left},0`, '--window-size=960,720']
      : ['--headless=new', '--disable-gpu', '--hide-scrollbars']),
    ...(isRoot ? ['--no-sandbox'] : []),
    ...(proxy
      ? [
          `--proxy-server=http://127.0.0.1:${proxy.port}`,
          // Without it loopback goes past the proxy.
          '--proxy-bypass-list=<-loopback>',
          `--ignore-certificate-errors-spki-list=${proxy.spki}`,
        ]
      : []),
    ...(reach === 'loopback'
      ? ['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--allow-loopback-in-peer-connection']
      : []),
    ...(screen ? SCREEN_FLAGS : ['--use-fake-ui-for-media-stream', '--mute-audio']),
    '--use-fake-device-for-media-stream',
    ...(camera ? [`--use-file-for-fake-video-capture=${camera}`] : []),
    ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
    '--autoplay-policy=no-user-gesture-required',
    ...(rtpDump ? RTP_DUMP_FLAGS : []),
    ...(wire ? [`--ssl-key-log-file=${wire.keyLog}`] : []),
  ];
}

/** No first-run pages, no errands of the browser's own, no saving on what is not in view. */
const QUIET = [
  '--disable-quic',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-component-extensions-with-background-pages',
  '--disable-client-side-phishing-detection',
  '--disable-domain-reliability',
  '--disable-sync',
  '--disable-breakpad',
  '--metrics-recording-only',
  '--password-store=basic',
  '--use-mock-keychain',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  '--disable-features=Translate,MediaRouter,DialMediaRouteProvider,OptimizationHints,AutofillServerCommunication,HttpsUpgrades',
];

/** Where Playwright connects to, as the browser prints it once it is ready. */
function debuggingEndpoint(
  child: ChildProcess,
  exited: Promise<string>,
  onStderr: ChromiumOptions['onStderr'],
): Promise<string> {
  return new Promise((resolve, reject) => {
    let output: string | undefined = '';
    const fail = (why: string) => {
      const last = output?.trim().split('\n').at(-1) || 'nothing was printed';
      reject(new Error(`Chromium did not start (${why}): ${last.slice(0, 300)}`));
    };
    const timer = setTimeout(() => fail(`not ready within ${READY_WITHIN} ms`), READY_WITHIN);
    exited.then((reason) => {
      clearTimeout(timer);
      fail(reason);
    });
    child.stderr!.on('data', (chunk: Buffer) => {
      onStderr?.(chunk);
      if (output === undefined) return;
      output = (output + chunk.toString('latin1')).slice(-MOST_OUTPUT);
      const endpoint = /DevTools listening on (ws:\/\/\S+)\s/.exec(output)?.[1];
      if (!endpoint) return;
      output = undefined;
      clearTimeout(timer);
      resolve(endpoint);
    });
  });
}

async function end(
  child: ChildProcess,
  cdp: Cdp,
  exited: Promise<string>,
  playwright: Browser | undefined,
  temporary: string,
): Promise<void> {
  if (isRunning(child)) {
    cdp.send('Browser.close').catch(() => {});
    if ((await within(END_WITHIN, exited)) === undefined) {
      child.kill('SIGTERM');
      await within(TERMINATE_WITHIN, exited);
    }
  }
  // What is left of its group: helpers that outlive it, or all of it where it does not answer.
  if (child.pid !== undefined) killGroup(child.pid);
  await exited;
  cdp.close();
  await playwright?.close().catch(() => {});
  // Helpers may still be writing as they end.
  rmSync(temporary, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // None of it is left.
  }
}
