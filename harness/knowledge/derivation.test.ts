import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Derivation, derive, MOST_ITERATIONS } from './derivation.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const result = (step: Derivation, ...inputs: Uint8Array[]) => {
  const bytes = derive(step, inputs);
  return bytes && Buffer.from(bytes).toString('hex');
};

describe('steps, against published vectors', () => {
  it('HKDF: RFC 5869, A.1', () => {
    const step: Derivation = {
      do: 'hkdf',
      hash: 'SHA-256',
      salt: '000102030405060708090a0b0c',
      info: 'f0f1f2f3f4f5f6f7f8f9',
      length: 42,
    };
    expect(result(step, hex('0b'.repeat(22)))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
  });

  it('PBKDF2: RFC 7914, 11', () => {
    const salt = Buffer.from('NaCl').toString('hex');
    const step: Derivation = { do: 'pbkdf2', hash: 'SHA-256', salt, iterations: 80_000, length: 64 };
    expect(result(step, Buffer.from('Password'))).toBe(
      '4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d',
    );
  });

  it('HMAC: RFC 4231, 4.3', () => {
    const data = Buffer.from('what do ya want for nothing?').toString('hex');
    expect(result({ do: 'hmac', hash: 'SHA-256', data }, Buffer.from('Jefe'))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    );
  });

  it('AES key wrap: RFC 3394, 4.1', () => {
    const wrapped = hex('1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
    expect(result({ do: 'unwrap' }, hex('000102030405060708090a0b0c0d0e0f'), wrapped)).toBe(
      '00112233445566778899aabbccddeeff',
    );
  });

  it('X25519: RFC 7748, 6.1, with a private key in PKCS #8 (RFC 8410, 7)', () => {
    const bare = hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
    const privateKey = derive({ do: 'pkcs8', prefix: '302e020100300506032b656e04220420' }, [bare])!;
    const bobs = 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f';
    expect(result({ do: 'agree', public: `302a300506032b656e032100${bobs}`, length: 32 }, privateKey)).toBe(
      '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
    );
  });

  it('AES-GCM: the GCM specification, test case 4', () => {
    const step: Derivation = {
      do: 'open',
      algorithm: 'AES-GCM',
      iv: 'cafebabefacedbaddecaf888',
      additionalData: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
      tagBits: 128,
    };
    const sealed = hex(
      `42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
       21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091
       5bc94fbc3221a5db94fae95ae7121a47`,
    );
    expect(result(step, hex('feffe9928665731c6d6a8f9467308308'), sealed)).toBe(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    );
    expect(result(step, hex('feffe9928665731c6d6a8f9467308309'), sealed)).toBeUndefined();
  });
});

describe('steps, against other code', () => {
  const [a, b] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(32))];

  it('hash, and cut off what is too much', () => {
    const digest = createHash('sha512').update(a).digest('hex');
    expect(result({ do: 'hash', hash: 'SHA-512', length: 64 }, a)).toBe(digest);
    expect(result({ do: 'hash', hash: 'SHA-512', length: 16 }, a)).toBe(digest.slice(0, 32));
  });

  it('XOR, and join', () => {
    expect(result({ do: 'xor' }, derive({ do: 'xor' }, [a, b])!, b)).toBe(Buffer.from(a).toString('hex'));
    expect(result({ do: 'join' }, a, b)).toBe(Buffer.concat([a, b]).toString('hex'));
    expect(result({ do: 'xor' }, a, b.subarray(1))).toBeUndefined();
  });

  it('take a key out of a JWK, and a value out of a message', () => {
    const jwk = Buffer.from(JSON.stringify({ kty: 'oct', k: Buffer.from(a).toString('base64url') }));
    expect(result({ do: 'jwk' }, jwk)).toBe(Buffer.from(a).toString('hex'));
    expect(result({ do: 'take', steps: [{ as: 'raw', offset: 1, length: 2 }] }, hex('00010203'))).toBe('0102');
  });

  it.each(['CTR', 'CBC'] as const)('open AES-%s', (mode) => {
    const iv = randomBytes(16);
    const cipher = createCipheriv(`aes-256-${mode.toLowerCase()}`, a, iv);
    const sealed = Buffer.concat([cipher.update(b), cipher.final()]);
    const algorithm = `AES-${mode}`;
    const step: Derivation = { do: 'open', algorithm, iv: iv.toString('hex'), additionalData: '', tagBits: 0 };
    expect(result(step, a, sealed)).toBe(Buffer.from(b).toString('hex'));
  });

  it('open RSA-OAEP', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const sealed = publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, b);
    const step: Derivation = {
      do: 'open',
      algorithm: 'RSA-OAEP',
      hash: 'SHA-256',
      iv: '',
      additionalData: '',
      tagBits: 0,
    };
    const key = privateKey.export({ format: 'der', type: 'pkcs8' });
    expect(result(step, key, sealed)).toBe(Buffer.from(b).toString('hex'));
  });

  it('HMAC a message', () => {
    const step: Derivation = { do: 'hmac', hash: 'SHA-1', data: Buffer.from(b).toString('hex') };
    expect(result(step, a)).toBe(createHmac('sha1', a).update(b).digest('hex'));
  });
});

describe('what cannot be done', () => {
  it('gives nothing', () => {
    expect(derive({ do: 'hash', hash: 'SHA-0', length: 20 }, [hex('00')])).toBeUndefined();
    expect(derive({ do: 'xor' }, [])).toBeUndefined();
    const step: Derivation = { do: 'pbkdf2', hash: 'SHA-256', salt: '', iterations: MOST_ITERATIONS + 1, length: 32 };
    expect(derive(step, [hex('00')])).toBeUndefined();
  });

  it('never throws, whatever the inputs', () => {
    const steps: Derivation[] = [
      { do: 'jwk' },
      { do: 'unwrap' },
      { do: 'xor' },
      { do: 'agree', public: '00', length: 32 },
      { do: 'open', algorithm: 'AES-GCM', iv: '00', additionalData: '', tagBits: 128 },
      { do: 'open', algorithm: 'RSA-OAEP', iv: '', additionalData: '', tagBits: 0 },
      { do: 'hkdf', hash: 'SHA-256', salt: 'xx', info: '', length: -1 },
      { do: 'pkcs8', prefix: '' },
    ];
    const inputs = fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 3 });
    fc.assert(fc.property(fc.constantFrom(...steps), inputs, (step, bytes) => void derive(step, bytes)));
  });
});
