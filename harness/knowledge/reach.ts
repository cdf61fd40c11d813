/**
 * What the provider can compute, as in the model of Dolev and Yao (1983): it knows every value that crossed it in the clear, and
 * whatever follows from known values. It can repeat the operations of the lineage, those of the trace (derivations, openings, parts of
 * larger values) and those that `infer.ts` adds; and it can try secrets of too little entropy, within {@link BUDGET_BITS}.
 *
 * Terminates: the values are those that lie above the keys in question, in the trace. Each is decided once, from what crossed
 * forwards to what follows from it, so that values that come only from one another stay unknown. In time it grows with the operations
 * above the keys, and with what crossed.
 *
 * A path is said only once each of its steps was taken again, from what crossed, and gave the value that the trace shows.
 */
import { content } from './crossings.ts';
import { type Derivation, derive } from './derivation.ts';
import { BUDGET_BITS, guessable, isCommonplace, mayBeTyped } from './guess.ts';
import { type Lineage, type Operation, PART, type Secret } from './lineage.ts';
import { type Place, type ProviderView, placeOf, type Sighting } from './provider-view.ts';
import { type Resealing, resealings } from './resealed.ts';
import { SHORTEST_SECRET } from './search.ts';
import { extract } from './values.ts';

/** One step of how the provider comes to a value; a path reads as sentences. */
export interface PathStep {
  /** For people. */
  text: string;
  /** Event numbers. */
  evidence: number[];
  /** What the step gives. */
  gives: Uint8Array;
  source: /** It crossed: taken out of that message. */
    | ({ from: 'crossing'; sealed: boolean } & Place)
    /** It is found by trying. */
    | { from: 'guess'; space: string; size: number }
    /** The frames give it away, under that scheme. */
    | { from: 'ciphertext'; scheme: string }
    /** It follows from the values that earlier steps of the path give, by their numbers; undefined where it can't be repeated. */
    | { from: 'steps'; inputs: number[]; derivation: Derivation | undefined }
    /** It was sealed anew on its way; inputs: the sealings that left the one participant and that reached the other. */
    | { from: 'resealed'; inputs: [number, number]; left: Witness; reached: Witness };
}

/** A sealing key as a participant's browser used it, and how it opens what was sealed. */
export interface Witness {
  participant: string;
  key: Uint8Array;
  derivation: Derivation;
}

/** The last step gives the value in question. */
export type Path = PathStep[];

/** How a value is known; inputs come before it. */
type How =
  | { kind: 'place'; place: Place }
  | { kind: 'guess'; space: string; size: number }
  | { kind: 'operation'; operation: Operation }
  | { kind: 'resealed'; resealing: Resealing };

/** Worked out once for all keys in question. */
export class Reach {
  readonly #lineage: Lineage;
  readonly #view: ProviderView;
  readonly #origin: number;
  readonly #how = new Map<Secret, How>();
  readonly #sightings = new Map<string, Sighting | undefined>();
  readonly #suspects = new Set<Secret>();
  /** Weak values that a person may have chosen, which says nothing of the service. */
  readonly #typed = new Set<Secret>();

  /**
   * @param keys the values in question.
   * @param origin when the call was, in ms since 1970.
   */
  constructor(lineage: Lineage, view: ProviderView, keys: readonly Secret[], origin: number) {
    this.#lineage = lineage;
    this.#view = view;
    this.#origin = origin;
    this.#decide(new Set(keys));
  }

  /** How the provider comes to one of the keys in question; undefined if it can't from what crossed. */
  path(key: Secret): Path | undefined {
    const path: Path = [];
    const numbers = new Map<Secret, number>();
    let bits = 0;
    const stack: { value: Secret; ready: boolean }[] = [{ value: key, ready: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { value, ready } = top;
      if (numbers.has(value)) continue;
      const how = this.#how.get(value);
      if (!how) return undefined;
      if (how.kind === 'operation' && !ready) {
        stack.push({ value, ready: true });
        for (const input of this.#lineage.inputs(how.operation).toReversed())
          stack.push({ value: input, ready: false });
        continue;
      }
      if (how.kind === 'guess') bits += Math.log2(how.size);
      bits = Math.max(bits, this.#add(path, value, how, numbers, bits));
      numbers.set(value, path.length - 1);
    }
    return bits > BUDGET_BITS ? undefined : path;
  }

  /** Where a value crossed, if it was among those that were looked for. */
  sighting(bytes: Uint8Array): Sighting | undefined {
    return this.#sightings.get(nameOfBytes(bytes));
  }

  // --- deciding

  #decide(above: Set<Secret>): void {
    const waysOf = new Map<Secret, Operation[]>();
    const resealed = new Map<Secret, Resealing[]>();
    for (const value of above) {
      const ways = this.#lineage.allWays(value).filter(({ secrets }) => secrets.length > 0);
      waysOf.set(value, ways);
      resealed.set(value, resealings(this.#lineage, value));
      for (const way of ways) for (const input of this.#lineage.inputs(way)) above.add(input);
    }
    const sealed = [...waysOf.values()].flat().flatMap((way) => way.sealed ?? []);
    const strange = [...resealed.values()].flat().flatMap(({ foreign }) => foreign);
    this.#look([...[...above].map(({ bytes }) => bytes), ...sealed, ...strange]);

    const known: Secret[] = [];
    const know = (value: Secret, how: How | undefined) => {
      if (!how || this.#how.has(value)) return;
      this.#how.set(value, how);
      known.push(value);
    };
    const waiting = new Map<Secret, { result: Secret; way: Operation; missing: Set<Secret> }[]>();
    for (const [result, ways] of waysOf)
      for (const way of ways) {
        if (way.sealed && !this.sighting(way.sealed)) continue;
        const open = { result, way, missing: new Set(this.#lineage.inputs(way)) };
        for (const input of open.missing) {
          const others = waiting.get(input);
          if (others) others.push(open);
          else waiting.set(input, [open]);
        }
      }
    let done = 0;
    const follow = () => {
      for (; done < known.length; done++)
        for (const { result, way, missing } of waiting.get(known[done]!) ?? []) {
          missing.delete(known[done]!);
          if (missing.size === 0) know(result, { kind: 'operation', operation: way });
        }
    };

    // What crossed comes first, then what it takes work to find: a path should be the simplest that there is.
    for (const value of above) {
      const sighting = this.sighting(value.bytes);
      if (!sighting) continue;
      if (this.#isTaken(value, sighting.first)) know(value, { kind: 'place', place: sighting.first });
      else this.#typed.add(value);
    }
    follow();
    for (const value of above) {
      const guess = this.#how.has(value) ? undefined : guessable(value.bytes, this.#origin);
      if (!guess) continue;
      if (this.#isChosen(value)) this.#typed.add(value);
      else know(value, { kind: 'guess', ...guess });
    }
    follow();
    for (const [value, all] of resealed) {
      const resealing = all.find((one) => this.#isForeign(one));
      if (resealing) know(value, { kind: 'resealed', resealing });
      else if (all.length > 0) this.#suspects.add(value);
    }
    follow();
    this.#suspect(above, waysOf);
  }

  /** What may follow if the provider has all that is too short to be looked for, and all that is sealed. */
  #suspect(above: ReadonlySet<Secret>, waysOf: ReadonlyMap<Secret, Operation[]>): void {
    for (const value of [...this.#how.keys(), ...this.#typed]) this.#suspects.add(value);
    for (let size = -1; size < this.#suspects.size; ) {
      size = this.#suspects.size;
      for (const value of above)
        if (waysOf.get(value)!.some((way) => this.#needed(way).every((input) => this.#suspects.has(input))))
          this.#suspects.add(value);
    }
  }

  #needed(way: Operation): Secret[] {
    return this.#lineage.inputs(way).filter((input) => way.secrets.includes(input) || isMade(input));
  }

  /** Whether the provider may be able to compute a key, though no path can be shown: enough for not saying that it can't. */
  suspects(key: Secret): boolean {
    return this.#suspects.has(key);
  }

  /** Whether a key may hang on a weak passphrase that a person chose for the test. */
  isWeak(key: Secret): boolean {
    const above = new Set([key]);
    for (const value of above) {
      if (this.#typed.has(value)) return true;
      for (const way of this.#lineage.allWays(value)) for (const input of way.secrets) above.add(input);
    }
    return false;
  }

  /** Whether nothing shows that code made a value, and it may have been typed. */
  #isChosen({ bytes, made, operations }: Secret): boolean {
    return !made && operations.length === 0 && mayBeTyped(bytes, this.#origin);
  }

  /**
   * Whether a value came from where it stands. A short text may stand in a message by chance, unless a service handed it out by the
   * name of a secret, or it is a meeting's name, or what a participant sent, that nobody comes up with a second time.
   */
  #isTaken(value: Secret, { crossing, label = '' }: Place): boolean {
    if (value.bytes.length >= SHORTEST_SECRET || !this.#isChosen(value)) return true;
    if (crossing.direction === 'receive' && SECRET.test(label)) return !WORD.test(Buffer.from(value.bytes).toString());
    return (crossing.direction === 'send' || MEETING.test(label)) && !isCommonplace(value.bytes);
  }

  #look(wanted: Uint8Array[]): void {
    const distinct = new Map(wanted.map((bytes) => [nameOfBytes(bytes), bytes]));
    const sightings = this.#view.search([...distinct.values()]);
    for (const [index, name] of [...distinct.keys()].entries()) this.#sightings.set(name, sightings[index]);
  }

  /**
   * Whether it is sure that no participant sent what the other opened, nor made the keys that it all was sealed to, and that those were
   * given out in the place of the participants' own.
   */
  #isForeign({ left, reached, publicKeys, own, isSplit }: Resealing): boolean {
    if (this.#view.undecoded > 0 || !isSplit) return false;
    const isWithheld = (bytes: Uint8Array) => {
      const seen = this.sighting(bytes);
      return seen?.sent && !seen.received;
    };
    if (!own.every((keys) => keys.length > 0 && keys.every(isWithheld))) return false;
    const out = this.sighting(left.sealed);
    const back = this.sighting(reached.sealed);
    if (!out?.sent || !back?.received || back.sent) return false;
    return publicKeys.every((bytes) => {
      const seen = this.sighting(bytes);
      return seen?.received && !seen.sent;
    });
  }

  // --- telling

  /** Appends what gives `value`, and what it needs that is no secret; returns what finding it takes, in bits of work. */
  #add(path: Path, value: Secret, how: How, numbers: Map<Secret, number>, bits: number): number {
    const gives = value.bytes;
    switch (how.kind) {
      case 'place':
        path.push(crossed(how.place, gives));
        return bits;
      case 'guess': {
        const { space, size } = how;
        const text = `it is one of ${space}, which can all be tried`;
        path.push({ text, evidence: [value.seq], gives, source: { from: 'guess', space, size } });
        return bits;
      }
      case 'resealed':
        this.#reseal(path, value, how.resealing);
        return bits;
      case 'operation': {
        const { operation } = how;
        const inputs = operation.secrets.map((input) => numbers.get(input)!);
        if (operation.sealed) inputs.push(this.#crossing(path, operation.sealed));
        const derivation = operation.derivation ?? part(operation, gives);
        const text = `${operation.name} gives the next value`;
        this.#push(path, text, [operation.seq], gives, inputs, derivation);
        // Trying a guess means doing all this again.
        const iterations = derivation?.do === 'pbkdf2' ? derivation.iterations : 1;
        return bits > 0 ? bits + Math.log2(iterations) : 0;
      }
    }
  }

  #crossing(path: Path, bytes: Uint8Array): number {
    return path.push(crossed(this.sighting(bytes)!.first, bytes, 'what is sealed')) - 1;
  }

  #push(
    path: Path,
    text: string,
    evidence: number[],
    gives: Uint8Array,
    inputs: number[],
    derivation: Derivation | undefined,
  ): void {
    const again =
      derivation &&
      derive(
        derivation,
        inputs.map((input) => path[input]!.gives),
      );
    const holds = again !== undefined && Buffer.compare(again, gives) === 0;
    path.push({ text, evidence, gives, source: { from: 'steps', inputs, derivation: holds ? derivation : undefined } });
  }

  #reseal(path: Path, value: Secret, { left, reached }: Resealing): void {
    const out = path.push(crossed(this.sighting(left.sealed)!.first, left.sealed, 'what is sealed')) - 1;
    const { received } = this.sighting(reached.sealed)!;
    const place = { ...this.sighting(reached.sealed)!.first, crossing: received! };
    const back = path.push(crossed(place, reached.sealed, 'what is sealed')) - 1;
    const [from, to] = [left.participant, reached.participant];
    path.push({
      text: `${from} sealed a key for somebody whose public key no participant made, and ${to} opened the same key from another sealing that no participant sent: whoever stood between had it`,
      evidence: [left.seq, reached.seq],
      gives: value.bytes,
      source: { from: 'resealed', inputs: [out, back], left: witness(left), reached: witness(reached) },
    });
  }
}

/** Names of secrets that a message carries. */
const SECRET = /(pass(word|phrase|code)?|pin|secret|key)$/i;
const MEETING = /(room|meeting|conference)(name|id)?$/i;
/** In a translation, the name of a secret stands for itself. */
const WORD = /^\p{L}+$/u;

/** A parameter that may be as secret as a key. */
function isMade({ bytes, made, operations }: Secret): boolean {
  return bytes.length >= SHORTEST_SECRET && (made !== undefined || operations.length > 0);
}

function witness({ participant, secrets, derivation }: Operation): Witness {
  return { participant, key: secrets[0]!.bytes, derivation: derivation! };
}

/** How a part is taken out of the larger value that it stands in. */
function part({ name, secrets }: Operation, bytes: Uint8Array): Derivation | undefined {
  if (name !== PART) return undefined;
  const { steps } = placeOf(secrets[0]!.bytes, bytes);
  return steps && { do: 'take', steps };
}

function crossed({ crossing, steps, label }: Place, gives: Uint8Array, what = 'it'): PathStep {
  const isSealed = what !== 'it';
  const way =
    crossing.direction === 'send'
      ? `${crossing.participant} sent ${what}`
      : `${crossing.host || 'the provider'} sent ${crossing.participant} ${what}`;
  const encodings = steps?.filter(({ as }) => as !== 'raw').map(({ as }) => as);
  const how = `${label ? ` as ${JSON.stringify(label)}` : ''}${encodings?.length ? ` (${encodings.toReversed().join(' in ')})` : ''}`;
  return {
    text: `${way}${isSealed ? '' : ' in the clear'}${how} in ${crossing.what}`,
    evidence: crossing.evidence,
    gives,
    source: { from: 'crossing', crossing, steps, label, sealed: isSealed },
  };
}

function nameOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** Whether each step of a path can be taken again, from the messages to the value: what a proof needs. */
export function isRepeatable(path: Path): boolean {
  return path.every(({ source, gives }) => {
    if (source.from === 'steps') return source.derivation !== undefined;
    if (source.from === 'resealed')
      return [source.left, source.reached].every(({ key, derivation }, index) => {
        const opened = derive(derivation, [key, path[source.inputs[index]!]!.gives]);
        return opened !== undefined && Buffer.compare(opened, gives) === 0;
      });
    if (source.from !== 'crossing') return true;
    const message = source.steps && content(source.crossing);
    const taken = message && extract(message, source.steps!);
    return taken !== undefined && Buffer.compare(taken, gives) === 0;
  });
}
