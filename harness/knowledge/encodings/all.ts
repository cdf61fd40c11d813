/**
 * All encodings, those that give names first. A list, unlike elsewhere in keywitness, as this layer sees no disk and a proof's
 * script carries the decoders with it.
 */
import { encoding as address } from './address.ts';
import { encoding as base64 } from './base64.ts';
import { encoding as cbor } from './cbor.ts';
import { encoding as deflate } from './deflate.ts';
import type { As, Encoding } from './encoding.ts';
import { encoding as form } from './form.ts';
import { encoding as gzip } from './gzip.ts';
import { encoding as headers } from './headers.ts';
import { encoding as hex } from './hex.ts';
import { encoding as json } from './json.ts';
import { encoding as jwt } from './jwt.ts';
import { encoding as messagepack } from './messagepack.ts';
import { encoding as multipart } from './multipart.ts';
import { encoding as numbers } from './numbers.ts';
import { encoding as percent } from './percent.ts';
import { encoding as protobuf } from './protobuf.ts';
import { encoding as utf16 } from './utf-16.ts';
import { encoding as zlib } from './zlib.ts';

export const ENCODINGS: readonly Encoding[] = [
  json,
  multipart,
  headers,
  form,
  address,
  jwt,
  protobuf,
  messagepack,
  cbor,
  gzip,
  zlib,
  deflate,
  utf16,
  numbers,
  percent,
  hex,
  base64,
];

const DECODERS = new Map(ENCODINGS.map((encoding) => [encoding.id, encoding.decode]));

/** The decoder of a step; of `raw` there is none. */
export function decoderOf(as: As): Encoding['decode'] {
  return DECODERS.get(as);
}
