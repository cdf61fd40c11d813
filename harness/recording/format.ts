/**
 * Recording format 1: what a recording folder `NAME.kw/` holds, as zod schemas. The JSON Schema that other tools may use
 * is generated from these by `schema.ts`.
 *
 * - `recording.json`: {@link Recording}; written first with `complete: false`, replaced atomically at the end.
 * - `events.jsonl`: one {@link RecordedEvent} a line, append-only, `seq` counting from 0 without a gap.
 * - `bodies.pack`: payload bytes, append-only; events point into it with a {@link Body}.
 * - `screen/PARTICIPANT.webm`: what a participant saw and heard, where that was recorded; events give its SHA-256.
 */
import { z } from 'zod';

export const FORMAT = 1;

const text = z.string();
const count = z.number().int().nonnegative();
const bytes = z.strictObject({
  /** Where the bytes begin in `bodies.pack`. */
  offset: count,
  /** How many bytes. */
  length: count,
  /** SHA-256 of the bytes, lower-case hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
/** A pointer into `bodies.pack`. */
export type Body = z.infer<typeof bytes>;

const headers = z.array(z.tuple([text, text]));
const medium = z.enum(['audio', 'video']);
/** `send`: from the participant to the provider; `receive`: the other way. */
const direction = z.enum(['send', 'receive']);
const algorithm = z.record(text, z.unknown());

/** The fields of each event type, beside the common ones. A vantage point emits the types whose prefix it owns. */
const TYPES = {
  // --- call: what the harness did and what it saw on the pages
  'call.joined': { url: text },
  'call.left': { reason: text.optional() },
  /** A secret that the participants share by a way that does not cross the provider, as in the fragment of a link. */
  'call.shared': { value: bytes },
  /** The test card was read in a picture that the page shows: `sender` is the participant whose camera made it. */
  'call.card': { element: text, sender: count, counter: count, picture: bytes.optional() },
  /** The test tone was heard in what the page plays: `words` complete code words of `sender` within `samples` at `rate` Hz. */
  'call.tone': { element: text, sender: count, words: count, samples: count, rate: count },
  'call.error': { step: text, message: text, screenshot: bytes.optional() },
  // --- http and ws: seen by the intercepting proxy; `exchange` and `socket` name one exchange or connection in a recording
  'http.request': { exchange: text, method: text, url: text, version: text, headers },
  'http.response': { exchange: text, status: count, version: text.optional(), headers },
  /** A piece of a request's or response's body, as it crossed (still content-encoded), in order. */
  'http.body': { exchange: text, of: z.enum(['request', 'response']), body: bytes, last: z.boolean() },
  'http.aborted': { exchange: text, reason: text },
  /** The browser asked for something that the run may not reach; nothing was sent. */
  'http.refused': { url: text, reason: text },
  'ws.opened': { socket: text, url: text, headers },
  'ws.message': { socket: text, direction, binary: z.boolean(), body: bytes },
  'ws.closed': { socket: text, code: z.number().int().optional(), reason: text.optional() },
  // --- tls: each upstream connection of the proxy, and each client connection that failed
  'tls.peer': {
    host: text,
    port: count,
    address: text,
    protocol: text,
    cipher: text,
    alpn: text.optional(),
    authorized: z.boolean(),
    certificate: z.strictObject({ subject: text, issuer: text, sha256: text, validTo: text }).optional(),
  },
  /** The same for an upstream connection without TLS. */
  'tcp.peer': { host: text, port: count, address: text },
  'tls.refused': { host: text, reason: text },
  // --- rtc: peer connections as the page made them; `connection` names one in a recording
  'rtc.opened': { realm: text, connection: text, configuration: z.unknown() },
  'rtc.description': { realm: text, connection: text, side: z.enum(['local', 'remote']), kind: text, sdp: text },
  'rtc.state': { realm: text, connection: text, state: text },
  /** The selected candidate pair and the DTLS transport, from getStats. Addresses as `ip:port`. */
  'rtc.transport': {
    realm: text,
    connection: text,
    local: text.optional(),
    remote: text.optional(),
    dtlsVersion: text.optional(),
    dtlsCipher: text.optional(),
    srtpCipher: text.optional(),
    localCertificate: text.optional(),
    remoteCertificate: text.optional(),
    packetsSent: count.optional(),
    packetsReceived: count.optional(),
    /** Bytes that data channels sent so far, whoever holds them. */
    dataSent: count.optional(),
  },
  /** A data channel was opened (`send`), or one arrived: both of these texts go to its far end (RFC 8832). */
  'rtc.channel': { realm: text, connection: text, direction, label: text, protocol: text },
  'rtc.data': { realm: text, connection: text, label: text, direction, binary: z.boolean(), body: bytes },
  /** An encoded frame before or after the application's own transform. `transform` names one transform in a realm. */
  frame: {
    realm: text,
    transform: text,
    api: z.enum(['streams', 'script']),
    position: z.enum(['before', 'after']),
    direction: z.enum(['send', 'receive', 'unknown']),
    medium,
    ssrc: count,
    /** RTP timestamp. */
    timestamp: count,
    key: z.boolean(),
    payloadType: count.optional(),
    mimeType: text.optional(),
    body: bytes,
  },
  // --- media that pages pack and send by themselves
  /** A binary message as a page handed it to a WebSocket; `socket` names one in a recording. */
  'socket.message': { realm: text, socket: text, url: text, body: bytes },
  /** A frame as an encoder of WebCodecs gave it; `encoder` names one in a recording, `timestamp` is in µs. */
  'encoder.chunk': {
    realm: text,
    encoder: text,
    medium,
    /** As the page configured it: `vp8`, `opus`, `avc1.42001f`. */
    codec: text,
    key: z.boolean(),
    timestamp: z.number().int(),
    body: bytes,
  },
  // --- rtp: packets as the provider's server sees them, i.e. without SRTP; of the vantage `wire`: as they crossed the network
  rtp: {
    direction,
    ssrc: count,
    payloadType: count,
    sequenceNumber: count,
    timestamp: count,
    marker: z.boolean(),
    /** The whole packet, header included. */
    body: bytes,
  },
  rtcp: { direction, payloadType: count, body: bytes },
  // --- crypto: WebCrypto in pages and workers; `key` names one CryptoKey in a recording
  /** A key came to be: its material (raw, pkcs8, spki, or jwk as UTF-8 JSON), if it could be had. */
  'crypto.key': {
    realm: text,
    key: text,
    via: z.enum(['generateKey', 'importKey', 'deriveKey', 'unwrapKey', 'seen']),
    algorithm,
    kind: z.enum(['secret', 'private', 'public']),
    usages: z.array(text),
    /** What the application asked for. */
    extractable: z.boolean(),
    format: text,
    material: bytes.optional(),
    /** The bytes that the application handed in, for importKey and unwrapKey. */
    input: bytes.optional(),
    /** For unwrapKey: the key that unwrapped it, and with which parameters. */
    by: text.optional(),
    wrapping: algorithm.optional(),
    iv: bytes.optional(),
    additionalData: bytes.optional(),
  },
  'crypto.random': { realm: text, value: bytes },
  /** deriveKey (`key` is the result) or deriveBits (`value` is the result). Byte parameters are in `salt`, `info`. */
  'crypto.derive': {
    realm: text,
    base: text,
    algorithm,
    /** For ECDH and X25519: the peer's public key. Of a key encapsulation, that one is `base`, too. */
    peer: text.optional(),
    salt: bytes.optional(),
    info: bytes.optional(),
    key: text.optional(),
    value: bytes.optional(),
  },
  /** encrypt or decrypt. Inputs and outputs above `SMALL_BYTES` are cut: `inputLength` and `outputLength` are the true ones. */
  'crypto.cipher': {
    realm: text,
    operation: z.enum(['encrypt', 'decrypt']),
    key: text,
    algorithm,
    iv: bytes.optional(),
    additionalData: bytes.optional(),
    input: bytes,
    inputLength: count,
    output: bytes.optional(),
    outputLength: count,
    ok: z.boolean(),
  },
  'crypto.digest': { realm: text, algorithm, input: bytes, inputLength: count, value: bytes },
  'crypto.sign': {
    realm: text,
    operation: z.enum(['sign', 'verify']),
    key: text,
    algorithm,
    input: bytes,
    inputLength: count,
    signature: bytes,
    ok: z.boolean().optional(),
  },
  /** The application took a key's bytes out: exportKey, or wrapKey (then sealed by `by`, with these parameters). */
  'crypto.export': {
    realm: text,
    key: text,
    via: z.enum(['exportKey', 'wrapKey']),
    format: text,
    value: bytes,
    by: text.optional(),
    wrapping: algorithm.optional(),
    iv: bytes.optional(),
    additionalData: bytes.optional(),
  },
  // --- screen: what a participant saw and heard; `file` is a WebM file in the recording's folder
  /** The file's time 0 is `ago` ms before this event's `t`. */
  'screen.began': { file: text, ago: z.number().nonnegative() },
  /** `reason` where the file ended before the call did. */
  'screen.ended': { file: text, reason: text.optional() },
  /** The file will not change any more. `seekable`: it has its length and an index. */
  'screen.kept': { file: text, seekable: z.boolean(), length: count, sha256: bytes.shape.sha256 },
  // --- wire: the call's packets; `file` is a pcapng file in the recording's folder
  /** The file will not change any more. `dropped` packets came too fast to be in it. */
  'wire.kept': { file: text, packets: count, dropped: count, length: count, sha256: bytes.shape.sha256 },
  // --- vantage: the health of the vantage points themselves
  /** A page or worker in which the hooks stand. */
  'vantage.realm': { realm: text, kind: text, url: text },
  'vantage.alive': { detail: text.optional() },
  'vantage.lost': { reason: text },
} as const;

export type EventType = keyof typeof TYPES;
/**
 * Where evidence is recorded. `rtp` holds packets that are known to be without SRTP; `wire` holds packets as they stood on the
 * wire, where RTP may be SRTP: nothing can be said of what is in them, neither that it is sealed for the participants nor that it
 * is not.
 */
export const VANTAGES = ['call', 'proxy', 'page', 'rtp', 'wire', 'screen'] as const;
export type Vantage = (typeof VANTAGES)[number];

const common = {
  /** Place in `events.jsonl`, from 0. */
  seq: count,
  /** ms since the recording's clock origin, monotonic. */
  t: z.number().nonnegative(),
  /** Participant's name; null for the call as a whole. */
  participant: text.nullable(),
  vantage: z.enum(VANTAGES),
};

type Shape<T extends EventType> = (typeof TYPES)[T];
type Fields<T extends EventType> = z.infer<z.ZodObject<Shape<T>>>;
type Common = z.infer<z.ZodObject<typeof common>>;

/** An event as it stands in a recording. `RecordedEvent<'rtp'>` is one type's. */
export type RecordedEvent<T extends EventType = EventType> = T extends EventType
  ? Common & { type: T } & Fields<T>
  : never;

/** Larger inputs and outputs of WebCrypto calls are recorded up to this many bytes. */
export const SMALL_BYTES = 512;

type WithBytes<F> = {
  [K in keyof F]: Exclude<F[K], Body> extends F[K]
    ? Body extends F[K]
      ? Exclude<F[K], Body> | Uint8Array
      : F[K]
    : Uint8Array;
};
/** An event as a vantage point hands it to the writer: bytes in place of pointers; `seq` and `t` are the writer's. */
export type NewEvent<T extends EventType = EventType> = T extends EventType
  ? Omit<Common, 'seq' | 't'> & { type: T } & WithBytes<Fields<T>>
  : never;

/** Where vantage points put what they see. */
export interface EventSink {
  append(event: NewEvent): void;
}

const schemas = new Map(
  (Object.keys(TYPES) as EventType[]).map((type) => [
    type,
    z.strictObject({ ...common, type: z.literal(type), ...TYPES[type] }),
  ]),
);
/** Any event; for the published JSON Schema. */
export const eventSchema = z.union([...schemas.values()] as unknown as [z.ZodObject, z.ZodObject]);

/** Checks one parsed line of `events.jsonl`; throws an Error that says what is wrong with it. */
export function parseEvent(value: unknown): RecordedEvent {
  const type = (value as { type?: unknown } | null)?.type;
  const schema = schemas.get(type as EventType);
  if (!schema) throw new Error(`unknown event type ${String(JSON.stringify(type)).slice(0, 80)}`);
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error).replaceAll(/\s+/g, ' ').slice(0, 500));
  return parsed.data as unknown as RecordedEvent;
}

const asked = z.strictObject({
  /** A claim of the catalogue. */
  claim: text,
  params: z.record(text, z.union([text, z.number(), z.boolean()])).default({}),
});
/** A claim to judge, with its parameters. */
export type AskedClaim = z.infer<typeof asked>;

/** A vendor's own words and the testable claims that they come to. */
export const vendorSchema = z.strictObject({
  vendor: text,
  statements: z
    .array(
      z.strictObject({
        quote: text,
        source: text,
        /** ISO 8601 date. */
        date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a date as YYYY-MM-DD'),
        claims: z.array(asked).min(1),
      }),
    )
    .min(1),
});
export type VendorProfile = z.infer<typeof vendorSchema>;

export const recordingSchema = z.strictObject({
  format: z.literal(FORMAT),
  id: text,
  service: z.strictObject({ name: text, title: text, url: text.optional() }),
  vendor: vendorSchema,
  scenario: z.strictObject({ name: text, seconds: z.number().nonnegative() }),
  participants: z.array(
    z.strictObject({
      name: text,
      /** Number in the test card and tone, 1 to 15. */
      card: z.number().int().min(1).max(15),
      /** Whether the camera showed the card. */
      camera: z.boolean(),
    }),
  ),
  /** Where hosts are, as the service declares it or a table says; `source` tells which. */
  places: z.array(z.strictObject({ host: text, country: text, city: text.optional(), source: text })),
  vantagePoints: z.array(
    z.strictObject({
      vantage: z.enum(VANTAGES),
      participant: text.nullable(),
      version: text,
      /** `alive`: it recorded to the end of the call. */
      state: z.enum(['alive', 'lost', 'unknown']),
      detail: text.optional(),
    }),
  ),
  software: z.record(text, text),
  clock: z.strictObject({ origin: z.iso.datetime() }),
  /** How the call went; absent while it runs. */
  outcome: z.strictObject({ connected: z.boolean(), reason: text.optional() }).optional(),
  complete: z.boolean(),
  /** Whole-file digests, once complete. */
  content: z
    .strictObject({
      events: z.strictObject({ count, sha256: text }),
      bodies: z.strictObject({ length: count, sha256: text }),
    })
    .optional(),
});
/** `recording.json`. */
export type Recording = z.infer<typeof recordingSchema>;
