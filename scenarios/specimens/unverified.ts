/**
 * Keys are exchanged as in `sealed`, but nobody can verify them: the server puts a public key of its own in the place of each
 * participant's, opens each base key that is sealed to it, and seals it anew for the one whom it is for. Frames are sealed as in
 * `server-key`.
 */
import { fromBase64, toBase64 } from './base/client/bytes.ts';
import { contextOf, type ExchangeMessage } from './base/client/exchange.ts';
import { createIdentity, type Identity, seal, sealingKey, unseal } from './base/client/identity.ts';
import { type Relay, type Specimen, serviceOf } from './base/specimen.ts';

interface Swapped {
  publicKey: Uint8Array<ArrayBuffer>;
  /** Whom the others take for the participant. */
  standIn: Identity;
}

function swapKeys(meeting: string): Relay {
  const swapped = new Map<string, Swapped>();

  async function swap(participant: string, publicKey: Uint8Array<ArrayBuffer>): Promise<Swapped> {
    const standIn = swapped.get(participant)?.standIn ?? (await createIdentity());
    const entry = { publicKey, standIn };
    swapped.set(participant, entry);
    return entry;
  }

  return async (from, to, message): Promise<ExchangeMessage> => {
    const told = message as ExchangeMessage;
    if (told.type === 'identity') {
      const { standIn } = await swap(from, fromBase64(told.publicKey));
      return { type: 'identity', publicKey: toBase64(standIn.publicKey) };
    }
    const { kid, sealed } = told;
    const context = contextOf(meeting, from, to, kid);
    const sender = swapped.get(from)!;
    const receiver = swapped.get(to)!;
    const baseKey = await unseal(await sealingKey(receiver.standIn, sender.publicKey), fromBase64(sealed), context);
    const anew = await seal(await sealingKey(sender.standIn, receiver.publicKey), baseKey, context);
    return { type: 'key', kid, sealed: toBase64(anew) };
  };
}

export const specimen: Specimen = {
  name: 'unverified',
  title: "puts the server's public keys in the place of the participants'",
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'honest',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  relay: swapKeys,
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
