/** What identifies a file that a vantage point leaves in the recording's folder. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Length in bytes, and SHA-256 in hex. */
export async function digest(path: string): Promise<{ length: number; sha256: string }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(piece);
    length += piece.length;
  }
  return { length, sha256: hash.digest('hex') };
}
