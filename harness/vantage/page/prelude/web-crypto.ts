/**
 * All that the page does with WebCrypto (W3C Web Cryptography Level 2), with the keys' own bytes: keys are made
 * extractable behind the page's back, and look and behave to the page as it asked for. The limit of that: a key that the
 * page clones (to another realm, into a database) is extractable there.
 */
import { emit, SMALL_BYTES } from './emit.ts';
import { type Call, encodeText as encode, hookGetter, hookMethod, quietly, quietlyAfter } from './hook.ts';
import {
  apply,
  Bytes,
  bare,
  bytesOf,
  create,
  getPrototypeOf,
  getter,
  hexOf,
  isOf,
  iterable,
  keep,
  lengthOf,
  list,
  replaced,
  settled,
} from './natives.ts';

type Via = 'generateKey' | 'importKey' | 'deriveKey' | 'unwrapKey' | 'seen';

/** Keys of these algorithms can't be made extractable (SyntaxError), whoever asks. */
const NEVER_EXTRACTABLE = /^(HKDF|PBKDF2|Argon2)/i;

/** Names in a recording, of every key that was met. */
const names = keep(new WeakMap<object, string>());
/** Keys that only look as if they were not extractable. */
const masked = keep(new WeakSet<object>());
let count = 0;
let isMasking = false;

const kindOf = getter<'secret' | 'private' | 'public'>('CryptoKey', 'type');
const ownAlgorithm = getter<KeyAlgorithm>('CryptoKey', 'algorithm');
const usagesOf = getter<string[]>('CryptoKey', 'usages');
const isExtractableNow = getter<boolean>('CryptoKey', 'extractable');
/** As they were before the page had the keys, since the platform's own object is theirs to change. */
const algorithms = keep(new WeakMap<object, Record<string, unknown> & { name: string }>());
const { keys } = Object;
const { stringify } = JSON;
const { exec } = RegExp.prototype;
const { toUpperCase } = String.prototype;
const OwnString = String;

/** The platform's own functions. */
const own: Record<string, (...args: unknown[]) => Promise<unknown>> = {};

export function hookWebCrypto(): void {
  // In a paused worker there is a `crypto.subtle`, but no `SubtleCrypto` yet. Insecure pages have neither.
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return;
  const prototype = getPrototypeOf(subtle);
  const hook = (name: string, around: (call: Call) => Promise<unknown>) => {
    if (!(name in prototype)) return;
    const original = hookMethod(prototype, name, around);
    own[name] = (...args) => apply(original, subtle, args as never[]) as Promise<unknown>;
  };
  hook('generateKey', (call) => making(call, 'generateKey', 1, call.args[0]));
  hook('importKey', importKey);
  hook('deriveKey', deriveKey);
  hook('deriveBits', deriveBits);
  hook('unwrapKey', unwrapKey);
  hook('exportKey', exportKey);
  hook('wrapKey', wrapKey);
  for (const operation of ['encrypt', 'decrypt'] as const) hook(operation, (call) => cipher(call, operation));
  hook('digest', digest);
  hook('sign', sign);
  hook('verify', verify);
  hook('encapsulateKey', encapsulateKey);
  hook('encapsulateBits', encapsulateBits);
  hook('decapsulateKey', decapsulateKey);
  hook('decapsulateBits', deriveBits);
}

// --- keys that come to be

/** What a call that makes a key hands in besides. */
interface Origin extends Wrapping {
  /** The bytes of the key as the page has them. */
  input?: Uint8Array;
  /** The key that unwrapped it. */
  by?: string;
}

interface Wrapping {
  wrapping?: Parameters['algorithm'];
  iv?: Uint8Array;
  additionalData?: Uint8Array;
}

/**
 * Calls with `extractable` (the argument at `index`) forced, so that the key's bytes can be had.
 *
 * @param wanted the algorithm of the key that is to be made.
 */
async function making(call: Call, via: Via, index: number, wanted: unknown, origin: Origin = {}): Promise<unknown> {
  const { args } = call;
  const isExtractable = Boolean(args[index]);
  const isForced = args.length > index && !isExtractable && quietly('a key', () => !isNeverExtractable(nameOf(wanted)));
  const made = isForced ? await settled(forced(call, index)) : await settled(call.run());
  const all = keysIn(made);
  for (let index = 0; index < all.length; index++) {
    const key = all[index]!;
    if (isForced) mask(key);
    await settled(quietlyAfter('a key', () => introduce(key, via, isExtractable || kindOf(key) === 'public', origin)));
  }
  return made;
}

/** Where forcing is what fails (a wrapped JWK that says `ext: false`), the page gets what it asked for. */
async function forced({ args, run }: Call, index: number): Promise<unknown> {
  const copies = list<unknown>();
  for (let index = 0; index < args.length; index++) copies[index] = bytesOf(args[index]) ?? args[index];
  try {
    return await settled(run(replaced(args, index, true)));
  } catch {
    return await settled(run(copies));
  }
}

function importKey(call: Call): Promise<unknown> {
  const [format, data, algorithm, isExtractable] = call.args;
  const isJwk = format === 'jwk' && typeof data === 'object' && data !== null;
  const input = quietly('an imported key', () => (isJwk ? encode(stringify(data)) : bytesOf(data)));
  // A JWK may forbid with `ext: false` what the page doesn't ask for, but the hooks do.
  const run = (args = call.args) =>
    call.run(isJwk && args[3] && !isExtractable ? replaced(args, 1, { ...data, ext: true }) : args);
  return making({ ...call, run }, 'importKey', 3, algorithm, { input });
}

async function unwrapKey(call: Call): Promise<unknown> {
  const [, wrapped, by, wrapping, algorithm] = call.args;
  const origin: Origin = {
    ...wrappingOf(wrapping, by),
    input: quietly('a wrapped key', () => bytesOf(wrapped)),
  };
  const made = making(call, 'unwrapKey', 5, algorithm, origin);
  if (isKey(by)) origin.by = await settled(quietlyAfter('a key', () => known(by)));
  return made;
}

/** With what a key is wrapped or unwrapped, as the recording's events have it. */
function wrappingOf(algorithm: unknown, by: unknown): Wrapping {
  const parameters = quietly('a wrapping', () => parametersOf(algorithm, by));
  return { wrapping: parameters?.algorithm, iv: parameters?.iv, additionalData: parameters?.additionalData };
}

async function deriveKey(call: Call): Promise<unknown> {
  const [algorithm, base, derived] = call.args;
  const parameters = quietly('a derivation', () => parametersOf(algorithm, base));
  const key = await settled(making(call, 'deriveKey', 3, derived));
  await settled(emitDerivation(base, parameters, key));
  return key;
}

async function deriveBits({ args, run }: Call): Promise<unknown> {
  const [algorithm, base] = args;
  const parameters = quietly('a derivation', () => parametersOf(algorithm, base));
  const bits = await settled(run());
  await settled(emitDerivation(base, parameters, bits));
  return bits;
}

/** @param result a key, or bits. */
function emitDerivation(base: unknown, parameters: Parameters | undefined, result: unknown): Promise<void> | undefined {
  if (!parameters || !isKey(base)) return;
  const { algorithm, peer, salt, info } = parameters;
  return quietlyAfter('a derivation', async () =>
    emit('crypto.derive', {
      base: await settled(known(base)),
      peer: peer && (await settled(known(peer))),
      algorithm,
      salt,
      info,
      key: isKey(result) ? await settled(known(result)) : undefined,
      value: bytesOf(result),
    }),
  );
}

// Key encapsulation (WICG Modern Algorithms in the Web Cryptography API), in the recording's terms: what the sender makes
// is fresh and agreed with whoever has the private key, and what the receiver opens is derived from that.

async function encapsulateBits({ args, run }: Call): Promise<unknown> {
  const [algorithm, peer] = args;
  const parameters = quietly('an encapsulation', () => parametersOf(algorithm, peer));
  const result = await settled(run());
  const value = quietly('a shared secret', () => bytesOf((result as { sharedKey: ArrayBuffer }).sharedKey));
  emit('crypto.random', { value });
  await settled(emitEncapsulation(peer, parameters, value));
  return result;
}

async function encapsulateKey(call: Call): Promise<unknown> {
  const [algorithm, peer, wanted] = call.args;
  const parameters = quietly('an encapsulation', () => parametersOf(algorithm, peer));
  const result = await settled(making(call, 'generateKey', 3, wanted));
  await settled(emitEncapsulation(peer, parameters, (result as { sharedKey: CryptoKey }).sharedKey));
  return result;
}

function emitEncapsulation(peer: unknown, parameters: Parameters | undefined, result: unknown) {
  if (!parameters || !isKey(peer)) return undefined;
  parameters.peer = peer;
  return emitDerivation(peer, parameters, result);
}

async function decapsulateKey(call: Call): Promise<unknown> {
  const [algorithm, base, , wanted] = call.args;
  const parameters = quietly('a derivation', () => parametersOf(algorithm, base));
  const key = await settled(making(call, 'deriveKey', 4, wanted));
  await settled(emitDerivation(base, parameters, key));
  return key;
}

/** Gives the key a name and writes down its bytes. */
async function introduce(key: CryptoKey, via: Via, isExtractable: boolean, origin: Origin = {}): Promise<void> {
  const name = `k${count++}`;
  const algorithm = algorithmOf(ownAlgorithm(key)) as { name: string };
  names.set(key, name);
  algorithms.set(key, algorithm);
  const { format, material } = await settled(materialOf(key));
  // A KDF's key can't be exported, but raw is the only way to import one.
  const isInput = !material && via === 'importKey' && isNeverExtractable(algorithm.name);
  emit('crypto.key', {
    key: name,
    via,
    algorithm,
    kind: kindOf(key),
    usages: usagesOf(key),
    extractable: isExtractable,
    format,
    material: isInput ? origin.input : material,
    ...origin,
  });
}

async function materialOf(key: CryptoKey): Promise<{ format: string; material?: Uint8Array }> {
  const kind = kindOf(key);
  const format = kind === 'secret' ? 'raw' : kind === 'private' ? 'pkcs8' : 'spki';
  try {
    return bare({ format, material: bytesOf(await settled(own.exportKey!(format, key))) });
  } catch {
    // Not extractable, or not in this format.
  }
  try {
    // Some newer algorithms know the raw format by another name.
    if (kind === 'secret') return bare({ format, material: bytesOf(await settled(own.exportKey!('raw-secret', key))) });
  } catch {
    // The same.
  }
  return bare({ format });
}

/** The name of a key; one that comes from elsewhere (another realm, a database) is introduced first. */
async function known(key: CryptoKey): Promise<string> {
  if (!names.has(key)) await settled(introduce(key, 'seen', isExtractableNow(key)));
  return names.get(key)!;
}

function mask(key: CryptoKey): void {
  const isExtractable = isExtractableNow(key);
  if (!isMasking)
    // `CryptoKey` comes into being after the hooks do, in workers.
    hookGetter(getPrototypeOf(key), 'extractable', ({ self, run }) => !masked.has(self) && run());
  isMasking = true;
  if (kindOf(key) !== 'public' && isExtractable) masked.add(key);
}

// --- keys that go out

let unexportable: Promise<unknown> | undefined;

/** Stands in for a masked key where the platform is to refuse it, in its own words and order. */
function standIn(): Promise<unknown> {
  unexportable ??= own.importKey!('raw', new Bytes(16), 'AES-GCM', false, iterable(['encrypt']));
  return unexportable;
}

async function exportKey({ args, run }: Call): Promise<unknown> {
  const [format, key] = args;
  if (masked.has(key as object)) return run(replaced(args, 1, await settled(standIn())));
  const value = await settled(run());
  await settled(emitExport('exportKey', format, key, value));
  return value;
}

async function wrapKey({ args, run }: Call): Promise<unknown> {
  const [format, key, by, algorithm] = args;
  if (masked.has(key as object)) return run(replaced(args, 1, await settled(standIn())));
  const wrapping = wrappingOf(algorithm, by);
  const value = await settled(run());
  await settled(emitExport('wrapKey', format, key, value, by, wrapping));
  return value;
}

function emitExport(
  via: 'exportKey' | 'wrapKey',
  format: unknown,
  key: unknown,
  value: unknown,
  by?: unknown,
  wrapping: Wrapping = {},
): Promise<void> | undefined {
  if (!isKey(key)) return;
  return quietlyAfter('an exported key', async () =>
    emit('crypto.export', {
      key: await settled(known(key)),
      via,
      format: OwnString(format),
      value: bytesOf(value) ?? encode(stringify(value)),
      by: isKey(by) ? await settled(known(by)) : undefined,
      ...wrapping,
    }),
  );
}

// --- keys at work

async function cipher({ args, run }: Call, operation: 'encrypt' | 'decrypt'): Promise<unknown> {
  const [algorithm, key, data] = args;
  const parameters = quietly('a cipher', () => parametersOf(algorithm, key));
  const input = quietly('a cipher', () => pieceOf(data));
  const note = (output?: unknown) => {
    if (!parameters || !input || !isKey(key)) return;
    const { iv, additionalData } = parameters;
    return quietlyAfter('a cipher', async () => {
      const out = pieceOf(output);
      emit('crypto.cipher', {
        operation,
        key: await settled(known(key)),
        algorithm: parameters.algorithm,
        iv,
        additionalData,
        input: input.bytes,
        inputLength: input.length,
        output: out?.bytes,
        outputLength: out?.length ?? 0,
        ok: out !== undefined,
      });
    });
  };
  try {
    const output = await settled(run());
    await settled(note(output));
    return output;
  } catch (error) {
    await settled(note());
    throw error;
  }
}

async function digest({ args, run }: Call): Promise<unknown> {
  const [algorithm, data] = args;
  const input = quietly('a digest', () => pieceOf(data));
  const value = await settled(run());
  if (input)
    quietly('a digest', () => {
      const name = apply(toUpperCase, nameOf(algorithm), []);
      const fields = { input: input.bytes, inputLength: input.length, value: bytesOf(value) };
      emit('crypto.digest', { algorithm: { name }, ...fields });
    });
  return value;
}

async function sign({ args, run }: Call): Promise<unknown> {
  const [algorithm, key, data] = args;
  const parameters = quietly('a signature', () => parametersOf(algorithm, key));
  const input = quietly('a signature', () => pieceOf(data));
  const signature = await settled(run());
  await settled(emitSignature('sign', key, parameters, input, bytesOf(signature)));
  return signature;
}

async function verify({ args, run }: Call): Promise<unknown> {
  const [algorithm, key, signature, data] = args;
  const parameters = quietly('a signature', () => parametersOf(algorithm, key));
  const input = quietly('a signature', () => pieceOf(data));
  const bytes = quietly('a signature', () => bytesOf(signature));
  const ok = await settled(run());
  await settled(emitSignature('verify', key, parameters, input, bytes, ok as boolean));
  return ok;
}

function emitSignature(
  operation: 'sign' | 'verify',
  key: unknown,
  parameters: Parameters | undefined,
  input: Piece | undefined,
  signature: Uint8Array | undefined,
  ok?: boolean,
): Promise<void> | undefined {
  if (!parameters || !input || !isKey(key)) return;
  const { algorithm } = parameters;
  const fields = { input: input.bytes, inputLength: input.length, signature, ok };
  return quietlyAfter('a signature', async () =>
    emit('crypto.sign', { operation, key: await settled(known(key)), algorithm, ...fields }),
  );
}

// --- what the platform is given

interface Parameters {
  /** The canonical name, and what is neither bytes nor a key. */
  algorithm: Record<string, unknown>;
  iv?: Uint8Array;
  additionalData?: Uint8Array;
  salt?: Uint8Array;
  info?: Uint8Array;
  /** ECDH's and X25519's other side. */
  peer?: CryptoKey;
}

/** They have fields of their own in the recording; AES-CTR's initial `counter` block is its `iv` there. */
const BYTE_PARAMETERS = ['iv', 'additionalData', 'salt', 'info'] as const;
const HAS_FIELD = bare({ iv: true, additionalData: true, salt: true, info: true, counter: true });

/** Taken when the call is made, since the page may overwrite its buffers right after. */
function parametersOf(algorithm: unknown, key: unknown): Parameters {
  const given = typeof algorithm === 'object' && algorithm !== null ? (algorithm as Record<string, unknown>) : {};
  // The name in the key is the canonical one; the page may write `aes-gcm`.
  const name = isKey(key) ? nameOfKey(key) : nameOf(algorithm);
  // Nothing that the page adds to all objects is taken for one of these.
  const parameters: Parameters = bare({ algorithm: bare({ ...algorithmOf(given), name }) });
  for (let index = 0; index < BYTE_PARAMETERS.length; index++)
    parameters[BYTE_PARAMETERS[index]!] = bytesOf(given[BYTE_PARAMETERS[index]!]);
  parameters.iv ??= bytesOf(given.counter);
  if (isKey(given.public)) parameters.peer = given.public;
  return parameters;
}

/** A hash by its name, other bytes (a label, a public exponent) as hex. */
function algorithmOf(given: object): Record<string, unknown> {
  const plain: Record<string, unknown> = create(null);
  const fields = keys(given);
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    const value = (given as Record<string, unknown>)[field];
    if (field in HAS_FIELD || isKey(value)) continue;
    const bytes = bytesOf(value);
    plain[field] = bytes ? hexOf(bytes) : field === 'hash' ? nameOf(value) : value;
  }
  return plain;
}

function nameOfKey(key: CryptoKey): string {
  return algorithms.get(key)?.name ?? ownAlgorithm(key).name;
}

function isNeverExtractable(name: string): boolean {
  return apply(exec, NEVER_EXTRACTABLE, [name]) !== null;
}

function nameOf(algorithm: unknown): string {
  return OwnString(
    typeof algorithm === 'object' && algorithm !== null ? (algorithm as { name: string }).name : algorithm,
  );
}

interface Piece {
  bytes: Uint8Array;
  /** Of the whole. */
  length: number;
}

function pieceOf(data: unknown): Piece | undefined {
  const bytes = bytesOf(data, SMALL_BYTES);
  return bytes && { bytes, length: lengthOf(data as BufferSource) };
}

function isKey(value: unknown): value is CryptoKey {
  return isOf(kindOf, value);
}

/** The key itself, a pair's halves, or the key of an encapsulation. */
function keysIn(made: unknown): CryptoKey[] {
  const found = list<CryptoKey>();
  const add = (one: unknown) => {
    if (isKey(one)) found[found.length] = one;
  };
  add(made);
  if (found.length > 0) return found;
  const { publicKey, privateKey, sharedKey } = made as Record<string, unknown>;
  add(publicKey);
  add(privateKey);
  add(sharedKey);
  return found;
}
