/**
 * The honest twin of `escrow`: the same upload, but what it holds is sealed, AES-256-GCM under a recovery key that the device
 * makes and shows to its user only.
 */
import { backupHost } from './base/backups.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const IV_BYTES = 12;
const KEY_BYTES = 32;
const TAG_BYTES = 16;

export const specimen: Specimen = {
  name: 'escrow-sealed',
  title: 'honest: keys are backed up sealed, under a recovery key that only the user has',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'honest',
    'key-origin': 'honest',
    'key-delivery': 'honest',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  hosts: { backup: backupHost(IV_BYTES + KEY_BYTES + TAG_BYTES) },
  config: (_meeting, origins) => ({ backup: `${origins.backup}/keys` }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
