/**
 * A client of the Chrome DevTools Protocol in flat mode over the browser's pipe (`--remote-debugging-pipe`): JSON messages
 * that end with a NUL byte; those of a target carry its `sessionId`.
 * https://chromedevtools.github.io/devtools-protocol/
 */
import type { Readable, Writable } from 'node:stream';

/** A longer message (bytes) is dropped, and {@link Cdp.onDropped} told: what a page sends must not fill our memory. */
const LONGEST_MESSAGE = 64 * 1024 * 1024;
const NUL = 0;

/** An event as it came; `params` are the browser's or, for a binding's payload, a page's own. */
export interface CdpEvent {
  method: string;
  params: Record<string, unknown>;
  sessionId?: string;
}

/** What the vantage points need of a browser's protocol. */
export interface Cdp {
  /** Rejects if the browser answers with an error, ends, or takes longer than `timeout` ms (for ever unless given). */
  send(
    method: string,
    params?: object,
    options?: { sessionId?: string; timeout?: number },
  ): Promise<Record<string, unknown>>;
  /** @returns what ends the listening. */
  onEvent(listener: (event: CdpEvent) => void): () => void;
  /** Called for each message that was too long to read. */
  onDropped(listener: (bytes: number) => void): void;
  close(): void;
}

interface Waiting {
  resolve(result: Record<string, unknown>): void;
  reject(error: Error): void;
}

/** @param from the browser's file descriptor 4, @param to its file descriptor 3. */
export function cdpOverPipe(from: Readable, to: Writable, longest = LONGEST_MESSAGE): Cdp {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(event: CdpEvent) => void>();
  const droppedListeners = new Set<(bytes: number) => void>();
  let nextId = 1;
  let ended: Error | undefined;

  const end = (reason: string) => {
    ended ??= new Error(reason);
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  const receive = (text: string) => {
    const message = JSON.parse(text);
    if (message.id === undefined) {
      for (const listener of listeners) listener(message);
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) call?.reject(new Error(message.error.message));
    else call?.resolve(message.result);
  };

  const read = splitMessages(longest, receive, (bytes) => {
    for (const listener of droppedListeners) listener(bytes);
  });
  from.on('data', read);
  for (const stream of [from, to]) {
    stream.on('error', (error) => end(`the browser's pipe broke: ${error.message}`));
    stream.on('close', () => end('the browser closed its pipe'));
  }

  return {
    send(method, params = {}, { sessionId, timeout } = {}) {
      if (ended) return Promise.reject(ended);
      const id = nextId++;
      return new Promise((resolve, reject) => {
        const timer = timeout
          ? setTimeout(() => {
              waiting.delete(id);
              reject(new Error(`${method} was not answered within ${timeout} ms`));
            }, timeout)
          : undefined;
        waiting.set(id, {
          resolve: (result) => {
            clearTimeout(timer);
            resolve(result);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        });
        to.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
      });
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onDropped(listener) {
      droppedListeners.add(listener);
    },
    close() {
      end('the connection was closed');
      to.end();
    },
  };
}

/** Cuts a stream of bytes at each NUL; holds at most `longest` bytes. */
function splitMessages(
  longest: number,
  receive: (message: string) => void,
  dropped: (bytes: number) => void,
): (chunk: Buffer) => void {
  let pieces: Buffer[] = [];
  let length = 0;
  const add = (piece: Buffer) => {
    length += piece.length;
    if (length <= longest) pieces.push(piece);
    else pieces = [];
  };
  return (chunk) => {
    let start = 0;
    for (let stop = chunk.indexOf(NUL); stop >= 0; stop = chunk.indexOf(NUL, start)) {
      add(chunk.subarray(start, stop));
      start = stop + 1;
      const [whole, size] = [pieces, length];
      pieces = [];
      length = 0;
      if (size > longest) dropped(size);
      else receive(Buffer.concat(whole).toString());
    }
    add(chunk.subarray(start));
  };
}
