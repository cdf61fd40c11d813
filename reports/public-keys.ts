/** Whose a public key is, told by the private keys that were seen on participants' devices. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Lineage } from '../harness/knowledge/lineage.ts';

/** Private keys (bytes of PKCS #8) that are looked at, and the longest. */
const MOST_KEYS = 5000;
const LONGEST_KEY = 8192;
/** What PKCS #8 begins with: a sequence (RFC 5958, 2). */
const SEQUENCE = 0x30;

/** Says who made a public key (SubjectPublicKeyInfo); works it out once it is asked. */
export function publicKeys(lineage: Lineage): (publicKey: Uint8Array) => string | undefined {
  let owners: Map<string, string> | undefined;
  return (publicKey) => {
    owners ??= ownersIn(lineage);
    return owners.get(Buffer.from(publicKey).toString('hex'));
  };
}

function ownersIn({ keys }: Lineage): Map<string, string> {
  const owners = new Map<string, string>();
  const own = [...keys.values()].filter(
    ({ secret }) => secret && secret.bytes[0] === SEQUENCE && secret.bytes.length <= LONGEST_KEY,
  );
  for (const { secret, participant } of own.slice(0, MOST_KEYS)) {
    const publicKey = publicOf(secret!.bytes);
    if (publicKey && !owners.has(publicKey)) owners.set(publicKey, secret!.made?.participant || participant);
  }
  return owners;
}

function publicOf(privateKey: Uint8Array): string | undefined {
  try {
    const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
    return createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('hex');
  } catch {
    return undefined;
  }
}
