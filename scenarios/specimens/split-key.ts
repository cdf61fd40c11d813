/**
 * The server hands the key out in two halves, of which neither tells anything: one in the join reply (base64), the other from
 * another host (hex). The client takes their exclusive or. Frames are sealed as in `server-key`.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { perMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 32;

const halfRequest = z.strictObject({ meeting: z.string() });

/** What the key server answers; `half` is hex. */
export type HalfReply = ReturnType<typeof issueHalf>;

const halvesOf = perMeeting(() => ({ one: randomBytes(KEY_BYTES), other: randomBytes(KEY_BYTES) }));

function issueHalf(body: unknown) {
  return { half: halvesOf(halfRequest.parse(body).meeting).other.toString('hex') };
}

export const specimen: Specimen = {
  name: 'split-key',
  title: 'the server hands the key out in two halves, over two ways',
  badge: 'End-to-end encrypted',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'lie',
    'key-delivery': 'lie',
    cipher: 'honest',
    'ciphertext-sound': 'honest',
  },
  hosts: { keys: { address: '127.0.0.5', post: { '/half': issueHalf } } },
  config: (meeting, origins) => ({
    half: halvesOf(meeting).one.toString('base64'),
    keyServer: `${origins.keys}/half`,
  }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
