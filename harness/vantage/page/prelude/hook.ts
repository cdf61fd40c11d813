/** Stands between the page and a function of the platform, in a way that the page doesn't notice. */
import { lose } from './emit.ts';

/** One call of a hooked function. */
export interface Call {
  self: object;
  args: unknown[];
  /** Calls the platform's own function, with the page's arguments unless others are given. */
  run(args?: unknown[]): unknown;
}

const { apply, construct } = Reflect;
// Worklets have none of these, nor any use for them.
const arrayBuffer = globalThis.Blob?.prototype.arrayBuffer;
const encode = globalThis.TextEncoder?.prototype.encode;
const encoder = globalThis.TextEncoder && new TextEncoder();

/** Any function of the platform. */
export type Native = (...args: never[]) => unknown;

/**
 * What the page sees of a hooked function is a Proxy of the platform's: name, length and errors are its own.
 *
 * @returns the platform's own function.
 */
export function hookMethod(owner: object, name: string, around: (call: Call) => unknown): Native {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name)!;
  const original: Native = descriptor.value;
  Object.defineProperty(owner, name, { ...descriptor, value: wrap(original, around) });
  return original;
}

export function hookSetter(owner: object, name: string, around: (call: Call) => unknown): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name)!;
  Object.defineProperty(owner, name, { ...descriptor, set: wrap(descriptor.set!, around) });
}

/** @returns the platform's own getter. */
export function hookGetter(owner: object, name: string, around: (call: Call) => unknown): Native {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name)!;
  const original = descriptor.get!;
  Object.defineProperty(owner, name, { ...descriptor, get: wrap(original, around) });
  return original;
}

/**
 * Stands before a constructor of the platform, wherever the page may get it from. A class of the page's own that extends it works as
 * before.
 *
 * @param around gets the page's arguments, and `make`, which makes the object of these or others.
 * @returns the platform's prototype; undefined where this realm has no such constructor.
 */
export function hookConstructor(
  name: string,
  around: (args: unknown[], make: (args: unknown[]) => object) => object,
): object | undefined {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  const original = descriptor?.value as (new (...args: unknown[]) => object) | undefined;
  if (!original) return undefined;
  const hooked: typeof original = new Proxy(original, {
    construct: (target, args, newTarget) =>
      around(args, (others) => construct(target, others, newTarget === hooked ? target : newTarget)),
  });
  Object.defineProperty(globalThis, name, { ...descriptor, value: hooked });
  const { prototype } = original;
  const own = Object.getOwnPropertyDescriptor(prototype, 'constructor');
  Object.defineProperty(prototype, 'constructor', { ...own, value: hooked });
  return prototype;
}

function wrap<F extends Native>(original: F, around: (call: Call) => unknown): F {
  return new Proxy(original, {
    apply: (target, self, args) =>
      around({ self, args, run: (others = args) => apply(target, self, others as never[]) }),
  });
}

/** Looks at something without disturbing the page: what fails is reported, not thrown. */
export function quietly<T>(what: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    lose(`${what} was not recorded: ${error}`);
    return undefined;
  }
}

/** The same for what takes time. */
export async function quietlyAfter<T>(what: string, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    lose(`${what} was not recorded: ${error}`);
    return undefined;
  }
}

const { toString: describe } = Object.prototype;

/** What the platform says that an object is; right across realms. */
export function classOf(value: unknown): string {
  return apply(describe, value, []).slice('[object '.length, -1);
}

/** UTF-8, whatever the page makes of the platform's encoder. */
export function encodeText(text: string): Uint8Array {
  return apply(encode, encoder, [text]);
}

/** The bytes of a Blob. */
export async function bytesOfBlob(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array((await apply(arrayBuffer, blob, [])) as ArrayBuffer);
}

/** The bytes of a BufferSource, copied, `most` at most; undefined for anything else. */
export function bytesOf(source: unknown, most = Number.POSITIVE_INFINITY): Uint8Array | undefined {
  if (ArrayBuffer.isView(source)) return copy(source.buffer, source.byteOffset, source.byteLength, most);
  if (classOf(source) !== 'ArrayBuffer') return undefined;
  return copy(source as ArrayBuffer, 0, (source as ArrayBuffer).byteLength, most);
}

function copy(buffer: ArrayBufferLike, offset: number, length: number, most: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(length, most));
  bytes.set(new Uint8Array(buffer, offset, bytes.length));
  return bytes;
}
