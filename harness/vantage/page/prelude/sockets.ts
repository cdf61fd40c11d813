/**
 * Binary messages as the page hands them to WebSockets: they may carry media. The proxy has all messages; these stand in one order
 * with what else the page did.
 */
import { emit } from './emit.ts';
import { bytesOf, bytesOfBlob, classOf, hookConstructor, hookMethod, quietly, quietlyAfter } from './hook.ts';

const names = new WeakMap<object, string>();
let count = 0;

export function hookSockets(): void {
  const prototype = hookConstructor('WebSocket', (args, make) => {
    const socket = make(args);
    names.set(socket, `s${count++}`);
    return socket;
  });
  if (!prototype) return;
  hookMethod(prototype, 'send', ({ self, args, run }) => {
    // Copied before the page may change it.
    const data = quietly('a message', () => bytesOf(args[0])) ?? args[0];
    const result = run();
    if (names.has(self)) emitMessage(self as WebSocket, data);
    return result;
  });
}

function emitMessage(socket: WebSocket, data: unknown): void {
  const emitBytes = (body: Uint8Array) => emit('socket.message', { socket: names.get(socket), url: socket.url, body });
  if (data instanceof Uint8Array) quietly('a message', () => emitBytes(data));
  else if (classOf(data) === 'Blob') quietlyAfter('a message', async () => emitBytes(await bytesOfBlob(data as Blob)));
}
