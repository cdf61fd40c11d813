/**
 * The language's and the platform's own functions, taken before the page's first statement: what the page puts in their place
 * afterwards, on prototypes or on its own objects, the hooks never ask.
 */
import { lose } from './emit.ts';

const { apply, has } = Reflect;
const { create, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const describe = Function.prototype.toString;
const then = Promise.prototype.then as (...args: unknown[]) => Promise<unknown>;
const OwnPromise = Promise;

/** Calls a function of the platform on any object; it throws where the object is not of its kind, whatever that says of itself. */
export type Asked<T> = (self: unknown, ...args: unknown[]) => T;

/** The getter of an interface's attribute. */
export function getter<T>(owner: string, name: string): Asked<T> {
  return native(owner, name, 'get');
}

/** An interface's operation. */
export function method<T>(owner: string, name: string): Asked<T> {
  return native(owner, name, 'value');
}

/** In a paused worker some interfaces come into being after the hooks do: then it has to look like the platform's when it is needed. */
function native<T>(owner: string, name: string, part: 'get' | 'value'): Asked<T> {
  let found = lookUp(owner, name, part);
  return (self, ...args) => {
    if (!found) {
      found = lookUp(owner, name, part);
      if (!found) throw new TypeError(`there is no ${owner} here`);
      if (apply(describe, found, []) !== `function ${part === 'get' ? 'get ' : ''}${name}() { [native code] }`) {
        found = undefined;
        lose(`the page put something else in the place of ${owner}.${name}`);
        throw new TypeError(`${owner}.${name} is not the platform's`);
      }
    }
    return apply(found, self, args) as T;
  };
}

function lookUp(owner: string, name: string, part: 'get' | 'value'): ((...args: never[]) => unknown) | undefined {
  const { prototype } = (globalThis as unknown as Record<string, { prototype?: object } | undefined>)[owner] ?? {};
  return prototype && getOwnPropertyDescriptor(prototype, name)?.[part];
}

/** Whether it is what a getter is for. */
export function isOf(ask: Asked<unknown>, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    ask(value);
    return true;
  } catch {
    return false;
  }
}

/** A WeakMap, WeakSet or Set that has its methods by itself. */
export function keep<T extends object>(collection: T): T {
  const prototype = getPrototypeOf(collection);
  for (const name of ['get', 'set', 'has', 'add', 'delete'])
    if (has(prototype, name)) defineProperty(collection, name, { value: prototype[name] });
  return collection;
}

/** A list that has nothing of `Array.prototype`: it is read and written by index. */
export function list<T>(): T[] {
  return setPrototypeOf([], null);
}

/** An array that can be taken apart, whatever the page makes of its prototype. */
export function iterable<T>(array: T[]): T[] {
  const iterate = () => {
    let index = 0;
    const next = () => bare(index < array.length ? { done: false, value: array[index++] } : { done: true });
    return bare({ next });
  };
  return defineProperty(array, Symbol.iterator, bare({ value: iterate }));
}

/** The same arguments but for one. */
export function replaced(args: unknown[], at: number, value: unknown): unknown[] {
  const copy = list<unknown>();
  for (let index = 0; index < args.length; index++) copy[index] = index === at ? value : args[index];
  return copy;
}

/** The object itself, without what its prototype would add to it. */
export function bare<T extends object>(object: T): T {
  return setPrototypeOf(object, null);
}

/** A promise of the platform, or of ours, made fit to be awaited: `await` asks a promise for its constructor, and else for `then`. */
export function settled<T>(promise: Promise<T> | T): Promise<T> | T {
  if (typeof promise === 'object' && promise !== null && getPrototypeOf(promise) === OwnPromise.prototype)
    defineProperty(promise, 'constructor', bare({ value: OwnPromise, configurable: true }));
  return promise;
}

/** Lets a promise fail in silence. */
export function ignoreFailure(promise: Promise<unknown>): void {
  apply(then, settled(promise) as object, [undefined, () => {}]);
}

export { apply, create, getPrototypeOf };

// --- bytes

export const Bytes = Uint8Array;
const { isView } = ArrayBuffer;
const typed = getPrototypeOf(Uint8Array.prototype);
const typedGetter = (name: PropertyKey) => getOwnPropertyDescriptor(typed, name)!.get as (this: unknown) => never;
const tag = typedGetter(Symbol.toStringTag);
const typedFace = ['buffer', 'byteOffset', 'byteLength'] as const;
const ofTyped = create(null);
const ofView = create(null);
for (const name of typedFace) {
  ofTyped[name] = typedGetter(name);
  ofView[name] = getOwnPropertyDescriptor(DataView.prototype, name)!.get;
}
const { set, toHex } = Uint8Array.prototype as unknown as { set: (from: Uint8Array) => void; toHex(): string };
const bufferLength = getter<number>('ArrayBuffer', 'byteLength');
const blobSize = getter<number>('Blob', 'size');

export function isBlob(value: unknown): value is Blob {
  return isOf(blobSize, value);
}

export function isBytes(value: unknown): value is Uint8Array {
  return typeof value === 'object' && apply(tag, value, []) === 'Uint8Array';
}

/** Whether it is a BufferSource. */
export function isSource(value: unknown): value is BufferSource {
  return isView(value) || isOf(bufferLength, value);
}

/** How many bytes a BufferSource has. */
export function lengthOf(source: ArrayBufferView | ArrayBuffer): number {
  if (!isView(source)) return bufferLength(source);
  return apply(apply(tag, source, []) === undefined ? ofView.byteLength : ofTyped.byteLength, source, []);
}

/** The bytes of a BufferSource, copied, `most` at most; undefined for anything else. */
export function bytesOf(source: unknown, most = Number.POSITIVE_INFINITY): Uint8Array | undefined {
  if (!isSource(source)) return undefined;
  const length = lengthOf(source);
  const taken = length < most ? length : most;
  const bytes = new Bytes(taken);
  const face = apply(tag, source, []) === undefined ? ofView : ofTyped;
  const part = isView(source)
    ? new Bytes(apply(face.buffer, source, []) as ArrayBuffer, apply(face.byteOffset, source, []), taken)
    : new Bytes(source as ArrayBuffer, 0, taken);
  apply(set, bytes, [part]);
  return bytes;
}

export function hexOf(bytes: Uint8Array): string {
  return apply(toHex, bytes, []);
}
