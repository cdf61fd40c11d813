/** Writes a file piece by piece that is for its owner's eyes only, and is there whole or not at all. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { InterchangeError } from './source.ts';

const PRIVATE_FILE = 0o600;
/** Bytes that wait until they are written together. */
const BATCH = 1 << 20;

/**
 * Writes to a temporary name beside the file, mode 0600, then renames.
 * @param write is handed a function that appends
 * @throws InterchangeError where the file can't be written; whatever `write` throws. Nothing is left behind then.
 */
export function writePrivately(path: string, write: (append: (piece: Uint8Array | string) => void) => void): void {
  const next = `${path}.${randomUUID()}.new`;
  const naming = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new InterchangeError(`${path} cannot be written: ${(error as NodeJS.ErrnoException).code}`);
    }
  };
  const file = naming(() => openSync(next, 'wx', PRIVATE_FILE));
  try {
    let waiting: Buffer[] = [];
    let length = 0;
    const flush = () => {
      const bytes = Buffer.concat(waiting);
      [waiting, length] = [[], 0];
      for (let done = 0; done < bytes.length; ) done += naming(() => writeSync(file, bytes, done));
    };
    try {
      write((piece) => {
        const bytes = Buffer.from(piece);
        waiting.push(bytes);
        length += bytes.length;
        if (length >= BATCH) flush();
      });
      flush();
    } finally {
      closeSync(file);
    }
    naming(() => renameSync(next, path));
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}
