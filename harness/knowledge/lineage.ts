/**
 * The lineage of secrets: which value came from which, by what operation, on which participant. A value is the same
 * wherever its bytes are the same, across participants and realms.
 */
import type { Body, RecordedEvent } from '../recording/format.ts';
import type { Bodies } from './crossings.ts';
import { find } from './search.ts';

/** A value and how it came to be. */
export interface Secret {
  bytes: Uint8Array;
  /** Event that showed it first. */
  seq: number;
  participant: string;
  /** Made here, out of nothing: by the browser's random source or by generateKey. */
  made?: { by: 'getRandomValues' | 'generateKey'; seq: number; participant: string };
  /** Operations that give it from other values; several where participants came to it each in their own way. */
  operations: Operation[];
}

export interface Operation {
  /** Event that recorded it. */
  seq: number;
  participant: string;
  /** For people, e.g. `HKDF with SHA-256`. */
  name: string;
  /** Secrets that whoever repeats it has to know. */
  secrets: Secret[];
  /** What else goes in, e.g. a ciphertext, which must have crossed for the provider to repeat it. */
  sealed?: Uint8Array;
  /** The participant opened it; otherwise it sealed what it had already. */
  opened?: boolean;
  /** Salts and the like; see {@link Lineage.inputs}. */
  parameters?: Body[];
}

/** A key object of WebCrypto. */
export interface Key {
  id: string;
  participant: string;
  seq: number;
  algorithm: string;
  /** Undefined where the browser couldn't give the bytes. */
  secret: Secret | undefined;
}

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
  /** Public keys by their names, as digests of their bytes; those that participants made; those that something was agreed with or sealed to. */
  readonly #publicKeys = new Map<string, string>();
  readonly #madeHere = new Set<string>();
  readonly #counterparts = new Set<string>();

  constructor(bodies: Bodies) {
    this.#bodies = bodies;
  }

  see(event: RecordedEvent): void {
    switch (event.type) {
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
        const key = {
          id: event.key,
          participant: event.participant ?? '',
          seq: event.seq,
          algorithm: String(event.algorithm.name),
          secret,
        };
        this.keys.set(event.key, key);
        if (!secret) break;
        if (event.via === 'generateKey')
          secret.made ??= { by: 'generateKey', seq: event.seq, participant: key.participant };
        if (event.via === 'unwrapKey' && event.by && event.input)
          this.#operation(secret, event, 'unwrapping', [event.by], this.#bodies.body(event.input));
        // An imported key's material may be another form of what was handed in (JWK, PKCS#8).
        if (
          event.via === 'importKey' &&
          event.input &&
          event.material &&
          event.input.sha256 !== event.material.sha256
        ) {
          const handedIn = this.#secret(event.input, event);
          secret.operations.push({
            seq: event.seq,
            participant: key.participant,
            name: 'importing',
            secrets: [handedIn],
          });
        }
        break;
      }
      case 'crypto.derive': {
        if (event.peer) this.#counterparts.add(event.peer);
        const secret = event.value ? this.#secret(event.value, event) : this.keys.get(event.key ?? '')?.secret;
        const parameters = [event.salt, event.info].filter((body) => body !== undefined);
        if (secret)
          this.#operation(secret, event, derivationName(event.algorithm), [event.base], undefined, parameters);
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
        this.#operation(
          secret,
          event,
          `opening with ${String(event.algorithm.name)}`,
          [event.key],
          this.#bodies.body(sealed),
        );
        break;
      }
      case 'crypto.export': {
        if (event.by && this.#publicKeys.has(event.by)) this.#counterparts.add(event.by);
        const secret = this.keys.get(event.key)?.secret;
        if (!secret) break;
        if (event.via === 'wrapKey') {
          if (event.by) this.#operation(secret, event, 'unwrapping', [event.by], this.#bodies.body(event.value));
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
        const name = `hashing with ${String(event.algorithm.name)}`;
        secret.operations.push({ seq: event.seq, participant: event.participant ?? '', name, secrets: [input] });
        break;
      }
      case 'crypto.sign': {
        // An HMAC is used to derive keys, too; a signature is no secret.
        if (event.operation === 'sign' && event.algorithm.name === 'HMAC')
          this.#operation(this.#secret(event.signature, event), event, 'HMAC', [event.key]);
        break;
      }
    }
  }

  /**
   * All that whoever repeats an operation has to know: its secrets, and of its parameters those that the trace shows being made
   * at random. Other parameters are taken for known: names and constants of the service.
   */
  inputs({ secrets, parameters = [] }: Operation): Secret[] {
    const random = parameters.map(({ sha256 }) => this.secrets.get(sha256)).filter((secret) => secret?.made);
    return [...secrets, ...(random as Secret[])];
  }

  /** How many public keys secrets were agreed with or sealed to that no participant was seen making. */
  get strangers(): number {
    const digests = new Set([...this.#counterparts].map((key) => this.#publicKeys.get(key) ?? key));
    return [...digests].filter((digest) => !this.#madeHere.has(digest)).length;
  }

  /**
   * Whether it was seen how a participant came to a secret: it made it, opened it, or computed it from such. A key that appears
   * on a device out of nothing may have come in a way that nobody looked at.
   */
  accounted(secret: Secret, participant: string): boolean {
    const waysOf = (value: Secret) => [
      ...value.operations.filter((way) => way.participant === participant),
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
    return secret.made || secret.operations.length > 0 ? secret.operations : this.#parts(secret);
  }

  /** The same, and every larger value that it stands in, wherever it came from: who knows one of those knows it, too. */
  allWays(secret: Secret): Operation[] {
    return [...secret.operations, ...this.#parts(secret)];
  }

  #parts(secret: Secret): Operation[] {
    return this.containers(secret).map((container) => ({
      seq: secret.seq,
      participant: secret.participant,
      name: 'taking a part',
      secrets: [container],
    }));
  }

  #public(event: RecordedEvent<'crypto.key'>): void {
    const digest = event.material?.sha256 ?? event.key;
    this.#publicKeys.set(event.key, digest);
    if (event.via === 'generateKey') this.#madeHere.add(digest);
  }

  /**
   * Where all the entropy of `secret` comes from: the values made on participants' devices that it was computed from, and
   * those of which nothing earlier is known. Of values that came from one another alone, the earliest stands for all.
   */
  roots(secret: Secret): { made: Secret[]; unknown: Secret[] } {
    const made: Secret[] = [];
    const unknown: Secret[] = [];
    /** Everything above `secret`, each with what was computed from it. */
    const above = new Map<Secret, Secret[]>([[secret, []]]);
    for (const value of above.keys()) {
      // A sealed key that was opened comes from its maker; how the sealing key came about doesn't add to its entropy.
      const inputs = value.made ? [] : this.ways(value).flatMap((way) => (way.sealed ? [] : way.secrets));
      if (value.made) made.push(value);
      else if (inputs.length === 0) unknown.push(value);
      for (const input of inputs) {
        const results = above.get(input);
        if (results) results.push(value);
        else above.set(input, [value]);
      }
    }
    const rooted = new Set([...made, ...unknown]);
    for (const value of rooted) for (const result of above.get(value)!) rooted.add(result);
    const circular = [...above.keys()].filter((value) => !rooted.has(value)).sort((a, b) => a.seq - b.seq);
    return { made, unknown: [...unknown, ...circular.slice(0, 1)] };
  }

  #secret(body: Body, event: RecordedEvent): Secret {
    const known = this.secrets.get(body.sha256);
    if (known) return known;
    const secret = {
      bytes: this.#bodies.body(body),
      seq: event.seq,
      participant: event.participant ?? '',
      operations: [],
    };
    this.secrets.set(body.sha256, secret);
    return secret;
  }

  #operation(
    secret: Secret,
    event: RecordedEvent,
    name: string,
    keys: string[],
    sealed?: Uint8Array,
    parameters: Body[] = [],
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
      ...(sealed && { sealed, opened }),
      ...(parameters.length > 0 && { parameters }),
    });
  }
}

function derivationName(algorithm: Record<string, unknown>): string {
  const { name, hash, iterations } = algorithm as { name?: string; hash?: unknown; iterations?: number };
  const hashName = typeof hash === 'string' ? hash : (hash as { name?: string } | undefined)?.name;
  return [name, hashName && `with ${hashName}`, iterations && `${iterations} times`].filter(Boolean).join(' ');
}
