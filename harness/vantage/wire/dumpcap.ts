/** Wireshark's programs that capture packets and put secrets beside them, which do so without reading what is in them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { rewrite } from '../rewrite.ts';

/** ms that a program may take to tell its version, to begin, to end, and to write a capture anew. */
const VERSION_WITHIN = 5_000;
const BEGIN_WITHIN = 10_000;
const END_WITHIN = 10_000;
const INJECT_WITHIN = 120_000;
/** MiB that the kernel holds until they are read: the default of 2 loses most of a fast transfer. */
const BUFFER = 64;
/** kB (of 1000 bytes) in a capture, some hours of a call; dumpcap ends by itself then. */
const LARGEST_CAPTURE = 4_000_000;
/** Characters kept of what a program says. */
const KEPT = 4096;

/**
 * Runs what its arguments say, and ends it when standard input ends: also when the harness is killed. A signal that comes with a
 * parent's death would not do, since the kernel takes that from programs with capabilities of their own, as dumpcap may be.
 */
const UNTIL_INPUT_ENDS = `exec 3<&0
"$@" 3<&- &
program=$!
{ cat <&3; kill -TERM $program; } >/dev/null 2>&1 &
wait $program`;

/** dumpcap's version, if it is on the PATH and runs. */
export function findDumpcap(): { version: string } | undefined {
  const { stdout } = spawnSync('dumpcap', ['--version'], { encoding: 'utf8', timeout: VERSION_WITHIN });
  const version = /^Dumpcap \(Wireshark\) (\d+(?:\.\d+)+)/m.exec(stdout ?? '')?.[1];
  return version === undefined ? undefined : { version };
}

/** What a capture came to; `problem` where it did not go on until it was stopped. */
export interface Captured {
  packets: number;
  /** Packets that came too fast to be written. */
  dropped: number;
  problem?: string;
}

export interface Capture {
  /** Resolves when it has ended, by itself or since it was stopped. */
  ended: Promise<Captured>;
  /** Ends it; what it has not written yet is lost. May be called again. */
  stop(): Promise<Captured>;
}

/**
 * Captures what passes the filter (pcap-filter(7)), on all interfaces, to a new file of mode 0600.
 * @param comments lines that the file begins with, for whoever opens it
 * @returns once it captures.
 * @throws Error of one line: what dumpcap says
 */
export async function startCapture(path: string, filter: string, comments: string[]): Promise<Capture> {
  const args = ['-q', '-B', `${BUFFER}`, '-i', 'any', '-f', filter, '-w', path, '-a', `filesize:${LARGEST_CAPTURE}`];
  args.push(...comments.flatMap((comment) => ['--capture-comment', comment]));
  const child = spawn('sh', ['-c', UNTIL_INPUT_ENDS, 'sh', 'dumpcap', ...args], {
    stdio: ['pipe', 'ignore', 'pipe'],
    // An interrupt at the terminal passes it by: it is ended in order.
    detached: true,
  }) as ChildProcess & { stdin: Writable; stderr: Readable };
  child.stdin.on('error', () => {});
  let said = '';
  let stopping = false;
  const ended = new Promise<Captured>((resolve) => {
    const end = (how: string) => {
      child.stdin.end();
      resolve(outcome(said, stopping, how));
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(signal ?? `exit code ${code}`));
  });
  const begun = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEPT);
      // Said after the interface is open and the filter is set.
      if (/^File: /m.test(said)) resolve();
    });
  });
  const stop = async () => {
    stopping = true;
    child.stdin.end();
    const timer = setTimeout(() => killGroup(child), END_WITHIN);
    return ended.finally(() => clearTimeout(timer));
  };
  const late = AbortSignal.timeout(BEGIN_WITHIN);
  const first = await Promise.race([
    begun,
    ended,
    new Promise<Captured>((resolve) => {
      const problem = `dumpcap did not begin within ${BEGIN_WITHIN} ms`;
      late.addEventListener('abort', () => resolve({ packets: 0, dropped: 0, problem }), { once: true });
    }),
  ]);
  if (first) {
    await stop();
    throw new Error(first.problem ?? 'dumpcap ended before it began');
  }
  return { ended, stop };
}

function outcome(said: string, stopping: boolean, how: string): Captured {
  const [, packets, dropped] = /^Packets received\/dropped on interface .*: (\d+)\/(\d+)/m.exec(said) ?? [];
  const counts = { packets: Number(packets ?? 0), dropped: Number(dropped ?? 0) };
  if (stopping && packets !== undefined) return counts;
  const why = said.split('\n').find((line) => line.trim() !== '' && !/^(Capturing on|File:|Packets )/.test(line));
  return {
    ...counts,
    problem: `dumpcap ended (${how})${why ? `: ${why.replace(/^dumpcap: /, '').slice(0, 300)}` : ''}`,
  };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // None of it is left.
  }
}

/**
 * Puts a key log (draft-ietf-tls-keylogfile) into a capture, before its packets, with editcap, so that Wireshark opens it decrypted.
 * @returns what went wrong, in a line; the capture is as it was then.
 */
export function injectSecrets(path: string, keyLog: string): Promise<string | undefined> {
  const args = (next: string) => ['-F', 'pcapng', '--inject-secrets', `tls,${keyLog}`, path, next];
  return rewrite(path, 'editcap', args, INJECT_WITHIN);
}
