/** The host to which clients post their keys for recovery. */
import { z } from 'zod';
import type { Host } from './specimen.ts';

const upload = z.strictObject({ backup: z.base64() });
const backup = z.strictObject({ v: z.literal(1), blob: z.hex() });

/** Takes `{"backup": base64({"v": 1, "blob": hex})}`, blobs of so many bytes, at `/keys`, and answers how many it has. */
export function backupHost(blobBytes: number): Host {
  const blobs: string[] = [];
  return {
    address: '127.0.0.4',
    post: {
      '/keys'(body) {
        const text = Buffer.from(upload.parse(body).backup, 'base64').toString();
        const { blob } = backup.parse(JSON.parse(text));
        if (blob.length !== 2 * blobBytes) throw new Error(`expected ${blobBytes} bytes`);
        return { backups: blobs.push(blob) };
      },
    },
  };
}
