/**
 * A process that runs proxies, seen from its parent. It is told its options as one line of JSON on stdin, then asked with a
 * line for each question; it ends when its stdin does. It hands over frames (`frames.ts`) on file descriptor 3: events, and
 * the control messages below.
 */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { EventSink, NewEvent } from '../../recording/format.ts';
import { within } from '../within.ts';
import { FrameDecoder } from './frames.ts';
import { cannotStart, type Proxies, type ToldOptions } from './proxies.ts';

/** How long (ms) the process may take to be ready. */
const READY_WITHIN = 20_000;
/** How long (ms) the process may take to end by itself, and to answer. */
const PATIENCE = 20_000;
/** How much (characters) of the process's last words is kept for error messages. */
const LAST_WORDS = 4096;

/** What the process says beside events. */
export type ControlMessage =
  | { control: 'ready'; ports: Record<string, number>; spki?: string; version?: string }
  | { control: 'failed'; reason: string }
  | { control: 'health'; events: number; count: number; mishaps: string[] }
  | { control: 'ended'; events: number };

export interface ProxyProcess extends Pick<Proxies, 'health' | 'stop'> {
  /** What it said when it was ready. */
  ready: Extract<ControlMessage, { control: 'ready' }>;
}

export interface ProcessOptions {
  command: string;
  args: string[];
  /** Added to this process's. */
  env?: Record<string, string>;
  /** Whether an interrupt at the terminal passes it by. */
  detached?: boolean;
  /** ms that it may take to be ready; 20,000 unless given. */
  readyWithin?: number;
  told: ToldOptions;
  sink: EventSink;
}

/**
 * Starts a process and waits until it is ready. If it ends before it is stopped, each of its participants gets a
 * `vantage.lost`.
 * @throws Error with one line that says why the proxies cannot start; the process has ended then.
 */
export async function startProcess({
  command,
  args,
  env,
  detached,
  readyWithin = READY_WITHIN,
  told,
  sink,
}: ProcessOptions): Promise<ProxyProcess> {
  const child = spawn(command, args, {
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: detached ?? false,
  });
  const [input, errors, frames] = child.stdio.filter((_, fd) => fd !== 1) as unknown as [Writable, Readable, Readable];
  let received = 0;
  /** How many of these when the process told of its health: more may come before anyone looks at what it told. */
  let receivedThen = 0;
  let lastWords = '';
  let lost: string | undefined;
  let stopping = false;
  let ended: Extract<ControlMessage, { control: 'ended' }> | undefined;
  const waiting: ((message: ControlMessage | undefined) => void)[] = [];
  const next = () => new Promise<ControlMessage | undefined>((resolve) => waiting.push(resolve));

  const closed = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      lost ??= error.message;
    });
    child.on('close', (code, signal) => {
      lost ??=
        stopping && ended ? 'the proxies were stopped' : `the proxies' process ended (${signal ?? `exit ${code}`})`;
      for (const resolveNext of waiting.splice(0)) resolveNext(undefined);
      resolve();
    });
  });
  // The process may be gone before it reads.
  input.on('error', () => {});
  errors.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS);
  });
  const decoder = new FrameDecoder();
  frames.on('data', (piece: Uint8Array) => {
    try {
      for (const { value, body } of decoder.push(piece)) {
        if (isControl(value)) {
          if (value.control === 'health') receivedThen = received;
          if (value.control === 'ended') ended = value;
          else waiting.shift()?.(value);
          continue;
        }
        received++;
        sink.append((body ? { ...(value as object), body } : value) as NewEvent);
      }
    } catch (error) {
      lost ??= `what the proxies saw could not be recorded: ${(error as Error).message}`;
      child.kill('SIGKILL');
    }
  });

  const hello = next();
  input.write(`${JSON.stringify(told)}\n`);
  const ready = await within(readyWithin, hello);
  if (!ready) {
    lost ??= `they are not ready after ${readyWithin} ms`;
    child.kill('SIGKILL');
  }
  if (ready?.control !== 'ready') {
    await closed;
    throw cannotStart(
      ready?.control === 'failed' ? ready.reason : [lost, firstLine(lastWords)].filter(Boolean).join(': '),
    );
  }

  closed.then(() => {
    if (stopping) return;
    for (const participant of told.participants)
      sink.append({ participant, vantage: 'proxy', type: 'vantage.lost', reason: lost! });
  });

  return {
    ready,
    async health() {
      if (lost) return { state: 'lost', detail: lost };
      const answer = next();
      input.write('health\n');
      const message = await within(PATIENCE, answer);
      if (lost) return { state: 'lost', detail: lost };
      if (message?.control !== 'health') return { state: 'lost', detail: "the proxies' process does not answer" };
      if (message.events !== receivedThen)
        return {
          state: 'lost',
          detail: `${receivedThen} events arrived of the ${message.events} that the proxies saw`,
        };
      const mishaps = message.count ? `; ${message.count} faults survived, at last: ${message.mishaps.join('; ')}` : '';
      return { state: 'alive', detail: `${received} events${mishaps}` };
    },
    async stop() {
      stopping = true;
      input.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await closed;
      clearTimeout(timer);
    },
  };
}

function isControl(value: unknown): value is ControlMessage {
  return typeof value === 'object' && value !== null && 'control' in value;
}

/** The line of an error report that says what is wrong. */
function firstLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error|not allowed/i.test(line)) ?? lines[0] ?? '').trim();
}
