/**
 * Participants make their keys and exchange them sealed, as in `sealed`, and each also posts its base keys to the vendor's
 * backup server, for recovery: as they are, nested in base64, JSON and hex. Frames are sealed as in `server-key`.
 */
import { backupHost } from './base/backups.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

export const specimen: Specimen = {
  name: 'escrow',
  title: 'participants make their own keys, and give them to the backup server',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'honest',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  hosts: { backup: backupHost(KEY_BYTES) },
  config: (_meeting, origins) => ({ backup: `${origins.backup}/keys` }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
