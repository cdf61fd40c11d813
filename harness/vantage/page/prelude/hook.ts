/** Stands between the page and a function of the platform, in a way that the page doesn't notice. */
import { lose } from './emit.ts';
import { bare, bytesOf, iterable, settled } from './natives.ts';

/** One call of a hooked function. */
export interface Call {
  self: object;
  args: unknown[];
  /** Calls the platform's own function, with the page's arguments unless others are given. */
  run(args?: unknown[]): unknown;
}

const { apply, construct } = Reflect;
const { defineProperty, getOwnPropertyDescriptor } = Object;
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
  const descriptor = getOwnPropertyDescriptor(owner, name)!;
  const original: Native = descriptor.value;
  defineProperty(owner, name, { ...descriptor, value: wrap(original, around) });
  return original;
}

export function hookSetter(owner: object, name: string, around: (call: Call) => unknown): void {
  const descriptor = getOwnPropertyDescriptor(owner, name)!;
  defineProperty(owner, name, { ...descriptor, set: wrap(descriptor.set!, around) });
}

/** @returns the platform's own getter. */
export function hookGetter(owner: object, name: string, around: (call: Call) => unknown): Native {
  const descriptor = getOwnPropertyDescriptor(owner, name)!;
  const original = descriptor.get!;
  defineProperty(owner, name, { ...descriptor, get: wrap(original, around) });
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
  const descriptor = getOwnPropertyDescriptor(globalThis, name);
  const original = descriptor?.value as (new (...args: unknown[]) => object) | undefined;
  if (!original) return undefined;
  const hooked: typeof original = new Proxy(
    original,
    bare({
      construct: (target: typeof original, args: unknown[], newTarget: object) =>
        around(iterable(args), (others) =>
          construct(target, others, newTarget === hooked ? target : (newTarget as typeof original)),
        ),
    }),
  );
  defineProperty(globalThis, name, { ...descriptor, value: hooked });
  const { prototype } = original;
  const own = getOwnPropertyDescriptor(prototype, 'constructor');
  defineProperty(prototype, 'constructor', { ...own, value: hooked });
  return prototype;
}

function wrap<F extends Native>(original: F, around: (call: Call) => unknown): F {
  return new Proxy(
    original,
    bare({
      apply: (target: F, self: object, args: unknown[]) =>
        around({ self, args: iterable(args), run: (others = args) => apply(target, self, others as never[]) }),
    }),
  );
}

/** Looks at something without disturbing the page: what fails is reported, not thrown. */
export function quietly<T>(what: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    lose(`${what} was not recorded: ${told(error)}`);
    return undefined;
  }
}

/** What the page threw may itself throw when it is asked. */
function told(error: unknown): string {
  try {
    return `${error}`;
  } catch {
    return 'it failed';
  }
}

/** {@link quietly} for what takes time. */
export async function quietlyAfter<T>(what: string, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await settled(look());
  } catch (error) {
    lose(`${what} was not recorded: ${told(error)}`);
    return undefined;
  }
}

/** UTF-8, whatever the page makes of the platform's encoder. */
export function encodeText(text: string): Uint8Array {
  return apply(encode, encoder, [text]);
}

/** The bytes of a Blob, in an object that no `then` of the page's is inherited by. */
export async function bytesOfBlob(blob: Blob): Promise<{ bytes: Uint8Array }> {
  return bare({ bytes: bytesOf(await settled(apply(arrayBuffer, blob, []) as Promise<ArrayBuffer>))! });
}
