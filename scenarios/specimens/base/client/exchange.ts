/**
 * Keys made by the participants and exchanged among them. Each makes an X25519 key pair when it joins and tells its public key.
 * It makes a base key of random bytes, another one whenever somebody joins or leaves, and sends it to each other participant
 * through the server, sealed: AES-256-GCM under HKDF-SHA256(X25519(own private key, the other's public key)). The server could
 * put its own public keys in the place of the participants'; the verification code, a digest of all public keys in the call,
 * would then differ.
 */
import { fromBase64, toBase64 } from './bytes.ts';
import type { Call, Hooks } from './conference.ts';
import { createIdentity, type Identity, seal, sealingKey, unseal, verificationCode } from './identity.ts';

/** What participants tell each other through the server. Bytes are base64. */
export type ExchangeMessage = { type: 'identity'; publicKey: string } | { type: 'key'; kid: number; sealed: string };

export interface BaseKey {
  /** Whose it is, empty for our own. */
  participant: string;
  /** The sender's number (the first two bytes of the digest of its public key) << 8 | count of its base keys mod 256. */
  kid: number;
  baseKey: Uint8Array<ArrayBuffer>;
}

export interface Exchange {
  /** Bytes of a base key; 32 unless given. */
  keyBytes?: number;
  /** Whether people are shown the verification code; they are unless this is false. */
  verified?: boolean;
  /** A key to receive with, or our own to send with, which the others have been sent. */
  onKey(key: BaseKey, call: Call): void | Promise<void>;
  /** Who left: its keys are of no use any more. Empty where we are alone: nor are our own. */
  onLeft(participant: string): void;
}

/** The context that a base key is sealed in. */
export function contextOf(meeting: string, from: string, to: string, kid: number): string {
  return `${meeting} ${from} ${to} ${kid}`;
}

export function exchangeKeys({
  keyBytes = 32,
  verified = true,
  onKey,
  onLeft,
}: Exchange): Required<Pick<Hooks, 'afterJoin' | 'onMessage' | 'onLeft'>> {
  const peers = new Map<string, { publicKey: Uint8Array<ArrayBuffer>; sealing: CryptoKey }>();
  let call: Call;
  let identity: Identity;
  /** Who was in the call before us: they make new keys because of us, we need not because of them. */
  let earlier: Set<string>;
  let current = { kid: 0, baseKey: new Uint8Array() };
  let generation = 0;

  /** A new base key, for those who are in the call now. Alone, nobody needs one, and nothing is sent. */
  async function rotate(): Promise<void> {
    const digest = new DataView(await crypto.subtle.digest('SHA-256', identity.publicKey));
    current = {
      kid: (digest.getUint16(0) << 8) | (generation++ & 0xff),
      baseKey: crypto.getRandomValues(new Uint8Array(keyBytes)),
    };
    for (const name of peers.keys()) await sealTo(name);
    if (peers.size > 0) await onKey({ participant: '', ...current }, call);
    else onLeft('');
  }

  async function sealTo(name: string): Promise<void> {
    const { kid, baseKey } = current;
    const context = contextOf(call.meeting, call.name, name, kid);
    const sealed = await seal(peers.get(name)!.sealing, baseKey, context);
    tell(name, { type: 'key', kid, sealed: toBase64(sealed) });
  }

  function introduce(to: string): void {
    tell(to, { type: 'identity', publicKey: toBase64(identity.publicKey) });
  }

  function tell(to: string, message: ExchangeMessage): void {
    call.send(to, message);
  }

  async function showCode(): Promise<void> {
    if (!verified) return;
    const keys = [...peers.values()].map(({ publicKey }) => publicKey);
    const code = await verificationCode([identity.publicKey, ...keys]);
    document.getElementById('verification-code')!.textContent = code;
    document.getElementById('verification')!.hidden = keys.length === 0;
  }

  return {
    async afterJoin(joined, participants) {
      call = joined;
      earlier = new Set(participants);
      identity = await createIdentity();
      for (const participant of participants) introduce(participant);
      await rotate();
    },
    async onMessage(from, message) {
      const received = message as ExchangeMessage;
      if (received.type === 'identity') {
        const publicKey = fromBase64(received.publicKey);
        peers.set(from, { publicKey, sealing: await sealingKey(identity, publicKey) });
        await showCode();
        if (earlier.has(from)) {
          await sealTo(from);
          if (peers.size === 1) await onKey({ participant: '', ...current }, call);
          return;
        }
        introduce(from);
        return rotate();
      }
      const sealing = peers.get(from)?.sealing;
      if (!sealing) return;
      const { kid, sealed } = received;
      let baseKey: Uint8Array<ArrayBuffer>;
      try {
        baseKey = await unseal(sealing, fromBase64(sealed), contextOf(call.meeting, from, call.name, kid));
      } catch {
        // Not sealed by the one whose public key we have: as good as no key.
        return;
      }
      await onKey({ participant: from, kid, baseKey }, call);
    },
    async onLeft(name) {
      peers.delete(name);
      earlier.delete(name);
      onLeft(name);
      await showCode();
      await rotate();
    },
  };
}
