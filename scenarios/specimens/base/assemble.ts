/** WebAssembly's text format (WebAssembly Core Specification, chapter 6). */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The module that a file in the text format stands for. Rejects where it has errors. */
export async function assemble(path: string): Promise<Uint8Array<ArrayBuffer>> {
  // Loaded here as it is large and few specimens need it.
  const { default: load } = await import('wabt');
  const module = (await load()).parseWat(basename(path), readFileSync(path));
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
