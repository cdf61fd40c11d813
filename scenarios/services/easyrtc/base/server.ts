/** The server process, started by `service.ts` with the folder that the packages are in and what it does with descriptions. */
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ServerReport } from '../../../base/forked.ts';
import { Middle } from './middle.ts';
import type { Ready, Signalling } from './service.ts';

/** The parts of the packages that are used here; EasyRTC's are in its `docs/easyrtc_server_events.md`. */
interface EasyRtc {
  setOption(name: string, value: unknown): boolean;
  events: {
    on(name: 'emitEasyrtcCmd', listener: (...command: Command) => void): void;
    on(name: 'disconnect', listener: (...left: Left) => void): void;
    defaultListeners: { emitEasyrtcCmd(...command: Command): void; disconnect(...left: Left): void };
  };
  listen(app: unknown, sockets: unknown, options: null, done: (error: Error | null) => void): void;
}
/** What the server is about to send to a participant's browser. */
type Command = [to: { getEasyrtcid(): string }, type: string, message: Message, answered: unknown, next: Next];
interface Message {
  senderEasyrtcid?: string;
  msgData?: { type: 'offer' | 'answer'; sdp: string };
}
type Left = [who: { getEasyrtcid(): string }, next: Next];
type Next = (error: Error | null) => void;

process.on('disconnect', () => process.exit());
if (!process.connected) process.exit();

try {
  report(await serve(process.argv[2]!, process.argv[3] as Signalling));
} catch (error) {
  report({ type: 'failed', message: (error as Error).message });
}

function report(message: ServerReport<Ready>): void {
  process.send!(message);
}

async function serve(folder: string, signalling: Signalling): Promise<ServerReport<Ready>> {
  const require = createRequire(join(folder, 'package.json'));
  const app = require('express')();
  const web = createServer(app);
  const { Server: SocketServer } = require('socket.io');
  const easyrtc: EasyRtc = require('open-easyrtc');
  easyrtc.setOption('logLevel', 'none');
  // Else browsers are told of public STUN servers.
  easyrtc.setOption('appIceServers', []);
  if (signalling === 'swapped') swap(easyrtc);
  await new Promise<void>((resolve, reject) =>
    easyrtc.listen(app, new SocketServer(web, { allowEIO3: true }), null, (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  return { type: 'ready', origin: await listen(web) };
}

async function listen(web: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => web.once('error', reject).listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
}

/** Puts a {@link Middle} between each two who call each other: offers and answers are replaced, candidates held back. */
function swap({ events }: EasyRtc): void {
  /** By caller and callee. */
  const calls = new Map<string, Middle>();
  events.on('disconnect', (...left) => {
    for (const [pair, call] of calls)
      if (pair.split(' ').includes(left[0].getEasyrtcid())) {
        calls.delete(pair);
        void call.close();
      }
    events.defaultListeners.disconnect(...left);
  });
  events.on('emitEasyrtcCmd', (...command) => {
    const [to, type, { senderEasyrtcid: from = '', msgData }, , next] = command;
    if (type === 'candidate') return next(null);
    if (type !== 'offer' && type !== 'answer') return events.defaultListeners.emitEasyrtcCmd(...command);
    replace(calls, from, to.getEasyrtcid(), msgData!).then(
      () => events.defaultListeners.emitEasyrtcCmd(...command),
      (error) => next(error),
    );
  });
}

async function replace(
  calls: Map<string, Middle>,
  from: string,
  to: string,
  description: NonNullable<Message['msgData']>,
): Promise<void> {
  if (description.type === 'offer') {
    const call = new Middle();
    calls.set(`${from} ${to}`, call);
    description.sdp = await call.offer(description.sdp);
  } else description.sdp = await calls.get(`${to} ${from}`)!.answer(description.sdp);
}
