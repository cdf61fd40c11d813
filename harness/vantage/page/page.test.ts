import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  pbkdf2Sync,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { type Chromium, launchChromium } from '../../call/chromium.ts';
import { type EventType, type NewEvent, SMALL_BYTES } from '../../recording/format.ts';
import type { Cdp } from './cdp.ts';
import { type PageVantage, startPageVantage } from './page.ts';

const MINUTE = 60_000;
/** For what arrives by another way than what the test awaits; it is there long before, or not at all. */
const WAIT = { timeout: 20_000, interval: 20 };

/** Path to content; scripts end with `.js`. */
type Files = Record<string, string>;

interface Site {
  url: string;
  port: number;
  close(): void;
}

/** @param headers go with every answer. */
async function serve(files: Files, headers: Record<string, string> = {}): Promise<Site> {
  const server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!;
    const body = files[path];
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type, ...headers });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close: () => server.close() };
}

class Watched {
  readonly browser: Chromium;
  readonly vantage: PageVantage;
  readonly events: NewEvent[];

  /** @param through stands between the vantage point and the browser's protocol. */
  static async start(through: (cdp: Cdp) => Cdp = (cdp) => cdp): Promise<Watched> {
    const browser = await launchChromium({ reach: 'anywhere' });
    const events: NewEvent[] = [];
    const sink = { append: (event: NewEvent) => events.push(event) };
    try {
      return new Watched(browser, await startPageVantage(through(browser.cdp), 'alice', sink), events);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  private constructor(browser: Chromium, vantage: PageVantage, events: NewEvent[]) {
    this.browser = browser;
    this.vantage = vantage;
    this.events = events;
  }

  of<T extends EventType>(type: T): NewEvent<T>[] {
    return this.events.filter((event): event is NewEvent<T> => event.type === type);
  }
}

const hex = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('hex');

describe('the hooks are there before the first statement', { timeout: MINUTE }, () => {
  /** Draws 16 random bytes in its very first statement and reports them. */
  const FIRST = 'const first = crypto.getRandomValues(new Uint8Array(16)); const report = first.toHex();';
  const WORKER = `${FIRST} postMessage(report);`;
  const HOST = `
    window.reports = [];
    window.start = (kind) => new Promise((resolve, reject) => {
      const make = {
        classic: () => new Worker('/worker.js'),
        module: () => new Worker('/worker.js', { type: 'module' }),
        nested: () => new Worker('/outer.js'),
        blob: () => new Worker(URL.createObjectURL(new Blob([${JSON.stringify(WORKER)}]))),
        data: () => new Worker('data:text/javascript,' + encodeURIComponent(${JSON.stringify(WORKER)})),
      }[kind];
      const worker = make();
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });`;
  const FILES = {
    '/': '<!doctype html><script src="/host.js"></script>',
    '/host.js': HOST,
    '/worker.js': WORKER,
    '/outer.js': `${FIRST} new Worker('/worker.js').onmessage = ({ data }) => postMessage(report + data);`,
    '/first.html': `<!doctype html><script>${FIRST}; window.report = report;</script>`,
    '/frame.html': `<!doctype html><script src="/host.js"></script><script>
      ${FIRST} start('classic').then((worker) => parent.postMessage(report + worker, '*'));</script>`,
  };
  let watched: Watched;
  let site: Site;
  let strict: Site;

  beforeAll(async () => {
    site = await serve(FILES);
    strict = await serve(FILES, {
      'content-security-policy': "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'none'",
    });
    watched = await Watched.start();
  }, MINUTE);
  afterAll(async () => {
    await watched?.browser.close();
    site.close();
    strict.close();
  });
  afterEach(async () => {
    expect(await watched.vantage.health()).toEqual({ state: 'alive', detail: expect.any(String) });
  });

  /** Each 16 bytes of the reports are the first random bytes of a realm. They come by another way than the reports. */
  async function expectRecorded(reports: string[]): Promise<void> {
    const drawn = reports.join('').match(/.{32}/g)!;
    await vi.waitFor(() => expect(firsts()).toEqual(expect.arrayContaining(drawn)), WAIT);
  }

  function firsts(): string[] {
    const byRealm = new Map<string, string>();
    for (const { realm, value } of watched.of('crypto.random')) if (!byRealm.has(realm)) byRealm.set(realm, hex(value));
    return [...byRealm.values()];
  }

  const ten = (kind: string) =>
    watched.browser.page.evaluate(
      (kind) =>
        Promise.all(
          Array.from({ length: 10 }, () => (window as unknown as { start(kind: string): Promise<string> }).start(kind)),
        ),
      kind,
    );

  test.each(['classic', 'module', 'nested', 'blob', 'data'])('of %s workers', async (kind) => {
    await watched.browser.page.goto(site.url);
    await expectRecorded(await ten(kind));
  });

  test.each(['classic', 'module', 'nested'])('of %s workers under a strict content security policy', async (kind) => {
    await watched.browser.page.goto(strict.url);
    await expectRecorded(await ten(kind));
  });

  test('of cross-origin iframes, and of their workers', async () => {
    await watched.browser.page.goto(site.url);
    const reports = await watched.browser.page.evaluate(
      (url) =>
        new Promise<string[]>((resolve) => {
          const reports: string[] = [];
          addEventListener('message', ({ data }) => {
            if (reports.push(data) === 10) resolve(reports);
          });
          for (let index = 0; index < 10; index++) {
            const frame = document.createElement('iframe');
            frame.src = url;
            document.body.append(frame);
          }
        }),
      `http://localhost:${site.port}/frame.html`,
    );
    await expectRecorded(reports);
    expect(watched.of('vantage.realm')).toContainEqual(
      expect.objectContaining({ kind: 'iframe', url: `http://localhost:${site.port}/frame.html` }),
    );
  });

  test('of pages, and of pages that they open', async () => {
    const { page } = watched.browser;
    await page.goto(`${site.url}/first.html`);
    const opened = page.waitForEvent('popup');
    await page.evaluate(() => void window.open('/first.html?opened'));
    const popup = await opened;
    await popup.waitForFunction(() => 'report' in window);
    const report = () => (window as unknown as { report: string }).report;
    await expectRecorded([await page.evaluate(report), await popup.evaluate(report)]);
    await popup.close();
  });

  test('of an empty iframe whose window the page takes at once', async () => {
    await watched.browser.page.goto(site.url);
    const report = await watched.browser.page.evaluate(() => {
      const frame = document.createElement('iframe');
      document.body.append(frame);
      const { crypto } = frame.contentWindow as Window & typeof globalThis;
      return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
        '',
      );
    });
    await expectRecorded([report]);
  });

  test('of a shared worker', async () => {
    await watched.browser.page.goto(site.url);
    const report = await watched.browser.page.evaluate(
      (source) =>
        new Promise<string>((resolve) => {
          const worker = new SharedWorker(`data:text/javascript,${encodeURIComponent(source)}`);
          worker.port.onmessage = ({ data }) => resolve(data);
        }),
      `${FIRST} onconnect = ({ ports: [port] }) => port.postMessage(report);`,
    );
    await expectRecorded([report]);
  });

  test('of an audio worklet, which draws no randomness', async () => {
    await watched.browser.page.goto(site.url);
    const before = watched.of('vantage.realm').length;
    await watched.browser.page.evaluate(async () => {
      const context = new AudioContext();
      const source = `registerProcessor('p', class extends AudioWorkletProcessor { process() { return true; } });`;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
      new AudioWorkletNode(context, 'p').connect(context.destination);
    });
    const kinds = () =>
      watched
        .of('vantage.realm')
        .slice(before)
        .map(({ kind }) => kind);
    await vi.waitFor(() => expect(kinds()).toContain('worklet'), WAIT);
  });
});

describe('WebCrypto', { timeout: MINUTE }, () => {
  /** What an application may find out: of each key its face, of each refusal its name and message. */
  const SURVEY = `
    const subtle = crypto.subtle, bytes = (n, from = 1) => Uint8Array.from({ length: n }, (_, i) => i + from);
    const gcm = (n = 12) => ({ name: 'AES-GCM', iv: bytes(n) });
    const face = (value) => {
      if (value instanceof CryptoKey) {
        const { type, extractable, algorithm, usages } = value;
        return { type, extractable, usages, algorithm: { ...algorithm, publicExponent: String(algorithm.publicExponent) } };
      }
      if (value?.privateKey) return { publicKey: face(value.publicKey), privateKey: face(value.privateKey) };
      if (value instanceof ArrayBuffer) return 'bytes ' + value.byteLength;
      return typeof value === 'object' ? Object.keys(value).sort() : String(value);
    };
    const survey = async () => {
      const found = {};
      const look = async (name, act) => {
        try { const value = await act(); found[name] = face(value); return value; }
        catch (error) { found[name] = error.name + ': ' + error.message; }
      };
      const both = async (name, act) => { await look(name + ' not extractable', () => act(false)); return look(name + ' extractable', () => act(true)); };
      const keyed = [
        ['AES-GCM', { name: 'AES-GCM', length: 256 }, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']],
        ['aes-ctr', { name: 'aes-ctr', length: 128 }, ['encrypt']],
        ['AES-KW', { name: 'AES-KW', length: 128 }, ['wrapKey', 'unwrapKey']],
        ['HMAC', { name: 'HMAC', hash: 'SHA-256' }, ['sign', 'verify']],
        ['HMAC of 9 bits', { name: 'HMAC', hash: 'SHA-1', length: 9 }, ['sign']],
        ['ECDH', { name: 'ECDH', namedCurve: 'P-256' }, ['deriveBits', 'deriveKey']],
        ['X25519', { name: 'X25519' }, ['deriveBits', 'deriveKey']],
        ['Ed25519', { name: 'Ed25519' }, ['sign', 'verify']],
        ['ECDSA', { name: 'ECDSA', namedCurve: 'P-384' }, ['sign', 'verify']],
        ['RSA-OAEP', { name: 'RSA-OAEP', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, ['encrypt', 'decrypt']],
        ['no usages', { name: 'AES-GCM', length: 256 }, []],
        ['a wrong usage', { name: 'AES-GCM', length: 256 }, ['sign']],
        ['a wrong length', { name: 'AES-GCM', length: 7 }, ['encrypt']],
        ['no algorithm', { name: 'ROT13' }, ['encrypt']],
      ];
      for (const [name, algorithm, usages] of keyed) await both('generate ' + name, (ext) => subtle.generateKey(algorithm, ext, usages));
      await look('generate with too few arguments', () => subtle.generateKey('AES-GCM'));
      await look('generate with null', () => subtle.generateKey(null, false, ['encrypt']));
      await look('generate on something else', () => subtle.generateKey.call({}, 'AES-GCM', false, []));
      const jwk = { kty: 'oct', k: 'AAECAwQFBgcICQoLDA0ODw', alg: 'A128GCM' };
      await both('import raw', (ext) => subtle.importKey('raw', bytes(16), 'AES-GCM', ext, ['encrypt']));
      await both('import jwk', (ext) => subtle.importKey('jwk', jwk, 'AES-GCM', ext, ['encrypt']));
      await both('import jwk ext false', (ext) => subtle.importKey('jwk', { ...jwk, ext: false }, 'AES-GCM', ext, ['encrypt']));
      await both('import jwk with the wrong alg', (ext) => subtle.importKey('jwk', { ...jwk, alg: 'A256GCM' }, 'AES-GCM', ext, ['encrypt']));
      await both('import jwk of bytes', (ext) => subtle.importKey('jwk', bytes(16), 'AES-GCM', ext, ['encrypt']));
      await both('import of 5 bytes', (ext) => subtle.importKey('raw', bytes(5), 'AES-GCM', ext, ['encrypt']));
      await both('import of a wrong format', (ext) => subtle.importKey('bogus', bytes(16), 'AES-GCM', ext, ['encrypt']));
      for (const kdf of ['HKDF', 'PBKDF2']) await both('import ' + kdf, (ext) => subtle.importKey('raw', bytes(16), kdf, ext, ['deriveKey', 'deriveBits']));
      const ec = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits', 'deriveKey']);
      const ed = await subtle.generateKey('Ed25519', false, ['sign', 'verify']);
      const hkdf = await subtle.importKey('raw', bytes(16), 'HKDF', false, ['deriveKey', 'deriveBits']);
      const hk = { name: 'HKDF', hash: 'SHA-256', salt: bytes(8), info: bytes(3) };
      const ecdh = { name: 'ECDH', public: ec.publicKey };
      await both('derive by HKDF', (ext) => subtle.deriveKey(hk, hkdf, { name: 'AES-GCM', length: 128 }, ext, ['encrypt']));
      await both('derive by ECDH', (ext) => subtle.deriveKey(ecdh, ec.privateKey, { name: 'AES-GCM', length: 128 }, ext, ['encrypt']));
      await both('derive to HKDF', (ext) => subtle.deriveKey(ecdh, ec.privateKey, 'HKDF', ext, ['deriveKey']));
      await look('derive bits', () => subtle.deriveBits(hk, hkdf, 128));
      await look('derive 7 bits', () => subtle.deriveBits(hk, hkdf, 7));
      await look('derive bits without a length', () => subtle.deriveBits(ecdh, ec.privateKey));
      await look('derive with a wrong key', () => subtle.deriveBits(hk, ec.privateKey, 128));
      const sealed = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);
      const open = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt', 'decrypt']);
      const noWrap = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt']);
      for (const format of ['raw', 'jwk', 'spki', 'pkcs8', 'bogus']) {
        for (const [name, key] of Object.entries({ sealed, open, private: ec.privateKey, public: ec.publicKey, sign: ed.privateKey, hkdf })) {
          await look('export ' + name + ' as ' + format, () => subtle.exportKey(format, key));
          await look('wrap ' + name + ' as ' + format, () => subtle.wrapKey(format, key, sealed, gcm()));
        }
      }
      await look('wrap sealed without the right to wrap', () => subtle.wrapKey('raw', sealed, noWrap, gcm()));
      await look('wrap sealed with a wrong algorithm', () => subtle.wrapKey('raw', sealed, sealed, 'AES-KW'));
      await look('export nothing', () => subtle.exportKey('raw'));
      await look('export a plain object', () => subtle.exportKey('raw', {}));
      const wrapped = await subtle.wrapKey('raw', open, sealed, gcm());
      await both('unwrap', (ext) => subtle.unwrapKey('raw', wrapped, sealed, gcm(), 'AES-GCM', ext, ['encrypt']));
      await both('unwrap with a wrong nonce', (ext) => subtle.unwrapKey('raw', wrapped, sealed, gcm(13), 'AES-GCM', ext, ['encrypt']));
      const forbidding = await subtle.encrypt(gcm(), sealed, new TextEncoder().encode(JSON.stringify({ ...jwk, ext: false })));
      await both('unwrap a jwk with ext false', (ext) => subtle.unwrapKey('jwk', forbidding, sealed, gcm(), 'AES-GCM', ext, ['encrypt']));
      const cipher = await subtle.encrypt(gcm(), sealed, bytes(100));
      await look('encrypt', () => subtle.encrypt(gcm(), sealed, bytes(100)));
      await look('decrypt', () => subtle.decrypt(gcm(), sealed, cipher));
      await look('decrypt with a wrong nonce', () => subtle.decrypt(gcm(13), sealed, cipher));
      await look('decrypt without the right', () => subtle.decrypt(gcm(), noWrap, cipher));
      await look('encrypt with a string', () => subtle.encrypt(gcm(), 'key', bytes(5)));
      await look('encrypt a string', () => subtle.encrypt(gcm(), sealed, 'text'));
      await look('encrypt with no nonce', () => subtle.encrypt('AES-GCM', sealed, bytes(5)));
      await look('sign', () => subtle.sign('Ed25519', ed.privateKey, bytes(5)));
      await look('verify', async () => subtle.verify('Ed25519', ed.publicKey, await subtle.sign('Ed25519', ed.privateKey, bytes(5)), bytes(5)));
      await look('verify what is wrong', () => subtle.verify('Ed25519', ed.publicKey, bytes(64), bytes(5)));
      await look('digest', () => subtle.digest('sha-256', bytes(5)));
      await look('digest by nothing', () => subtle.digest('MD5', bytes(5)));
      await look('random of floats', () => crypto.getRandomValues(new Float32Array(4)));
      await look('random of too much', () => crypto.getRandomValues(new Uint8Array(65537)));
      const array = new Uint8Array(4);
      found['random gives back its argument'] = crypto.getRandomValues(array) === array;
      const descriptors = (object) => Object.entries(Object.getOwnPropertyDescriptors(object)).map(([name, { value, get, ...rest }]) =>
        [name, typeof value, value?.name, value?.length, get?.name, get?.length, rest]);
      for (const of of [SubtleCrypto, CryptoKey, Crypto]) found['face of ' + of.name] = descriptors(of.prototype);
      found.globals = Object.getOwnPropertyNames(globalThis).filter((name) => !['survey', 'found'].includes(name)).sort();
      found.promise = subtle.digest('SHA-1', bytes(1)) instanceof Promise;
      return JSON.stringify(found, null, 1);
    };`;
  const FILES = {
    '/': `<!doctype html><script>${SURVEY}</script>`,
    '/worker.js': `${SURVEY} survey().then(postMessage);`,
  };
  const inPage = () => (globalThis as unknown as { survey(): Promise<string> }).survey?.();
  const inWorker = () =>
    new Promise<string>((resolve) => {
      new Worker('/worker.js').onmessage = ({ data }) => resolve(data);
    });
  let site: Site;
  let watched: Watched;

  beforeAll(async () => {
    site = await serve(FILES);
    watched = await Watched.start();
  }, MINUTE);
  afterAll(async () => {
    await watched?.browser.close();
    site.close();
  });
  beforeEach(async () => {
    await watched.browser.page.goto(site.url);
    watched.events.length = 0;
  });
  afterEach(async () => {
    expect(await watched.vantage.health()).toEqual({ state: 'alive', detail: expect.any(String) });
  });

  test('looks to the application as it does without the hooks', async () => {
    const plain = await launchChromium({ reach: 'loopback' });
    try {
      await plain.page.goto(site.url);
      const survey = 'survey()';
      expect(await watched.browser.page.evaluate(survey)).toBe(await plain.page.evaluate(survey));
      expect(await watched.browser.page.evaluate(inWorker)).toBe(await plain.page.evaluate(inWorker));
    } finally {
      await plain.close();
    }
    expect(inPage).toBeDefined();
  });

  async function run<T>(script: string): Promise<T> {
    const result = await watched.browser.page.evaluate(`(async () => { const subtle = crypto.subtle; ${script} })()`);
    // Answered after all that the page's realms had to tell.
    await watched.vantage.health();
    return result as T;
  }

  test('AES and HMAC keys that may not be exported are recorded with the bytes that open what they sealed', async () => {
    const signature = await run<string>(`
      const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
      return new Uint8Array(await subtle.sign('HMAC', key, new TextEncoder().encode('hello'))).toHex();`);
    const [key] = watched.of('crypto.key');
    expect(key).toMatchObject({
      kind: 'secret',
      via: 'generateKey',
      extractable: false,
      format: 'raw',
      usages: ['sign'],
    });
    expect(
      createHmac('sha256', key!.material as Uint8Array)
        .update('hello')
        .digest('hex'),
    ).toBe(signature);
    expect(watched.of('crypto.sign')).toEqual([
      expect.objectContaining({ key: key!.key, operation: 'sign', inputLength: 5, input: Buffer.from('hello') }),
    ]);
  });

  test('a cipher call is recorded with its parameters; long inputs and outputs are cut', async () => {
    const bytes = await run<string>(`
      const key = await subtle.importKey('raw', new Uint8Array(32).fill(7), 'aes-gcm', false, ['encrypt', 'decrypt']);
      const parameters = { name: 'aes-gcm', iv: new Uint8Array(12).fill(1), additionalData: new Uint8Array(3).fill(2), tagLength: 96 };
      const data = new Uint8Array(1000).fill(3);
      const promise = subtle.encrypt(parameters, key, data);
      data.fill(9); parameters.iv.fill(9);
      const sealed = await promise;
      parameters.iv.fill(1);
      await subtle.decrypt(parameters, key, sealed);
      await subtle.decrypt(parameters, key, new Uint8Array(20)).catch(() => {});
      return new Uint8Array(sealed).toHex();`);
    const [key] = watched.of('crypto.key');
    const [encrypt, decrypt, failed] = watched.of('crypto.cipher');
    expect(key).toMatchObject({ material: Buffer.alloc(32, 7), input: Buffer.alloc(32, 7), via: 'importKey' });
    expect(encrypt).toMatchObject({
      operation: 'encrypt',
      key: key!.key,
      algorithm: { name: 'AES-GCM', tagLength: 96 },
      iv: Buffer.alloc(12, 1),
      additionalData: Buffer.alloc(3, 2),
      input: Buffer.alloc(SMALL_BYTES, 3),
      inputLength: 1000,
      outputLength: 1012,
      ok: true,
    });
    expect(hex(encrypt!.output)).toBe(bytes.slice(0, 2 * SMALL_BYTES));
    expect(decrypt).toMatchObject({ operation: 'decrypt', output: Buffer.alloc(SMALL_BYTES, 3), ok: true });
    expect(failed).toMatchObject({ operation: 'decrypt', inputLength: 20, outputLength: 0, ok: false });
    expect(failed!.output).toBeUndefined();
  });

  test.each([
    ['ECDH', "{ name: 'ECDH', namedCurve: 'P-256' }"],
    ['X25519', "{ name: 'X25519' }"],
  ])('%s: private keys and what they agree on', async (name, algorithm) => {
    await run(`
      const mine = await subtle.generateKey(${algorithm}, false, ['deriveBits', 'deriveKey']);
      const theirs = await subtle.generateKey(${algorithm}, false, ['deriveBits']);
      const derivation = { name: '${name}', public: theirs.publicKey };
      await subtle.deriveBits(derivation, mine.privateKey, 256);
      await subtle.deriveKey(derivation, mine.privateKey, { name: 'AES-GCM', length: 256 }, false, ['encrypt']);`);
    const keys = new Map(watched.of('crypto.key').map((key) => [key.key, key]));
    const [bits, derived] = watched.of('crypto.derive');
    const der = (id: string) => Buffer.from(keys.get(id)!.material as Uint8Array);
    const secret = diffieHellman({
      privateKey: createPrivateKey({ key: der(bits!.base), format: 'der', type: 'pkcs8' }),
      publicKey: createPublicKey({ key: der(bits!.peer!), format: 'der', type: 'spki' }),
    });
    expect(bits).toMatchObject({ algorithm: { name }, value: secret });
    expect(keys.get(derived!.key!)).toMatchObject({ via: 'deriveKey', material: secret, extractable: false });
  });

  test('HKDF and PBKDF2: base keys, salt, info and iterations', async () => {
    await run(`
      const text = new TextEncoder().encode('passphrase');
      const base = await subtle.importKey('raw', text, 'PBKDF2', false, ['deriveKey', 'deriveBits']);
      const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8).fill(1), iterations: 1000 };
      await subtle.deriveKey(pbkdf2, base, { name: 'AES-GCM', length: 128 }, false, ['encrypt']);
      const second = await subtle.importKey('raw', text, 'HKDF', false, ['deriveBits']);
      await subtle.deriveBits({ name: 'HKDF', hash: 'SHA-512', salt: new Uint8Array(4), info: new Uint8Array(2).fill(5) }, second, 128);
      const bits = { name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 2 };
      const third = await subtle.deriveKey(bits, base, 'HKDF', false, ['deriveBits']).catch(() => undefined);`);
    const keys = watched.of('crypto.key');
    const passphrase = Buffer.from('passphrase');
    expect(keys[0]).toMatchObject({ material: passphrase, input: passphrase, algorithm: { name: 'PBKDF2' } });
    const [fromPassphrase, fromHkdf] = watched.of('crypto.derive');
    expect(fromPassphrase).toMatchObject({
      base: keys[0]!.key,
      algorithm: { name: 'PBKDF2', hash: 'SHA-256', iterations: 1000 },
      salt: Buffer.alloc(8, 1),
      key: keys[1]!.key,
    });
    expect(keys[1]!.material).toEqual(pbkdf2Sync('passphrase', Buffer.alloc(8, 1), 1000, 16, 'sha256'));
    expect(fromHkdf).toMatchObject({ algorithm: { name: 'HKDF', hash: 'SHA-512' }, info: Buffer.alloc(2, 5) });
    expect(fromHkdf!.value).toEqual(
      Buffer.from(hkdfSync('sha512', passphrase, Buffer.alloc(4), Buffer.alloc(2, 5), 16)),
    );
  });

  test('wrapping, unwrapping and exporting', async () => {
    await run(`
      const by = await subtle.generateKey({ name: 'AES-KW', length: 128 }, false, ['wrapKey', 'unwrapKey']);
      const key = await subtle.importKey('raw', new Uint8Array(16).fill(4), 'AES-GCM', true, ['encrypt']);
      const wrapped = await subtle.wrapKey('raw', key, by, 'AES-KW');
      await subtle.unwrapKey('raw', wrapped, by, 'AES-KW', 'AES-GCM', false, ['encrypt']);
      await subtle.exportKey('jwk', key);
      const gcm = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']);
      const how = { name: 'AES-GCM', iv: new Uint8Array(12).fill(5), additionalData: new Uint8Array(3).fill(6) };
      const sealed = await subtle.wrapKey('raw', key, gcm, how);
      await subtle.unwrapKey('raw', sealed, gcm, how, 'AES-GCM', false, ['encrypt']);`);
    const [by, key, unwrapped, gcm, opened] = watched.of('crypto.key');
    const [wrap, jwk, sealed] = watched.of('crypto.export');
    expect(wrap).toMatchObject({ via: 'wrapKey', key: key!.key, by: by!.key, format: 'raw' });
    expect(unwrapped).toMatchObject({
      via: 'unwrapKey',
      by: by!.key,
      input: wrap!.value,
      material: Buffer.alloc(16, 4),
      extractable: false,
    });
    expect(JSON.parse(Buffer.from(jwk!.value as Uint8Array).toString())).toMatchObject({ kty: 'oct', ext: true });
    const how = {
      ...{ by: gcm!.key, wrapping: { name: 'AES-GCM' } },
      ...{ iv: Buffer.alloc(12, 5), additionalData: Buffer.alloc(3, 6) },
    };
    expect(sealed).toMatchObject({ via: 'wrapKey', key: key!.key, ...how });
    expect(opened).toMatchObject({ via: 'unwrapKey', input: sealed!.value, material: Buffer.alloc(16, 4), ...how });
  });

  test('randomness and digests', async () => {
    const { uuid, numbers } = await run<{ uuid: string; numbers: number[] }>(`
      await subtle.digest({ name: 'sha-384' }, new TextEncoder().encode('abc'));
      return { uuid: crypto.randomUUID(), numbers: [...crypto.getRandomValues(new Uint16Array(3))] };`);
    const values = watched.of('crypto.random').map(({ value }) => Buffer.from(value as Uint8Array));
    expect(values).toEqual([Buffer.from(uuid), Buffer.from(Uint16Array.from(numbers).buffer)]);
    expect(watched.of('crypto.digest')).toEqual([
      expect.objectContaining({ algorithm: { name: 'SHA-384' }, value: createHash('sha384').update('abc').digest() }),
    ]);
  });

  test('what is encapsulated is recorded with the public key that it is for', async () => {
    await watched.browser.page.evaluate(`(async () => {
      const kem = { name: 'ML-KEM-768' };
      const uses = ['encapsulateBits', 'encapsulateKey', 'decapsulateBits', 'decapsulateKey'];
      const { publicKey } = await crypto.subtle.generateKey(kem, true, uses);
      const raw = await crypto.subtle.exportKey('raw-public', publicKey);
      const theirs = await crypto.subtle.importKey('raw-public', raw, kem, true, uses.slice(0, 2));
      await crypto.subtle.encapsulateBits(kem, theirs);
      await crypto.subtle.encapsulateKey(kem, theirs, 'AES-GCM', false, ['encrypt']);
    })()`);
    const [made, theirs] = watched.of('crypto.key').filter(({ kind }) => kind === 'public');
    expect(hex(theirs!.material)).toBe(hex(made!.material));
    const shared = watched.of('crypto.key').find(({ kind }) => kind === 'secret')!;
    expect(watched.of('crypto.derive')).toEqual([
      expect.objectContaining({ peer: theirs!.key, value: watched.of('crypto.random')[0]!.value }),
      expect.objectContaining({ peer: theirs!.key, key: shared.key }),
    ]);
  });

  test('what was drawn is recorded, whatever the page makes of its array and of the language', async () => {
    const drawn = await watched.browser.page.evaluate(`(async () => {
      const array = new Uint8Array(32);
      Object.defineProperty(array, 'buffer', { value: new ArrayBuffer(32) });
      Object.defineProperty(array, 'byteLength', { value: 32 });
      Object.defineProperty(array, 'byteOffset', { value: 0 });
      Object.defineProperty(Uint8Array, Symbol.hasInstance, { value: () => false });
      Uint8Array.prototype.set = Math.min = () => 0;
      crypto.getRandomValues(array);
      Array.prototype[Symbol.iterator] = function* () { yield 'forged'; };
      const key = await crypto.subtle.importKey('raw', array, 'AES-GCM', false, ['encrypt']);
      Object.defineProperty(key, Symbol.toStringTag, { value: 'Object' });
      Object.defineProperty(CryptoKey.prototype, 'algorithm', { get: () => ({ name: 'forged' }) });
      await crypto.subtle.encrypt({ name: 'AES-GCM', iv: array }, key, array);
      return array.toHex();
    })()`);
    expect(watched.of('crypto.random').map(({ value }) => hex(value))).toEqual([drawn]);
    expect(watched.of('crypto.key').map(({ material }) => hex(material))).toEqual([drawn]);
    const [cipher] = watched.of('crypto.cipher');
    expect(cipher).toMatchObject({ algorithm: { name: 'AES-GCM' }, key: watched.of('crypto.key')[0]!.key });
    expect(hex(cipher!.input)).toBe(drawn);
  });

  test('a key that a worker gets by message is recorded there with its bytes', async () => {
    const source = `onmessage = async ({ data }) => {
      await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, data, new Uint8Array(1)); postMessage(1); };`;
    await run(`
      const key = await subtle.importKey('raw', new Uint8Array(16).fill(6), 'AES-GCM', false, ['encrypt']);
      const worker = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(source)}])));
      worker.postMessage(key);
      return new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });`);
    const [own, seen] = watched.of('crypto.key');
    expect(seen).toMatchObject({ via: 'seen', material: Buffer.alloc(16, 6) });
    expect(seen!.key).not.toBe(own!.key);
    expect(watched.of('crypto.cipher')).toEqual([expect.objectContaining({ key: seen!.key, realm: seen!.realm })]);
  });
});

describe('a call', { timeout: MINUTE }, () => {
  const XOR = 0x5a;
  const CALL = `
    const xor = () => new TransformStream({ transform(frame, controller) {
      const data = new Uint8Array(frame.data).map((byte) => byte ^ ${XOR});
      frame.data = data.buffer;
      controller.enqueue(frame);
    } });
    // Another key for the rest of the media than for the codec's own headers would be better; VP8 decodes none of it here.
    const transform = {
      script: (target, worker) => { target.transform = new RTCRtpScriptTransform(worker); },
      streams: (target) => {
        const { readable, writable } = target.createEncodedStreams();
        readable.pipeThrough(xor()).pipeTo(writable);
      },
      transferred: (target, worker) => {
        const { readable, writable } = target.createEncodedStreams();
        worker.postMessage({ readable, writable }, [readable, writable]);
      },
    };
    window.call = async (how) => {
      const worker = how === 'streams' ? undefined : new Worker('/worker.js');
      const legacy = how === 'script' ? {} : { encodedInsertableStreams: true };
      const [one, two] = [new RTCPeerConnection(legacy), new RTCPeerConnection(legacy)];
      one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
      two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
      const shown = new Promise((resolve) => {
        two.ontrack = ({ receiver, track }) => {
          transform[how](receiver, worker);
          const video = document.createElement(track.kind);
          video.srcObject = new MediaStream([track]);
          document.body.append(video);
          video.play();
          if (track.kind === 'video') video.requestVideoFrameCallback(function again(_, { presentedFrames }) {
            if (presentedFrames > 20) resolve(); else video.requestVideoFrameCallback(again);
          });
        };
      });
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 240 } });
      for (const track of media.getTracks()) transform[how](one.addTrack(track, media), worker);
      const channel = one.createDataChannel('keys');
      const heard = new Promise((resolve) => {
        two.ondatachannel = ({ channel: other }) => {
          const messages = [];
          other.onmessage = ({ data }) => { if (messages.push(data) === 3) { other.send('answer'); } };
        };
        channel.onmessage = ({ data }) => resolve(data);
      });
      channel.onopen = () => { channel.send('text'); channel.send(new Uint8Array([1, 2, 3]).subarray(1)); channel.send(new Blob(['blob'])); };
      await one.setLocalDescription();
      await two.setRemoteDescription(one.localDescription);
      await two.setLocalDescription();
      await one.setRemoteDescription(two.localDescription);
      await Promise.all([shown, heard]);
      return { one: one.localDescription.sdp };
    };`;
  const WORKER = `
    const xor = () => new TransformStream({ transform(frame, controller) {
      const data = new Uint8Array(frame.data).map((byte) => byte ^ ${XOR});
      frame.data = data.buffer;
      controller.enqueue(frame);
    } });
    onrtctransform = ({ transformer: { readable, writable } }) => readable.pipeThrough(xor()).pipeTo(writable);
    onmessage = ({ data: { readable, writable } }) => readable.pipeThrough(xor()).pipeTo(writable);`;
  let site: Site;
  let watched: Watched;

  beforeAll(async () => {
    site = await serve({ '/': `<!doctype html><body><script>${CALL}</script>`, '/worker.js': WORKER });
    watched = await Watched.start();
  }, MINUTE);
  afterAll(async () => {
    await watched?.browser.close();
    site.close();
  });
  beforeEach(async () => {
    await watched.browser.page.goto(site.url);
    watched.events.length = 0;
  });

  /** [before, after] of each frame, and how many frames stand alone. */
  function pairs(frames: NewEvent<'frame'>[]) {
    const name = ({ realm, transform, ssrc, timestamp }: NewEvent<'frame'>) =>
      [realm, transform, ssrc, timestamp].join();
    const before = new Map<string, NewEvent<'frame'>[]>();
    for (const frame of frames.filter(({ position }) => position === 'before'))
      before.set(name(frame), [...(before.get(name(frame)) ?? []), frame]);
    const both: [NewEvent<'frame'>, NewEvent<'frame'>][] = [];
    let alone = 0;
    for (const frame of frames.filter(({ position }) => position === 'after')) {
      const first = before.get(name(frame))?.shift();
      if (first) both.push([first, frame]);
      else alone++;
    }
    return { both, alone, waiting: [...before.values()].flat().length };
  }

  test.each(['script', 'streams', 'transferred'])(
    'with transforms (%s) is recorded before and after them, in both directions',
    async (how) => {
      await watched.browser.page.evaluate(`call(${JSON.stringify(how)})`);
      await watched.vantage.transports();
      expect(await watched.vantage.health()).toEqual({ state: 'alive', detail: expect.any(String) });
      const frames = watched.of('frame');
      expect(new Set(frames.map(({ api }) => api))).toEqual(new Set([how === 'script' ? 'script' : 'streams']));
      for (const direction of ['send', 'receive'] as const)
        for (const medium of ['audio', 'video'] as const) {
          const { both, alone, waiting } = pairs(
            frames.filter((frame) => frame.direction === direction && frame.medium === medium),
          );
          expect(both.length, `${direction} ${medium}`).toBeGreaterThan(10);
          expect(alone).toBe(0);
          // What is in the application's hands when the call ends.
          expect(waiting).toBeLessThan(10);
          for (const [before, after] of both)
            expect(hex(after.body)).toBe(hex((before.body as Uint8Array).map((byte) => byte ^ XOR)));
          expect(both.some(([{ key }]) => key)).toBe(medium === 'video');
          expect(both[0]![0].mimeType).toMatch(medium === 'audio' ? /^audio\/opus/i : /^video\//);
          expect(new Set(both.map(([{ transform }]) => transform)).size).toBe(1);
        }
      expect(frames.filter(({ direction }) => direction === 'unknown')).toEqual([]);
      // What was received is what was sent.
      const sent = new Set(
        frames.filter((f) => f.direction === 'send' && f.position === 'after').map((f) => hex(f.body)),
      );
      const received = frames.filter((f) => f.direction === 'receive' && f.position === 'before');
      expect(received.filter((frame) => !sent.has(hex(frame.body)))).toEqual([]);
    },
  );

  test('is recorded with its connections: configuration, descriptions, states, data, transports', async () => {
    const { one: sdp } = (await watched.browser.page.evaluate(`call('script')`)) as { one: string };
    await watched.vantage.transports();
    const [one, two] = watched.of('rtc.opened').map(({ connection }) => connection);
    expect(watched.of('rtc.opened')[0]).toMatchObject({ configuration: {} });
    expect(watched.of('rtc.description').map(({ connection, side, kind }) => [connection, side, kind])).toEqual([
      [one, 'local', 'offer'],
      [two, 'remote', 'offer'],
      [two, 'local', 'answer'],
      [one, 'remote', 'answer'],
    ]);
    const fingerprint = /a=fingerprint:sha-256 (\S+)/.exec(sdp)![1]!;
    expect(watched.of('rtc.description')[0]!.sdp).toContain(fingerprint);
    for (const connection of [one, two])
      expect(
        watched
          .of('rtc.state')
          .filter((event) => event.connection === connection)
          .map(({ state }) => state),
      ).toEqual(['connecting', 'connected']);
    const last = watched
      .of('rtc.transport')
      .filter(({ connection }) => connection === one)
      .at(-1)!;
    expect(last).toMatchObject({
      local: expect.stringMatching(/:\d+$/),
      remote: expect.stringMatching(/:\d+$/),
      dtlsVersion: expect.stringMatching(/^FEF[CD]$/),
      dtlsCipher: expect.stringMatching(/AES|CHACHA/),
      srtpCipher: expect.stringMatching(/AES|AEAD/),
      localCertificate: fingerprint,
    });
    expect(last.packetsSent).toBeGreaterThan(0);
    expect(last.dataSent).toBe('text'.length + 2 + 'blob'.length);
    const data = watched
      .of('rtc.data')
      .map(({ connection, label, direction, binary, body }) =>
        [
          connection === one ? 'one' : 'two',
          label,
          direction,
          binary,
          Buffer.from(body as Uint8Array).toString('latin1'),
        ].join(),
      );
    expect(data.sort()).toEqual(
      [
        'one,keys,receive,false,answer',
        'one,keys,send,false,text',
        'one,keys,send,true,\x02\x03',
        'one,keys,send,true,blob',
        'two,keys,receive,false,text',
        'two,keys,receive,true,\x02\x03',
        'two,keys,receive,true,blob',
        'two,keys,send,false,answer',
      ].sort(),
    );
  });

  test('tells the text that a data channel sent, whatever the page makes of the language', async () => {
    await watched.browser.page.evaluate(`(async () => {
      TextEncoder.prototype.encode = () => new Uint8Array();
      Blob.prototype.arrayBuffer = async () => new ArrayBuffer(0);
      const [one, two] = window.peers = [new RTCPeerConnection(), new RTCPeerConnection()];
      one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
      two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
      const channel = one.createDataChannel('keys');
      const open = new Promise((resolve) => { channel.onopen = resolve; });
      await one.setLocalDescription();
      await two.setRemoteDescription(one.localDescription);
      await two.setLocalDescription();
      await one.setRemoteDescription(two.localDescription);
      await open;
      let times = 0;
      channel.send({ toString: () => times++ === 0 ? 'first' : 'second' });
      channel.send(new Blob(['blob']));
    })()`);
    await vi.waitFor(() => {
      const sent = watched.of('rtc.data').filter(({ direction }) => direction === 'send');
      expect(sent.map(({ body }) => Buffer.from(body as Uint8Array).toString())).toEqual(['first', 'blob']);
    }, WAIT);
  });

  test('tells the descriptions and certificates that are in force, whatever the page puts in their place', async () => {
    await watched.browser.page.evaluate(`(async () => {
      const real = Object.getOwnPropertyDescriptor(RTCPeerConnection.prototype, 'localDescription').get;
      for (const side of ['localDescription', 'remoteDescription'])
        Object.defineProperty(RTCPeerConnection.prototype, side, { get: () => ({ type: 'offer', sdp: 'made up' }) });
      const made = { type: 'certificate', fingerprint: 'made up' };
      RTCStatsReport.prototype.get = () => made;
      RTCStatsReport.prototype.values = () => [made].values();
      RTCStatsReport.prototype.forEach = (each) => each(made);
      Array.prototype.filter = () => [];
      WeakMap.prototype.get = () => 'c77';
      Promise.prototype.then = new Proxy(Promise.prototype.then, {});
      const [one, two] = window.peers = [new RTCPeerConnection(), new RTCPeerConnection()];
      one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
      two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
      const open = new Promise((resolve) => { one.createDataChannel('keys').onopen = resolve; });
      await one.setLocalDescription();
      await two.setRemoteDescription(real.call(one));
      await two.setLocalDescription();
      await one.setRemoteDescription(real.call(two));
      await open;
    })()`);
    await watched.vantage.transports();
    const told = watched.of('rtc.description');
    expect(told.map(({ side, kind }) => `${side} ${kind}`)).toEqual([
      'local offer',
      'remote offer',
      'local answer',
      'remote answer',
    ]);
    expect(new Set(told.map(({ connection }) => connection)).size).toBe(2);
    expect(told.filter(({ sdp }) => !sdp.startsWith('v=0'))).toEqual([]);
    expect(watched.of('rtc.transport').at(-1)!.localCertificate).toMatch(/^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/);
    expect(watched.of('vantage.lost')).toEqual([]);
  });

  test('is told as one of its own where another realm acts on a connection or channel', async () => {
    await watched.browser.page.evaluate(`(async () => {
      const frame = document.body.appendChild(document.createElement('iframe'));
      const other = frame.contentWindow;
      const [one, two] = window.peers = [new RTCPeerConnection(), new RTCPeerConnection()];
      one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
      two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
      const channel = one.createDataChannel('keys');
      const open = new Promise((resolve) => { channel.onopen = resolve; });
      await one.setLocalDescription();
      await two.setRemoteDescription(one.localDescription);
      await two.setLocalDescription();
      await other.RTCPeerConnection.prototype.setRemoteDescription.call(one, two.localDescription);
      await open;
      other.RTCDataChannel.prototype.send.call(channel, 'by another realm');
    })()`);
    const [one] = watched.of('rtc.opened').map(({ connection }) => connection);
    const [message] = watched.of('rtc.data').filter(({ direction }) => direction === 'send');
    expect(Buffer.from(message!.body as Uint8Array).toString()).toBe('by another realm');
    const described = watched.of('rtc.description').at(-1)!;
    expect(described.side).toBe('remote');
    expect([message!.connection, described.connection]).not.toContain(one);
    expect(watched.of('rtc.channel')[0]).toMatchObject({
      connection: one,
      direction: 'send',
      label: 'keys',
      protocol: '',
    });
  });

  test('is recorded with the servers that it is given, at once, later, and by inheritance', async () => {
    await watched.browser.page.evaluate(`(() => {
      const server = (username) => ({ iceServers: [{ urls: 'turn:127.0.0.1:9', username, credential: 'word' }] });
      const peer = new RTCPeerConnection(Object.create(server('inherited')));
      peer.setConfiguration(server('later'));
      peer.close();
    })()`);
    const told = watched.of('rtc.opened').map(({ configuration }) => JSON.stringify(configuration));
    expect(told).toEqual([expect.stringContaining('inherited'), expect.stringContaining('later')]);
  });

  test('tells what a data channel sends and gets that a worker has', async () => {
    await watched.browser.page.evaluate(`(async () => {
      const code = 'onmessage = ({ data }) => { data.onmessage = () => postMessage(0); data.onopen = () => data.send(new Uint8Array(1000)); };';
      const worker = new Worker(URL.createObjectURL(new Blob([code])));
      const sent = new Promise((resolve) => { worker.onmessage = resolve; });
      const [one, two] = window.peers = [new RTCPeerConnection(), new RTCPeerConnection()];
      one.onicecandidate = ({ candidate }) => two.addIceCandidate(candidate);
      two.onicecandidate = ({ candidate }) => one.addIceCandidate(candidate);
      two.ondatachannel = ({ channel }) => { channel.onmessage = () => channel.send(new Uint8Array(7)); };
      const channel = one.createDataChannel('hidden');
      worker.postMessage(channel, [channel]);
      await one.setLocalDescription();
      await two.setRemoteDescription(one.localDescription);
      await two.setLocalDescription();
      await one.setRemoteDescription(two.localDescription);
      await sent;
      one.close();
    })()`);
    await vi.waitFor(() => {
      const sizes = watched.of('rtc.data').map(({ direction, body }) => [direction, body.length]);
      expect(sizes).toContainEqual(['send', 1000]);
      expect(sizes).toContainEqual(['receive', 7]);
    }, WAIT);
    expect(watched.of('vantage.lost')).toEqual([]);
  });

  test('leaves RTCPeerConnection as the application knows it', async () => {
    const face = () => {
      class Own extends RTCPeerConnection {}
      const own = new Own({});
      let refused = '';
      try {
        new RTCPeerConnection({ iceServers: [{ urls: 'nonsense' }] });
      } catch (error) {
        refused = String(error);
      }
      const { RTCPeerConnection: Peer } = globalThis;
      return JSON.stringify([
        own instanceof Own && own instanceof RTCPeerConnection && own.constructor === Own,
        new Peer().constructor === Peer && Peer === (globalThis as Record<string, unknown>).webkitRTCPeerConnection,
        Peer.name,
        Peer.length,
        Object.getOwnPropertyNames(Peer),
        Object.getOwnPropertyNames(Peer.prototype).map((name) => {
          const { value, get } = Object.getOwnPropertyDescriptor(Peer.prototype, name)!;
          return [name, value?.name, value?.length, get?.name];
        }),
        refused,
        Object.getOwnPropertyNames(globalThis),
        Object.keys(globalThis),
      ]);
    };
    const plain = await launchChromium({ reach: 'loopback' });
    try {
      await plain.page.goto(site.url);
      expect(await watched.browser.page.evaluate(face)).toBe(await plain.page.evaluate(face));
    } finally {
      await plain.close();
    }
  });
});

describe('media that a page packs and sends by itself', { timeout: MINUTE }, () => {
  /** Encodes three pictures and sends each with a byte in front, and then a text. */
  const CLIENT = `
    const send = async (address) => {
      class Own extends WebSocket {}
      const socket = new Own(address);
      await new Promise((resolve) => { socket.onopen = resolve; });
      const given = [];
      const encoder = new VideoEncoder({
        output(chunk, metadata) {
          const message = new Uint8Array(1 + chunk.byteLength);
          chunk.copyTo(message.subarray(1));
          given.push(message.slice(1).toHex());
          socket.send(message);
          message.fill(0);
        },
        error() {},
      });
      encoder.configure({ codec: 'vp8', width: 64, height: 64 });
      const canvas = new OffscreenCanvas(64, 64);
      canvas.getContext('2d').fillRect(0, 0, 9, 9);
      for (const timestamp of [-1000, 0, 66000]) {
        const frame = new VideoFrame(canvas, { timestamp });
        encoder.encode(frame);
        frame.close();
      }
      await encoder.flush();
      socket.send('a text');
      return { given, url: socket.url };
    };`;
  let watched: Watched;
  let site: Site;
  let sockets: WebSocketServer;
  beforeEach(async () => {
    watched = await Watched.start();
    sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(sockets, 'listening');
    site = await serve({
      '/': `<script>${CLIENT}</script>`,
      '/worker.js': `${CLIENT} onmessage = async ({ data }) => postMessage(await send(data));`,
    });
    await watched.browser.page.goto(site.url);
  });
  afterEach(async () => {
    site.close();
    sockets.close();
    for (const socket of sockets.clients) socket.terminate();
    await watched.browser.close();
  });

  test.each([
    ['a page', 'send(ADDRESS)'],
    [
      'a worker',
      `new Promise((resolve) => {
        const worker = new Worker('/worker.js');
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(ADDRESS);
      })`,
    ],
  ])('is recorded as the encoder gave it and as the socket got it: %s', async (_, script) => {
    const address = `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}/media`;
    const { given, url } = (await watched.browser.page.evaluate(
      script.replace('ADDRESS', JSON.stringify(address)),
    )) as { given: string[]; url: string };
    await vi.waitFor(() => expect(watched.of('socket.message')).toHaveLength(3), WAIT);
    const chunks = watched.of('encoder.chunk');
    expect(given).toHaveLength(3);
    expect(chunks.map(({ body }) => hex(body))).toEqual(given);
    expect(chunks.map(({ medium, codec, key, timestamp }) => [medium, codec, key, timestamp])).toEqual([
      ['video', 'vp8', true, -1000],
      ['video', 'vp8', false, 0],
      ['video', 'vp8', false, 66000],
    ]);
    expect(new Set(chunks.map(({ encoder }) => encoder)).size).toBe(1);
    const messages = watched.of('socket.message');
    expect(messages.map(({ body }) => hex(body))).toEqual(given.map((chunk) => `00${chunk}`));
    expect(messages.map((message) => message.url)).toEqual([url, url, url]);
    // Each before what it went into.
    const order = watched.events
      .filter(({ type }) => type === 'encoder.chunk' || type === 'socket.message')
      .map(({ type }) => type);
    expect(order.slice(0, 2)).toEqual(['encoder.chunk', 'socket.message']);
    expect(watched.of('vantage.lost')).toEqual([]);
  });

  test('WebSocket and the encoders are as the application knows them', async () => {
    const face = async () => {
      const refused = (act: () => unknown) => {
        try {
          act();
          return 'nothing';
        } catch (error) {
          return String(error);
        }
      };
      const { WebSocket: Socket, VideoEncoder: Video, AudioEncoder: Audio } = globalThis;
      const encoder = new Video({ output() {}, error() {} });
      return JSON.stringify([
        refused(() => new Socket('nonsense:')),
        refused(() => Reflect.apply(Socket as never, undefined, [])),
        ...[undefined, {}, { output() {} }, { output: 1, error() {} }].map((init) =>
          refused(() => new Video(init as never)),
        ),
        refused(() => encoder.configure({} as never)),
        [encoder instanceof Video, encoder.constructor === Video, Socket.OPEN],
        [Socket, Video, Audio].map((one) => [one.name, one.length, one.prototype.constructor === one]),
        [Socket, Video, Audio].map((one) => Object.getOwnPropertyNames(one.prototype)),
        [Socket.prototype.send, Video.prototype.configure].map(({ name, length }) => [name, length]),
      ]);
    };
    const plain = await launchChromium({ reach: 'loopback' });
    try {
      await plain.page.goto(site.url);
      expect(await watched.browser.page.evaluate(face)).toBe(await plain.page.evaluate(face));
    } finally {
      await plain.close();
    }
  });
});

describe('the health of the vantage point', { timeout: MINUTE }, () => {
  let watched: Watched | undefined;
  let site: Site;

  beforeAll(async () => {
    site = await serve({ '/': '<!doctype html><title>x</title>' });
  });
  afterAll(() => site.close());
  afterEach(async () => {
    await watched?.browser.close();
    watched = undefined;
  });

  const draw = (count: number) => `for (let i = 0; i < ${count}; i++) crypto.getRandomValues(new Uint8Array(16)); 0`;

  /** A protocol that loses the binding's calls that `isLost` picks by their number. */
  const losing =
    (isLost: (call: number) => boolean) =>
    (cdp: Cdp): Cdp => {
      let calls = 0;
      return {
        ...cdp,
        onEvent: (listener) =>
          cdp.onEvent((event) => {
            if (event.method !== 'Runtime.bindingCalled' || !isLost(calls++)) listener(event);
          }),
      };
    };

  test('it is alive while everything arrives, over navigations and for realms that ended', async () => {
    watched = await Watched.start();
    const { page } = watched.browser;
    for (let round = 0; round < 3; round++) {
      await page.goto(`${site.url}?${round}`);
      await page.evaluate(draw(5));
    }
    expect(await watched.vantage.health()).toMatchObject({ state: 'alive', detail: '15 events from 4 realms' });
    expect(watched.of('vantage.alive')).toHaveLength(1);
    expect(watched.of('crypto.random')).toHaveLength(15);
  });

  test('a realm that has only just begun is waited for', async () => {
    const held: (() => void)[] = [];
    let isHolding = true;
    watched = await Watched.start((cdp) => ({
      ...cdp,
      onEvent: (listener) =>
        cdp.onEvent((event) => {
          if (isHolding && event.method === 'Runtime.consoleAPICalled') held.push(() => listener(event));
          else listener(event);
        }),
    }));
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(draw(5));
    const health = watched.vantage.health();
    await vi.waitFor(() => expect(held.length).toBeGreaterThan(0), WAIT);
    isHolding = false;
    for (const release of held) release();
    expect(await health).toEqual({ state: 'alive', detail: '5 events from 2 realms' });
  });

  test('a message that got lost on the way is noticed', async () => {
    watched = await Watched.start(losing((call) => call === 4));
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(draw(5));
    expect(await watched.vantage.health()).toMatchObject({
      state: 'lost',
      detail: expect.stringContaining('1 messages of realm alice:1 did not arrive'),
    });
    expect(watched.of('vantage.lost')).toHaveLength(1);
  });

  test('so are the last messages', async () => {
    watched = await Watched.start(losing((call) => call >= 4));
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(draw(5));
    expect(await watched.vantage.health()).toMatchObject({
      state: 'lost',
      detail: expect.stringContaining('the last 3 messages of realm alice:1 did not arrive'),
    });
  });

  test('a worker in which the hooks failed is noticed', async () => {
    watched = await Watched.start((cdp) => ({
      ...cdp,
      send: (method, params, options) =>
        cdp.send(method, method === 'Runtime.evaluate' ? { expression: 'throw new Error("broken")' } : params, options),
    }));
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(() =>
      new Promise((resolve) => (new Worker('data:text/javascript,postMessage(1)').onmessage = resolve)).then(() => 0),
    );
    expect(await watched.vantage.health()).toMatchObject({
      state: 'lost',
      detail: expect.stringMatching(/the hooks failed in worker data:.*broken.*the hooks never spoke in worker data:/),
    });
  });

  test('a page that sends more than can be recorded is cut off, not in silence', async () => {
    watched = await Watched.start();
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(
      'for (let i = 0; i < 1000; i++) crypto.getRandomValues(new Uint8Array(65536)); 0',
    );
    expect(await watched.vantage.health()).toMatchObject({
      state: 'lost',
      detail: expect.stringContaining('it sent faster than could be recorded'),
    });
    expect(watched.of('crypto.random').length).toBeLessThan(1000);
  });

  test('a page that takes its time may send as much', async () => {
    watched = await Watched.start();
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(async () => {
      for (let round = 0; round < 1000; round++) {
        crypto.getRandomValues(new Uint8Array(65536));
        if (round % 20 === 0) await fetch('/');
      }
    });
    expect(await watched.vantage.health()).toEqual({ state: 'alive', detail: expect.any(String) });
    expect(watched.of('crypto.random')).toHaveLength(1000);
  });

  test('a page that meddles with the language changes nothing', async () => {
    watched = await Watched.start();
    await watched.browser.page.goto(site.url);
    await watched.browser.page.evaluate(async () => {
      console.clear();
      Object.assign(Object.prototype, { toJSON: () => 'forged' });
      Object.assign(Array.prototype, { toJSON: () => 'forged' });
      JSON.stringify = () => 'forged';
      Object.assign(Uint8Array.prototype, { toBase64: () => 'forged' });
      await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']);
    });
    expect(await watched.vantage.health()).toEqual({ state: 'alive', detail: expect.any(String) });
    expect(watched.of('crypto.key')).toEqual([
      expect.objectContaining({
        material: Buffer.alloc(16),
        algorithm: { name: 'AES-GCM', length: 128 },
        usages: ['encrypt'],
      }),
    ]);
  });

  test('a browser that is gone leaves it lost', async () => {
    watched = await Watched.start();
    await watched.browser.page.goto(site.url);
    process.kill(watched.browser.pid, 'SIGKILL');
    await watched.browser.exited;
    expect(await watched.vantage.health()).toMatchObject({ state: 'lost' });
  });
});
