import { expect, test } from 'vitest';
import { bundleClient } from './bundle.ts';

test('a specimen without browser code has the page that leaves the frames alone', async () => {
  const files = await bundleClient('transport-only');
  expect([...files.keys()]).toEqual(['/page.js']);
  expect(files.get('/page.js')!.content).not.toContain('RTCRtpScriptTransform');
});

test('one with a page has a worker: its own, or the one with AES-GCM', async () => {
  const page = await bundleClient('passphrase');
  expect([...page.keys()].sort()).toEqual(['/page.js', '/worker.js']);
  expect(page.get('/worker.js')!.content).toContain('AES-GCM');
  expect((await bundleClient('xor')).get('/worker.js')!.content).not.toContain('AES-GCM');
});

test('WebAssembly is assembled, and found where the worker looks for it', async () => {
  const files = await bundleClient('wasm-server-key');
  expect(files.get('/worker.js')!.content).toContain('"/aes.wasm"');
  const { type, content } = files.get('/aes.wasm')!;
  expect(type).toBe('application/wasm');
  expect(WebAssembly.validate(content as Uint8Array<ArrayBuffer>)).toBe(true);
});
