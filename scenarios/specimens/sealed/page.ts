/** Makes this participant's keys, seals them to the others, and opens what they sealed to us. */
import { type Call, conference } from '../base/client/conference.ts';
import { attach } from '../base/client/transform.ts';
import { createIdentity, type Identity, seal, sealingKey, unseal, verificationCode } from './identity.ts';

const BASE_KEY_BYTES = 32;

/** What participants tell each other through the server. Bytes are base64. */
type Message = { type: 'identity'; publicKey: string } | { type: 'key'; kid: number; sealed: string };

/** What the worker is told: a key to send with (`participant` is null), or to receive with; or that somebody left. */
export type WorkerMessage =
  | { type: 'key'; participant: string | null; kid: number; baseKey: Uint8Array }
  | { type: 'left'; participant: string };

const worker = new Worker('/worker.js');
const peers = new Map<string, { publicKey: Uint8Array<ArrayBuffer>; sealing: CryptoKey }>();

let call: Call;
let identity: Identity;
/** Who was in the call before us: they make new keys because of us, we need not because of them. */
let earlier: Set<string>;
let current = { kid: 0, baseKey: new Uint8Array() };
let generation = 0;

conference({
  async afterJoin(joined, participants) {
    call = joined;
    earlier = new Set(participants);
    identity = await createIdentity();
    for (const participant of participants) introduce(participant);
    await rotate();
  },
  async onMessage(from, message) {
    const received = message as Message;
    if (received.type === 'identity') {
      const publicKey = fromBase64(received.publicKey);
      peers.set(from, { publicKey, sealing: await sealingKey(identity, publicKey) });
      await showCode();
      if (earlier.has(from)) return sealTo(from);
      introduce(from);
      return rotate();
    }
    const sealing = peers.get(from)?.sealing;
    if (!sealing) return;
    const { kid } = received;
    try {
      const baseKey = await unseal(sealing, fromBase64(received.sealed), contextOf(kid, from, call.name));
      tellWorker({ type: 'key', participant: from, kid, baseKey });
    } catch {
      // Not sealed by the one whose public key we have: as good as no key.
    }
  },
  async onLeft(name) {
    peers.delete(name);
    earlier.delete(name);
    tellWorker({ type: 'left', participant: name });
    await showCode();
    await rotate();
  },
  onSender: (sender, kind) => attach(sender, worker, { direction: 'send', kind, participant: '' }),
  onReceiver: (receiver, kind, participant) => attach(receiver, worker, { direction: 'receive', kind, participant }),
});

/** A new base key, for those who are in the call now. */
async function rotate(): Promise<void> {
  const digest = new DataView(await crypto.subtle.digest('SHA-256', identity.publicKey));
  current = {
    kid: (digest.getUint16(0) << 8) | (generation++ & 0xff),
    baseKey: crypto.getRandomValues(new Uint8Array(BASE_KEY_BYTES)),
  };
  for (const name of peers.keys()) await sealTo(name);
  tellWorker({ type: 'key', participant: null, ...current });
}

async function sealTo(name: string): Promise<void> {
  const { kid, baseKey } = current;
  const sealed = await seal(peers.get(name)!.sealing, baseKey, contextOf(kid, call.name, name));
  tell(name, { type: 'key', kid, sealed: toBase64(sealed) });
}

function introduce(to: string): void {
  tell(to, { type: 'identity', publicKey: toBase64(identity.publicKey) });
}

function tell(to: string, message: Message): void {
  call.send(to, message);
}

function tellWorker(message: WorkerMessage): void {
  worker.postMessage(message);
}

function contextOf(kid: number, from: string, to: string): string {
  return `${call.meeting} ${from} ${to} ${kid}`;
}

async function showCode(): Promise<void> {
  const keys = [...peers.values()].map(({ publicKey }) => publicKey);
  const code = await verificationCode([identity.publicKey, ...keys]);
  document.getElementById('verification-code')!.textContent = code;
  document.getElementById('verification')!.hidden = keys.length === 0;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
