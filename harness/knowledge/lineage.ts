/**
 * The lineage of secrets: which value came from which, by what operation, on which participant. A value is the same
 * wherever its bytes are the same, across participants and realms.
 */
import { createHash } from 'node:crypto';
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Bodies } from './crossings.ts';
import { type Derivation, derive } from './derivation.ts';
import { find, SHORTEST_SECRET } from './search.ts';

/** A value and how it came to be. */
export interface Secret {
  bytes: Uint8Array;
  /** Event that showed it first. */
  seq: number;
  participant: string;
  /**
   * Made here, out of nothing: by the browser's random source or by generateKey; or shared by the participants by a way that
   * does not cross the provider, as in the fragment of a link (`participant` is empty then: all have it).
   */
  made?: { by: 'getRandomValues' | 'generateKey' | 'invitation'; seq: number; participant: string };
  /** It was seen crossing the provider in the clear. */
  crossed?: boolean;
  /** Operations that give it from other values; several where participants came to it each in their own way. */
  operations: Operation[];
}

export interface Operation {
  /** Event that recorded it. */
  seq: number;
  /** Empty where it was inferred, so that any participant may have done it. */
  participant: string;
  /** Told from the values, not from the trace: it says how somebody could come to one, and where it came from only if so `sure`. */
  inferred?: 'possible' | 'sure';
  /** For people, e.g. `HKDF with SHA-256`. */
  name: string;
  /** Secrets that whoever repeats it has to know. */
  secrets: Secret[];
  /** How to repeat it, from its secrets and what is sealed; absent where this cannot be told from the trace. */
  derivation?: Derivation;
  /** What else goes in, e.g. a ciphertext, which must have crossed for the provider to repeat it. */
  sealed?: Uint8Array;
  /** The participant opened it; otherwise it sealed what it had already. */
  opened?: boolean;
  /** Salts and the like; see {@link Lineage.inputs}. */
  parameters?: Body[];
}

/** Where the entropy of a value comes from. */
export interface Roots {
  made: Secret[];
  unknown: Secret[];
  /** Nothing more is known of these than that they crossed the provider. */
  crossed: Secret[];
}

/** A key object of WebCrypto. */
export interface Key {
  id: string;
  participant: string;
  seq: number;
  algorithm: string;
  /** As WebCrypto has it: a name, or an object that holds one. */
  hash: unknown;
  /** Undefined where the browser couldn't give the bytes. */
  secret: Secret | undefined;
}

/** The name of the operation that cuts a value out of a larger one. */
export const PART = 'taking a part';

/** A key whose bytes are not known is looked for so often, among so many others: each try may be a slow hash. */
const MOST_TRIES = 4;
const MOST_BASES = 16;
/** Plaintexts longer than this (bytes) carry media, not keys. */
const LONGEST_PLAINTEXT = 512;

/**
 * Builds the lineage from a recording's events, fed in order. The order holds within a realm; of what two participants did at
 * about the same time, either may have been recorded first, so a question is to be asked once all events are in.
 */
export class Lineage {
  readonly secrets = new Map<string, Secret>();
  readonly keys = new Map<string, Key>();
  readonly #bodies: Bodies;
  /** What was opened or sealed by a cipher in small: places where a secret may stand inside. */
  readonly #plaintexts: Secret[] = [];
  /** Public keys by their names; as digests of their bytes, those that participants made and those that something was agreed with or sealed to. */
  readonly #publicKeys = new Map<string, { digest: string; material: Body | undefined }>();
  readonly #madeHere = new Set<string>();
  readonly #counterparts = new Set<string>();
  readonly #digests = new Map<string, { digest: Secret; input: Secret }[]>();
  /** How often the bytes of a key were looked for among those of others. */
  readonly #tries = new Map<string, number>();
  /** What was found once, as long as there are no more values. */
  readonly #knownParts = new Map<Secret, { of: number; parts: Operation[] }>();

  constructor(bodies: Bodies) {
    this.#bodies = bodies;
  }

  see(event: RecordedEvent): void {
    switch (event.type) {
      case 'call.shared': {
        const secret = this.#secret(event.value, event);
        secret.made ??= { by: 'invitation', seq: event.seq, participant: '' };
        break;
      }
      case 'crypto.random': {
        const secret = this.#secret(event.value, event);
        secret.made ??= { by: 'getRandomValues', seq: event.seq, participant: event.participant ?? '' };
        break;
      }
      case 'crypto.key': {
        if (event.kind === 'public') {
          this.#public(event);
          break;
        }
        const body = event.material ?? event.input;
        const secret = body && this.#secret(body, event);
        const key: Key = {
          id: event.key,
          participant: event.participant ?? '',
          seq: event.seq,
          algorithm: String(event.algorithm.name),
          hash: event.algorithm.hash,
          secret,
        };
        this.keys.set(event.key, key);
        if (!secret) break;
        if (event.via === 'generateKey')
          secret.made ??= { by: 'generateKey', seq: event.seq, participant: key.participant };
        if (event.via === 'unwrapKey' && event.input) this.#unwrapping(secret, event, this.#bodies.body(event.input));
        // An imported key's material may be another form of what was handed in (JWK, PKCS#8).
        if (
          event.via === 'importKey' &&
          event.input &&
          event.material &&
          event.input.sha256 !== event.material.sha256
        ) {
          const handedIn = this.#secret(event.input, event);
          const derivation: Derivation = { do: 'jwk' };
          secret.operations.push({
            seq: event.seq,
            participant: key.participant,
            name: 'importing',
            secrets: [handedIn],
            ...(repeats(derivation, [handedIn.bytes], secret.bytes) && { derivation }),
          });
        }
        if (event.kind === 'private') this.#bare(secret, event);
        break;
      }
      case 'crypto.derive': {
        if (event.peer) this.#counterparts.add(event.peer);
        const secret = event.value
          ? this.#secret(event.value, event)
          : (this.keys.get(event.key ?? '')?.secret ?? this.#hidden(event));
        const parameters = this.#parameters(event, [event.salt, event.info]);
        if (secret) this.#handedOver(event, secret);
        if (secret)
          this.#operation(secret, event, derivationName(event.algorithm), [event.base], {
            parameters,
            derivation: this.#derivation(event, secret.bytes.length),
          });
        break;
      }
      case 'crypto.cipher': {
        if (this.#publicKeys.has(event.key)) this.#counterparts.add(event.key);
        const [plain, sealed] =
          event.operation === 'encrypt' ? [event.input, event.output] : [event.output, event.input];
        if (!event.ok || !plain || !sealed || plain.length < 16) break;
        if (Math.max(event.inputLength, event.outputLength) > LONGEST_PLAINTEXT) break;
        const secret = this.#secret(plain, event);
        this.#plaintexts.push(secret);
        this.#operation(secret, event, `opening with ${String(event.algorithm.name)}`, [event.key], {
          sealed: this.#bodies.body(sealed),
          derivation: this.#opening(event),
        });
        break;
      }
      case 'crypto.export': {
        if (event.by && this.#publicKeys.has(event.by)) this.#counterparts.add(event.by);
        const secret = this.keys.get(event.key)?.secret;
        if (!secret) break;
        if (event.via === 'wrapKey') {
          this.#unwrapping(secret, event, this.#bodies.body(event.value));
          break;
        }
        // The same key in another form (JWK, PKCS#8).
        const form = this.#secret(event.value, event);
        if (form !== secret)
          form.operations.push({
            seq: event.seq,
            participant: event.participant ?? '',
            name: 'exporting',
            secrets: [secret],
          });
        break;
      }
      case 'crypto.digest': {
        if (event.inputLength > event.input.length) break;
        const secret = this.#secret(event.value, event);
        const input = this.#secret(event.input, event);
        const hash = String(event.algorithm.name);
        const digests = this.#digests.get(event.participant ?? '') ?? [];
        this.#digests.set(event.participant ?? '', digests);
        digests.push({ digest: secret, input });
        secret.operations.push({
          seq: event.seq,
          participant: event.participant ?? '',
          name: `hashing with ${hash}`,
          secrets: [input],
          derivation: { do: 'hash', hash, length: secret.bytes.length },
        });
        break;
      }
      case 'crypto.sign': {
        // An HMAC is used to derive keys, too; a signature is no secret.
        if (event.operation !== 'sign' || event.algorithm.name !== 'HMAC') break;
        const hash = hashOf(this.keys.get(event.key)?.hash);
        const isWhole = event.inputLength === event.input.length;
        this.#operation(this.#secret(event.signature, event), event, 'HMAC', [event.key], {
          parameters: isWhole ? this.#parameters(event, [event.input]) : [],
          derivation: isWhole && hash ? { do: 'hmac', hash, data: this.#hex(event.input) } : undefined,
        });
        break;
      }
    }
  }

  /**
   * All that whoever repeats an operation has to know: its secrets, and of its parameters those that the trace shows being made
   * or computed, or that look as if they were. Others are taken for known: names and constants of the service.
   */
  inputs({ secrets, parameters = [] }: Operation): Secret[] {
    const values = parameters.map(({ sha256 }) => this.secrets.get(sha256)).filter((value) => value !== undefined);
    return [
      ...secrets,
      ...values.filter((value) => value.made || value.operations.length > 0 || isOpaque(value.bytes)),
    ];
  }

  /** What a participant took a hash of, and what came out. */
  digestsBy(participant: string): readonly { digest: Secret; input: Secret }[] {
    return this.#digests.get(participant) ?? [];
  }

  /** Whether a participant was seen making a public key, told by the SHA-256 of its SubjectPublicKeyInfo. */
  isMadeHere(digest: string): boolean {
    return this.#madeHere.has(digest);
  }

  /** How many public keys secrets were agreed with or sealed to that no participant was seen making. */
  get strangers(): number {
    const digests = new Set([...this.#counterparts].map((key) => this.#publicKeys.get(key)?.digest ?? key));
    return [...digests].filter((digest) => !this.#madeHere.has(digest)).length;
  }

  /**
   * Whether it was seen how a participant came to a secret: it made it, opened it, or computed it from such. A key that appears
   * on a device out of nothing may have come in a way that nobody looked at.
   */
  accounted(secret: Secret, participant: string): boolean {
    const waysOf = (value: Secret) => [
      ...value.operations.filter((way) => way.participant === participant || way.inferred === 'sure'),
      ...this.#parts(value),
    ];
    const above = new Map<Secret, Operation[]>([[secret, waysOf(secret)]]);
    for (const ways of above.values())
      for (const input of ways.flatMap((way) => way.secrets)) if (!above.has(input)) above.set(input, waysOf(input));
    const known = new Set<Secret>();
    // What is further above comes first, so that one pass does for all but values in circles.
    const order = [...above].reverse();
    for (let size = -1; size < known.size; ) {
      size = known.size;
      for (const [value, ways] of order)
        if (
          value.made?.participant === participant ||
          value.made?.by === 'invitation' ||
          value.crossed ||
          ways.some((way) =>
            way.sealed ? way.opened : way.secrets.length > 0 && way.secrets.every((input) => known.has(input)),
          )
        )
          known.add(value);
    }
    return known.has(secret);
  }

  /** Larger secrets and small plaintexts in which `secret` stands, in whatever encoding. */
  containers(secret: Secret): Secret[] {
    const candidates = new Set(this.#plaintexts);
    for (const other of this.secrets.values()) if (other.made || other.operations.length > 0) candidates.add(other);
    return [...candidates].filter(
      (other) => other !== secret && other.bytes.length > secret.bytes.length && find(other.bytes, secret.bytes),
    );
  }

  /** Every way `secret` came to be: its operations, or else the larger values that it was cut out of. */
  ways(secret: Secret): Operation[] {
    const operations = secret.operations.filter(({ inferred }) => inferred !== 'possible');
    return secret.made || operations.length > 0 ? operations : this.#parts(secret);
  }

  /** The same, and every larger value that it stands in, wherever it came from: who knows one of those knows it, too. */
  allWays(secret: Secret): Operation[] {
    return [...secret.operations, ...this.#parts(secret)];
  }

  #parts(secret: Secret): Operation[] {
    const known = this.#knownParts.get(secret);
    if (known?.of === this.secrets.size) return known.parts;
    const parts = this.containers(secret).map((container) => ({
      seq: secret.seq,
      participant: secret.participant,
      name: PART,
      secrets: [container],
    }));
    this.#knownParts.set(secret, { of: this.secrets.size, parts });
    return parts;
  }

  #public(event: RecordedEvent<'crypto.key'>): void {
    const digest = event.material?.sha256 ?? event.key;
    this.#publicKeys.set(event.key, { digest, material: event.material });
    if (event.via === 'generateKey') this.#madeHere.add(digest);
  }

  /**
   * Where all the entropy of `secret` comes from: the values that it was computed from which were made on participants' devices,
   * those that are only known to have crossed, and those of which nothing earlier is known. Of values that came from one another
   * alone, the earliest stands for all.
   */
  roots(secret: Secret): Roots {
    return this.#rootsOf([secret]);
  }

  /** The same for the keys that `secret`, or what it was computed from, was sealed under. */
  guards(secret: Secret): Roots {
    const above = new Set([secret]);
    const keys = new Set<Secret>();
    for (const value of above)
      for (const way of this.allWays(value))
        for (const input of way.secrets)
          if (way.sealed) keys.add(input);
          else if (!value.made || way.name === PART) above.add(input);
    return this.#rootsOf([...keys]);
  }

  #rootsOf(secrets: readonly Secret[]): Roots {
    const roots: Roots = { made: [], unknown: [], crossed: [] };
    /** Everything above, each with what was computed from it. */
    const above = new Map<Secret, Secret[]>(secrets.map((secret) => [secret, []]));
    for (const value of above.keys()) {
      // A sealed key that was opened comes from its maker; how the sealing key came about doesn't add to its entropy.
      const inputs = value.made ? [] : this.ways(value).flatMap((way) => (way.sealed ? [] : way.secrets));
      if (value.made) roots.made.push(value);
      else if (inputs.length === 0) (value.crossed ? roots.crossed : roots.unknown).push(value);
      for (const input of inputs) {
        const results = above.get(input);
        if (results) results.push(value);
        else above.set(input, [value]);
      }
    }
    const rooted = new Set([...roots.made, ...roots.unknown, ...roots.crossed]);
    for (const value of rooted) for (const result of above.get(value)!) rooted.add(result);
    const circular = [...above.keys()].filter((value) => !rooted.has(value)).sort((a, b) => a.seq - b.seq);
    return { ...roots, unknown: [...roots.unknown, ...circular.slice(0, 1)] };
  }

  #secret({ sha256, ...body }: Body, event: RecordedEvent): Secret {
    return this.secrets.get(sha256) ?? this.#add(sha256, this.#bodies.body({ sha256, ...body }), event);
  }

  /** The value with these bytes, told by an event. */
  add(bytes: Uint8Array, event: { seq: number; participant: string | null }, crossed = false): Secret {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const secret = this.secrets.get(sha256) ?? this.#add(sha256, bytes, event);
    if (crossed) secret.crossed = true;
    return secret;
  }

  #add(sha256: string, bytes: Uint8Array, event: { seq: number; participant: string | null }): Secret {
    const secret: Secret = { bytes, seq: event.seq, participant: event.participant ?? '', operations: [] };
    this.secrets.set(sha256, secret);
    return secret;
  }

  #operation(
    secret: Secret,
    event: RecordedEvent,
    name: string,
    keys: string[],
    more: Pick<Operation, 'sealed' | 'parameters' | 'derivation'> = {},
  ): void {
    const secrets = keys.map((id) => this.keys.get(id)?.secret);
    // Where a key's bytes are hidden nobody can be shown to repeat the operation.
    if (secrets.some((input) => !input)) return;
    const opened = event.type === 'crypto.key' || (event.type === 'crypto.cipher' && event.operation === 'decrypt');
    secret.operations.push({
      seq: event.seq,
      participant: event.participant ?? '',
      name,
      secrets: secrets as Secret[],
      ...more,
      ...(more.sealed && { opened }),
    });
  }

  // --- how to repeat what the trace shows

  #derivation(event: RecordedEvent<'crypto.derive'>, length: number): Derivation | undefined {
    const { name, iterations } = event.algorithm as { name?: string; iterations?: number };
    const hash = hashOf(event.algorithm.hash);
    const salt = event.salt ? this.#hex(event.salt) : '';
    if (name === 'HKDF' && hash) {
      const info = event.info ? this.#hex(event.info) : '';
      return { do: 'hkdf', hash, salt, info, length };
    }
    if (name === 'PBKDF2' && hash && iterations) return { do: 'pbkdf2', hash, salt, iterations, length };
    const peer = this.#publicKeys.get(event.peer ?? '')?.material;
    return peer && { do: 'agree', public: this.#hex(peer), length };
  }

  /** A key that was derived to become the base of another derivation, which browsers don't hand out: worked out again. */
  #hidden(event: RecordedEvent<'crypto.derive'>): Secret | undefined {
    const key = this.keys.get(event.key ?? '');
    const base = this.keys.get(event.base)?.secret;
    const derivation = this.#derivation(event, Number.POSITIVE_INFINITY);
    if (!key || !base || derivation?.do !== 'agree') return undefined;
    const bytes = derive(derivation, [base.bytes]);
    if (bytes) key.secret = this.add(bytes, event);
    return key.secret;
  }

  /**
   * A base that came from another realm of the participant's as a key object, of which that gives no bytes: the one of its keys that
   * gives the same.
   */
  #handedOver(event: RecordedEvent<'crypto.derive'>, result: Secret): void {
    const base = this.keys.get(event.base);
    // Of a short result, another base may give the same.
    if (result.bytes.length < SHORTEST_SECRET) return;
    const tries = this.#tries.get(event.base) ?? 0;
    const derivation = base && !base.secret && tries < MOST_TRIES && this.#derivation(event, result.bytes.length);
    if (!derivation) return;
    const others = [...this.keys.values()].filter(
      ({ participant, algorithm, secret }) =>
        secret && participant === base.participant && algorithm === base.algorithm,
    );
    const candidates = [...new Set(others.map(({ secret }) => secret!))].slice(-MOST_BASES);
    this.#tries.set(event.base, tries + 1);
    base.secret = candidates.find(({ bytes }) => repeats(derivation, [bytes], result.bytes));
  }

  #opening({ algorithm, key, iv, additionalData }: Sealed): Derivation | undefined {
    const { name, tagLength } = algorithm as { name?: string; tagLength?: number };
    if (!name) return undefined;
    const hash = hashOf(this.keys.get(key)?.hash);
    return {
      do: 'open',
      algorithm: name,
      ...(hash && { hash }),
      iv: iv ? this.#hex(iv) : '',
      additionalData: additionalData ? this.#hex(additionalData) : '',
      tagBits: tagLength ?? 128,
    };
  }

  /** A key was wrapped, or unwrapped: its bytes were sealed, or the text of a JSON Web Key was that holds them. */
  #unwrapping(secret: Secret, event: RecordedEvent<'crypto.key' | 'crypto.export'>, sealed: Uint8Array): void {
    const { by, wrapping, iv, additionalData } = event;
    if (!by) return;
    const key = this.keys.get(by);
    const derivation: Derivation | undefined =
      key?.algorithm === 'AES-KW'
        ? { do: 'unwrap' }
        : wrapping && this.#opening({ algorithm: wrapping, key: by, iv, additionalData });
    const plain = key?.secret && derivation && derive(derivation, [key.secret.bytes, sealed]);
    const isText = plain && Buffer.compare(plain, secret.bytes) !== 0;
    const unwrapped = isText ? this.add(plain, event) : secret;
    this.#operation(unwrapped, event, 'unwrapping', [by], { sealed, ...(plain && { derivation }) });
    if (!isText) return;
    const importing: Derivation = { do: 'jwk' };
    secret.operations.push({
      seq: event.seq,
      participant: event.participant ?? '',
      name: 'importing',
      secrets: [unwrapped],
      ...(repeats(importing, [plain], secret.bytes) && { derivation: importing }),
    });
  }

  /** Who knows the bytes of a private key knows its PKCS #8 form: what stands before them there says only what they are. */
  #bare(secret: Secret, event: RecordedEvent): void {
    const at = BARE_AT.find(({ length }) => length === secret.bytes.length)?.at;
    if (at === undefined || secret.operations.length > 0) return;
    const prefix = Buffer.from(secret.bytes.subarray(0, at)).toString('hex');
    secret.operations.push({
      seq: event.seq,
      participant: event.participant ?? '',
      name: 'importing',
      secrets: [this.add(secret.bytes.subarray(at), event)],
      derivation: { do: 'pkcs8', prefix },
    });
  }

  /** What goes into an operation beside its secrets; kept as values where they may be secret. */
  #parameters(event: RecordedEvent, bodies: (Body | undefined)[]): Body[] {
    const parameters = bodies.filter((body) => body !== undefined);
    for (const body of parameters)
      if (body.length <= LONGEST_PLAINTEXT && isOpaque(this.#bodies.body(body))) this.#secret(body, event);
    return parameters;
  }

  #hex(body: Body): string {
    return Buffer.from(this.#bodies.body(body)).toString('hex');
  }
}

/** What WebCrypto was told of something that it sealed or opened. */
type Sealed = Pick<RecordedEvent<'crypto.cipher'>, 'algorithm' | 'key' | 'iv' | 'additionalData'>;

/** PKCS #8 of X25519 and Ed25519 (RFC 8410, 7), of 48 bytes of which the last 32 are the key. */
const BARE_AT = [{ length: 48, at: 16 }];

/** Neither too short to be a secret, nor one byte again and again, nor text that can be read. */
function isOpaque(bytes: Uint8Array): boolean {
  if (bytes.length < SHORTEST_SECRET || bytes.every((byte) => byte === bytes[0])) return false;
  return bytes.some((byte) => byte < 32 || byte > 126);
}

function repeats(derivation: Derivation, inputs: Uint8Array[], result: Uint8Array): boolean {
  const again = derive(derivation, inputs);
  return again !== undefined && Buffer.compare(again, result) === 0;
}

function hashOf(hash: unknown): string | undefined {
  const name = typeof hash === 'string' ? hash : (hash as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' ? name : undefined;
}

function derivationName(algorithm: Record<string, unknown>): string {
  const { name, iterations } = algorithm as { name?: string; iterations?: number };
  const hashName = hashOf(algorithm.hash);
  return [name, hashName && `with ${hashName}`, iterations && `${iterations} times`].filter(Boolean).join(' ');
}
