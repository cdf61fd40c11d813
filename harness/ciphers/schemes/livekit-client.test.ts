/**
 * LiveKit's own code seals the frames here: the worker of the npm package livekit-client, in a real browser, driven by the
 * messages that its E2EEManager sends (src/e2ee/E2eeManager.ts, src/e2ee/types.ts).
 */
import { hkdfSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chromium, launchChromium } from '../../call/chromium.ts';
import { openAll, type SealedFrame } from '../scheme.ts';
import { scheme as livekit } from './livekit.ts';
import { scheme as passphrase } from './livekit-passphrase.ts';

const MINUTE = 60_000;
/** Frames of each medium that are waited for. */
const FRAMES = 40;

const worker = createRequire(import.meta.url).resolve('livekit-client/e2ee-worker');
const material = Uint8Array.from({ length: 32 }, (_, i) => i);
const words = 'correct horse battery staple';

/** In the page. `seal` gives frames before and after the worker, by the order in which they left. */
const PAGE = `
  const asHex = (frame) => new Uint8Array(frame.data).toHex();
  const about = (frame, medium) => {
    const { synchronizationSource: ssrc } = frame.getMetadata();
    return { medium, key: frame.type === 'key', ssrc, timestamp: frame.timestamp, data: asHex(frame) };
  };
  const tap = (see) => new TransformStream({ transform(frame, controller) { see(frame); controller.enqueue(frame); } });
  window.seal = async ({ options, key, keyIndex, packetTrailer, ratchets, frames }) => {
    const worker = new Worker('/worker.js');
    const participantIdentity = 'alice';
    const post = (kind, data, transfer = []) => worker.postMessage({ kind, data }, transfer);
    const answer = (kind) => new Promise((resolve) => worker.addEventListener('message', function listener({ data }) {
      if (data.kind !== kind) return;
      worker.removeEventListener('message', listener);
      resolve();
    }));
    const before = [], after = [];
    let enough;
    const collected = (count) => new Promise((resolve) => {
      const start = after.length;
      const have = (medium) => after.slice(start).filter((frame) => frame.medium === medium).length;
      enough = () => have('audio') >= count && have('video') >= count && resolve();
    });

    const acknowledged = answer('initAck');
    post('init', { keyProviderOptions: options, loglevel: 'warn' });
    await acknowledged;
    const [name, bytes] = typeof key === 'string'
      ? [{ name: 'PBKDF2' }, new TextEncoder().encode(key)]
      : ['HKDF', Uint8Array.from(key)];
    const imported = await crypto.subtle.importKey('raw', bytes, name, false, ['deriveBits', 'deriveKey']);
    const owner = options.sharedKey ? undefined : participantIdentity;
    post('setKey', { participantIdentity: owner, isPublisher: true, key: imported, keyIndex, updateCurrentKeyIndex: true });
    const enabled = answer('enable');
    post('enable', { participantIdentity, enabled: true });
    await enabled;

    const peers = [0, 1].map(() => new RTCPeerConnection({ encodedInsertableStreams: true }));
    const [one, two] = peers;
    one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
    two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
    two.ontrack = ({ receiver }) => {
      const { readable, writable } = receiver.createEncodedStreams();
      readable.pipeTo(writable);
    };
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
    for (const track of media.getTracks()) {
      const { readable, writable } = one.addTrack(track, media).createEncodedStreams();
      const plain = readable.pipeThrough(tap((frame) => before.push(about(frame, track.kind))));
      const sealed = tap((frame) => { after.push(about(frame, track.kind)); enough?.(); });
      sealed.readable.pipeTo(writable);
      const isVideo = track.kind === 'video';
      post('encode', {
        readableStream: plain,
        writableStream: sealed.writable,
        participantIdentity,
        trackId: track.id,
        hasPacketTrailer: isVideo && packetTrailer !== undefined,
        packetTrailer: isVideo ? packetTrailer : undefined,
      }, [plain, sealed.writable]);
    }
    const first = collected(frames);
    await one.setLocalDescription();
    await two.setRemoteDescription(one.localDescription);
    await two.setLocalDescription();
    await one.setRemoteDescription(two.localDescription);
    await first;
    if (ratchets) {
      post('ratchetRequest', { keyIndex });
      await collected(frames);
    }
    for (const peer of peers) peer.close();
    for (const track of media.getTracks()) track.stop();
    worker.terminate();
    return { before, after };
  };`;

type Told = Omit<SealedFrame, 'data'> & { data: string };

interface Options {
  options: Record<string, unknown>;
  key: string | number[];
  keyIndex?: number;
  packetTrailer?: { timestamp?: boolean; frameId?: boolean };
  ratchets?: boolean;
}

/** `KEY_PROVIDER_DEFAULTS` of src/e2ee/constants.ts. */
const DEFAULTS = {
  sharedKey: false,
  ratchetSalt: 'LKFrameEncryptionKey',
  ratchetWindowSize: 8,
  failureTolerance: 10,
  keyringSize: 16,
  keySize: 128,
};
/** As `ExternalE2EEKeyProvider` changes them. */
const SHARED = { ...DEFAULTS, sharedKey: true, ratchetWindowSize: 0, failureTolerance: -1 };

describe("LiveKit's own client", { timeout: MINUTE }, () => {
  let browser: Chromium;
  let server: Server;

  beforeAll(async () => {
    const files: Record<string, [type: string, body: string | Buffer]> = {
      '/': ['text/html', `<!doctype html><script>${PAGE}</script>`],
      '/worker.js': ['text/javascript', readFileSync(worker)],
    };
    server = createServer((request, response) => {
      const [type, body] = files[request.url!] ?? ['text/plain', undefined];
      response.writeHead(body ? 200 : 404, { 'content-type': type });
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await launchChromium({ reach: 'loopback' });
    await browser.page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }, MINUTE);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function seal(options: Options): Promise<{ before: SealedFrame[]; after: SealedFrame[] }> {
    const told = await browser.page.evaluate(
      (options) =>
        (window as unknown as { seal(o: unknown): Promise<{ before: Told[]; after: Told[] }> }).seal(options),
      { ...options, frames: FRAMES },
    );
    const bytes = (frames: Told[]) => frames.map((frame) => ({ ...frame, data: Buffer.from(frame.data, 'hex') }));
    return { before: bytes(told.before), after: bytes(told.after) };
  }

  /** What was opened is what the encoder gave, under the nonce that FrameCryptor.makeIV makes. */
  function expectOpened(
    scheme: typeof livekit,
    secret: Uint8Array,
    { before, after }: { before: SealedFrame[]; after: SealedFrame[] },
    keyIndex: number,
    keyBits = 128,
  ): void {
    const opened = openAll(scheme, after, secret)!;
    expect(opened).toHaveLength(after.length);
    const plain = new Map(before.map((frame) => [`${frame.ssrc} ${frame.timestamp}`, frame]));
    for (const [index, frame] of after.entries()) {
      const { plaintext, nonce, keyId, clearPrefix } = opened[index]!;
      const clear = frame.medium === 'audio' ? 1 : frame.key ? 10 : 3;
      expect(plaintext).toEqual(plain.get(`${frame.ssrc} ${frame.timestamp}`)!.data);
      expect({ keyId, clearPrefix }).toEqual({ keyId: BigInt(keyIndex), clearPrefix: clear });
      expect(Buffer.from(nonce!).readUInt32BE(0)).toBe(frame.ssrc);
      expect(Buffer.from(nonce!).readUInt32BE(4)).toBe(frame.timestamp);
    }
    expect(new Set(opened.map(({ nonce }) => Buffer.from(nonce!).toString('hex'))).size).toBe(after.length);
    expect(opened[0]!.cipher).toEqual({ algorithm: 'AES', mode: 'GCM', keyBits, tagBits: 128 });
  }

  const opens = (secret: Uint8Array, frame: SealedFrame) => livekit.prepare(secret)!(frame) !== undefined;

  it('seals with a passphrase as ours opens', async () => {
    const frames = await seal({ options: SHARED, key: words });
    expectOpened(passphrase, Buffer.from(words), frames, 0);
    const wrong = passphrase.prepare(Buffer.from('correct horse battery stable'))!;
    expect(frames.after.filter((frame) => wrong(frame))).toEqual([]);
  });

  it('seals with a raw key as ours opens, before and after the key was ratcheted', async () => {
    const frames = await seal({ options: SHARED, key: [...material], keyIndex: 5, ratchets: true });
    expectOpened(livekit, material, frames, 5);
    const next = Buffer.from(hkdfSync('sha256', material, 'LKFrameEncryptionKey', Buffer.alloc(128), 32));
    expect([frames.after[0]!, frames.after.at(-1)!].map((frame) => opens(next, frame))).toEqual([false, true]);
    expect(frames.after.filter((frame) => opens(material.toReversed(), frame))).toEqual([]);
  });

  it("seals with a participant's own key of 256 bits, and appends metadata", async () => {
    const packetTrailer = { timestamp: true, frameId: true };
    const frames = await seal({ options: { ...DEFAULTS, keySize: 256 }, key: [...material], packetTrailer });
    const ends = frames.after.filter(({ medium }) => medium === 'video').map(({ data }) => data.subarray(-4));
    expect(ends.map(String)).toEqual(ends.map(() => 'LKTS'));
    expectOpened(livekit, material, frames, 0, 256);
  });
});
