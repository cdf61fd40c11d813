/** What WebCodecs' encoders give (W3C WebCodecs, 4 and 6): media that a page packs, and sends, by itself. */
import { emit } from './emit.ts';
import { hookConstructor, hookMethod, quietly } from './hook.ts';

type Chunk = EncodedVideoChunk | EncodedAudioChunk;
type Output = (chunk: Chunk, ...more: unknown[]) => unknown;

const { create } = Object;
const encoders = new WeakMap<object, { name: string; codec: string }>();
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
      return Reflect.apply(output, undefined, args);
    };
    // The page's own object is its prototype, for whatever else the platform asks of it.
    const made = make([create(init as object, { output: { value: tapped } }), ...more]);
    encoders.set(made, encoder);
    return made;
  });
  if (!prototype) return;
  hookMethod(prototype, 'configure', ({ self, args, run }) => {
    const result = run();
    const encoder = encoders.get(self);
    if (encoder) quietly('an encoder', () => Object.assign(encoder, { codec: (args[0] as { codec: string }).codec }));
    return result;
  });
}

function take({ name, codec }: { name: string; codec: string }, medium: 'video' | 'audio', chunk: Chunk): void {
  const body = new Uint8Array(chunk.byteLength);
  chunk.copyTo(body);
  emit('encoder.chunk', {
    encoder: name,
    medium,
    codec,
    key: chunk.type === 'key',
    timestamp: chunk.timestamp,
    body,
  });
}
