/**
 * What the Citizen Lab found in Zoom ("Move Fast and Roll Your Own Crypto", 3 April 2020): one AES-128 key a meeting, made by
 * the vendor's servers, sent to the participants over TLS from a server in Beijing, and used in ECB mode.
 *
 * A frame as sent: header || AES-128-ECB(PKCS#7(rest)). The header stays clear: 10 bytes of a video key frame, 3 of another
 * video frame, 1 of an audio frame.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { z } from 'zod';
import { perMeeting } from './base/per-meeting.ts';
import { type Specimen, serviceOf } from './base/specimen.ts';

const KEY_BYTES = 16;

const joinRequest = z.strictObject({ meeting: z.string(), name: z.string() });

/** The join reply of the key server; `encKey` and `token` are base64. */
export type KeyReply = ReturnType<typeof issueKey>;

const keyOf = perMeeting(() => randomBytes(KEY_BYTES).toString('base64'));

function issueKey(body: unknown) {
  const { meeting, name } = joinRequest.parse(body);
  return {
    result: 0,
    conference: { id: meeting, topic: `Meeting ${meeting}`, locked: false },
    participant: { id: randomInt(1 << 24), name, role: 'attendee' },
    token: randomBytes(32).toString('base64'),
    encType: 1,
    encKey: keyOf(meeting),
    keepAlive: 30,
  };
}

export const specimen: Specimen = {
  name: 'zoom-2020',
  title: 'one AES-128 key a meeting, made by a server in Beijing, used in ECB mode',
  badge: 'Zoom is using an end-to-end encrypted connection',
  truth: {
    'media-confidential': 'lie',
    'key-origin': 'lie',
    'key-delivery': 'lie',
    cipher: 'lie',
    'ciphertext-sound': 'lie',
  },
  place: { country: 'US', city: 'San Jose' },
  hosts: {
    'kms-beijing': {
      address: '127.0.0.3',
      place: { country: 'CN', city: 'Beijing' },
      post: { '/join': issueKey },
    },
  },
  config: (_meeting, origins) => ({ keyServer: `${origins['kms-beijing']}/join` }),
};
export const truth = specimen.truth;
export const service = serviceOf(specimen);
