/** The cipher of `aes.wat`. */

const COUNTER_BYTES = 16;

interface Exports {
  memory: WebAssembly.Memory;
  key: WebAssembly.Global<'i32'>;
  counter: WebAssembly.Global<'i32'>;
  data: WebAssembly.Global<'i32'>;
  expandKey(): void;
  crypt(length: number): void;
}

/**
 * AES-256 in counter mode, both ways. `key`: 32 bytes. `counter`: the first counter block, 16 bytes; it is counted up as a
 * number of 128 bits. Throws a RangeError for more data than the module's memory holds, almost 4 MiB.
 */
export type AesCtr = (key: Uint8Array, counter: Uint8Array, data: Uint8Array) => Uint8Array<ArrayBuffer>;

/** `module`: what `aes.wat` assembles to. */
export async function instantiateAes(module: WebAssembly.Module): Promise<AesCtr> {
  const instance = await WebAssembly.instantiate(module);
  const aes = instance.exports as unknown as Exports;
  const memory = new Uint8Array(aes.memory.buffer);
  return (key, counter, data) => {
    memory.set(key, aes.key.value);
    aes.expandKey();
    memory.set(counter.subarray(0, COUNTER_BYTES), aes.counter.value);
    memory.set(data, aes.data.value);
    aes.crypt(data.length);
    return memory.slice(aes.data.value, aes.data.value + data.length);
  };
}
