/**
 * Steps of key derivation as data, so that whoever has the inputs can take them again: the audit, before it says that the
 * provider can; and a stranger, with a proof's script. Nothing but node:crypto.
 */
import {
  constants,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  pbkdf2Sync,
  privateDecrypt,
} from 'node:crypto';
import { extract, type Step } from './values.ts';

/** Bytes in lower-case hex. */
type Hex = string;

/** One step; the comment says what its inputs are. */
export type Derivation =
  /** A message: a value is taken out of it. */
  | { do: 'take'; steps: Step[] }
  /** A value: its digest, of which the first `length` bytes are taken. */
  | { do: 'hash'; hash: string; length: number }
  /** A key (RFC 2104). */
  | { do: 'hmac'; hash: string; data: Hex }
  /** A key (RFC 5869). */
  | { do: 'hkdf'; hash: string; salt: Hex; info: Hex; length: number }
  /** A password (RFC 8018, 5.2). */
  | { do: 'pbkdf2'; hash: string; salt: Hex; iterations: number; length: number }
  /** Two values of one length. */
  | { do: 'xor' }
  /** Values, one behind the other. */
  | { do: 'join' }
  /** A private key (PKCS #8): agreed with a public key (SubjectPublicKeyInfo), the first `length` bytes of what comes out. */
  | { do: 'agree'; public: Hex; length: number }
  /** A key, and what was sealed with it. */
  | { do: 'open'; algorithm: string; hash?: string; iv: Hex; additionalData: Hex; tagBits: number }
  /** A key, and the key that was wrapped with it (RFC 3394). */
  | { do: 'unwrap' }
  /** A JSON Web Key (RFC 7518, 6.4): the key that it holds. */
  | { do: 'jwk' }
  /** The 32 or so bytes of a private key: in PKCS #8, behind the bytes that say which kind of key it is. */
  | { do: 'pkcs8'; prefix: Hex };

/** Longer PBKDF2s (iterations) are not run: OWASP asks for 600,000. */
export const MOST_ITERATIONS = 5_000_000;

/** Takes a step; undefined where it can't be taken with these inputs. Never throws. */
export function derive(step: Derivation, inputs: readonly Uint8Array[]): Uint8Array | undefined {
  const [input, other] = inputs;
  try {
    return input && take(step, input, other, inputs);
  } catch {
    return undefined;
  }
}

function take(
  step: Derivation,
  input: Uint8Array,
  other: Uint8Array | undefined,
  inputs: readonly Uint8Array[],
): Uint8Array | undefined {
  switch (step.do) {
    case 'take':
      return extract(input, step.steps);
    case 'hash':
      return createHash(nodeName(step.hash)).update(input).digest().subarray(0, step.length);
    case 'hmac':
      return createHmac(nodeName(step.hash), input).update(bytes(step.data)).digest();
    case 'hkdf':
      return new Uint8Array(hkdfSync(nodeName(step.hash), input, bytes(step.salt), bytes(step.info), step.length));
    case 'pbkdf2':
      if (step.iterations > MOST_ITERATIONS) return undefined;
      return pbkdf2Sync(input, bytes(step.salt), step.iterations, step.length, nodeName(step.hash));
    case 'xor':
      return other?.length === input.length ? input.map((byte, index) => byte ^ other[index]!) : undefined;
    case 'join':
      return Buffer.concat(inputs);
    case 'agree': {
      const privateKey = createPrivateKey({ key: Buffer.from(input), format: 'der', type: 'pkcs8' });
      const publicKey = createPublicKey({ key: bytes(step.public), format: 'der', type: 'spki' });
      return diffieHellman({ privateKey, publicKey }).subarray(0, step.length);
    }
    case 'open':
      return other && open(step, input, other);
    case 'unwrap': {
      if (!other) return undefined;
      const decipher = createDecipheriv(`id-aes${input.length * 8}-wrap`, input, Buffer.alloc(8, 0xa6));
      return Buffer.concat([decipher.update(other), decipher.final()]);
    }
    case 'jwk': {
      const { k } = JSON.parse(Buffer.from(input).toString()) as { k?: unknown };
      return typeof k === 'string' ? Buffer.from(k, 'base64url') : undefined;
    }
    case 'pkcs8':
      return Buffer.concat([bytes(step.prefix), input]);
  }
}

/** WebCrypto's `decrypt` (W3C Web Cryptography Level 2). */
function open(
  { algorithm, hash, iv, additionalData, tagBits }: Derivation & { do: 'open' },
  key: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (algorithm === 'RSA-OAEP')
    return privateDecrypt(
      {
        key: createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: nodeName(hash ?? 'SHA-1'),
        oaepLabel: bytes(additionalData),
      },
      sealed,
    );
  const mode = /^AES-(GCM|CTR|CBC)$/.exec(algorithm)?.[1]?.toLowerCase();
  if (!mode) return undefined;
  const name = `aes-${key.length * 8}-${mode}`;
  if (mode !== 'gcm') {
    const decipher = createDecipheriv(name, key, bytes(iv));
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  }
  const end = sealed.length - tagBits / 8;
  const decipher = createDecipheriv(name as 'aes-256-gcm', key, bytes(iv), { authTagLength: tagBits / 8 });
  decipher.setAAD(bytes(additionalData));
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
}

/** WebCrypto writes `SHA-256` where Node writes `sha256`. */
function nodeName(hash: string): string {
  return hash.toLowerCase().replace(/^sha-/, 'sha');
}

function bytes(hex: Hex): Buffer {
  return Buffer.from(hex, 'hex');
}

/** For people: what a step is called. */
export function nameOf(step: Derivation): string {
  switch (step.do) {
    case 'take':
      return 'taking a part';
    case 'hash':
      return `hashing with ${step.hash}`;
    case 'hmac':
      return `HMAC with ${step.hash}`;
    case 'hkdf':
      return `HKDF with ${step.hash}`;
    case 'pbkdf2':
      return `PBKDF2 with ${step.hash} ${step.iterations} times`;
    case 'xor':
      return 'XOR of both';
    case 'join':
      return 'joining them';
    case 'agree':
      return 'Diffie-Hellman';
    case 'open':
      return `opening with ${step.algorithm}`;
    case 'unwrap':
      return 'unwrapping';
    case 'jwk':
    case 'pkcs8':
      return 'importing';
  }
}
