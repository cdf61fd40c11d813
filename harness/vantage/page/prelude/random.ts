/** Randomness that the page drew from the platform (W3C Web Cryptography Level 2, section 10). */
import { emit } from './emit.ts';
import { encodeText, hookMethod, quietly } from './hook.ts';
import { bytesOf } from './natives.ts';

export function hookRandom(): void {
  // Worklets have none.
  if (!globalThis.crypto) return;
  const prototype = Object.getPrototypeOf(crypto);
  hookMethod(prototype, 'getRandomValues', ({ run }) => {
    const array = run();
    quietly('a random value', () => emit('crypto.random', { value: bytesOf(array) }));
    return array;
  });
  // Only in secure contexts.
  if (!('randomUUID' in prototype)) return;
  hookMethod(prototype, 'randomUUID', ({ run }) => {
    const uuid = run();
    quietly('a random UUID', () => emit('crypto.random', { value: encodeText(uuid as string) }));
    return uuid;
  });
}
