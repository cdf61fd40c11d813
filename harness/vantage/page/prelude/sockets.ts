/**
 * Binary messages as the page hands them to WebSockets: they may carry media. The proxy has all messages; these stand in one order
 * with what else the page did.
 */
import { emit } from './emit.ts';
import { bytesOfBlob, hookConstructor, hookMethod, quietly, quietlyAfter } from './hook.ts';
import { bytesOf, getter, isBlob, isBytes, keep, settled } from './natives.ts';

const names = keep(new WeakMap<object, string>());
const urlOf = getter<string>('WebSocket', 'url');
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
    // One that another realm made is a socket, too.
    quietly('a message', () => emitMessage(self, data));
    return result;
  });
}

function emitMessage(socket: object, data: unknown): void {
  if (!names.has(socket)) names.set(socket, `s${count++}`);
  const fields = { socket: names.get(socket), url: urlOf(socket) };
  if (isBytes(data)) emit('socket.message', { ...fields, body: data });
  else if (isBlob(data))
    quietlyAfter('a message', async () =>
      emit('socket.message', { ...fields, body: (await settled(bytesOfBlob(data))).bytes }),
    );
}
