/** What WebCodecs' encoders give (W3C WebCodecs, 4 and 6): media that a page packs, and sends, by itself. */
import { emit } from './emit.ts';
import { hookConstructor, hookMethod, quietly } from './hook.ts';
import { apply, Bytes, bare, create, getter, keep, method } from './natives.ts';

type Output = (chunk: unknown, ...more: unknown[]) => unknown;

const encoders = keep(new WeakMap<object, { name: string; codec: string }>());
let count = 0;
let isHooked = false;

/** May be called again. */
export function hookEncoders(): void {
  if (isHooked) return;
  isHooked = true;
  hookEncoder('VideoEncoder', 'video');
  hookEncoder('AudioEncoder', 'audio');
}

function hookEncoder(name: string, medium: 'video' | 'audio'): void {
  const prototype = hookConstructor(name, ([init, ...more], make) => {
    const output = quietly('an encoder', () => (init as { output?: unknown } | undefined)?.output);
    if (typeof output !== 'function') return make([init, ...more]);
    const encoder = { name: `e${count++}`, codec: '' };
    const tapped: Output = (...args) => {
      quietly('what an encoder gave', () => take(encoder, medium, args[0]));
      return apply(output, undefined, args);
    };
    // The page's own object is its prototype, for whatever else the platform asks of it.
    const made = make([create(init as object, bare({ output: bare({ value: tapped }) })), ...more]);
    encoders.set(made, encoder);
    return made;
  });
  if (!prototype) return;
  hookMethod(prototype, 'configure', ({ self, args, run }) => {
    const result = run();
    const encoder = encoders.get(self);
    if (encoder)
      quietly('an encoder', () => {
        encoder.codec = (args[0] as { codec: string }).codec;
      });
    return result;
  });
}

const CHUNKS = { video: faceOf('EncodedVideoChunk'), audio: faceOf('EncodedAudioChunk') };

function faceOf(owner: string) {
  return {
    length: getter<number>(owner, 'byteLength'),
    copyTo: method<void>(owner, 'copyTo'),
    type: getter<string>(owner, 'type'),
    timestamp: getter<number>(owner, 'timestamp'),
  };
}

function take({ name, codec }: { name: string; codec: string }, medium: 'video' | 'audio', chunk: unknown): void {
  const { length, copyTo, type, timestamp } = CHUNKS[medium];
  const body = new Bytes(length(chunk));
  copyTo(chunk, body);
  emit('encoder.chunk', {
    encoder: name,
    medium,
    codec,
    key: type(chunk) === 'key',
    timestamp: timestamp(chunk),
    body,
  });
}
