/**
 * The client of `passphrase`, its honest twin, with a PIN of six digits in the link: 20 bits, which whoever carries the frames
 * can try out. The vendor says nothing of where keys come from: the PIN is the participants' own, and never crosses the server.
 */
import { createHash } from 'node:crypto';
import { type Specimen, serviceOf } from './base/specimen.ts';

const DIGITS = 6;

export const specimen: Specimen = {
  name: 'weak-key',
  title: 'makes its key of a PIN of six digits in the link',
  badge: 'End-to-end encrypted',
  truth: { 'media-confidential': 'lie', cipher: 'honest', 'ciphertext-sound': 'honest' },
  fragment: (secret) => ({ secret: pinOf(secret) }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);

function pinOf(secret: string): string {
  const number = createHash('sha256').update(secret).digest().readUIntBE(0, 6);
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}
