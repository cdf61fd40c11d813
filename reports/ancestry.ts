/**
 * What lies above a key: the values that it came from, the ways from one to the next, and which of them the provider goes.
 * Bounded, since whoever made a recording decides how much there is.
 */
import { createHash } from 'node:crypto';
import type { KeyEvidence } from '../harness/claims/evidence.ts';
import { nameOf } from '../harness/knowledge/derivation.ts';
import type { Lineage, Operation, Secret } from '../harness/knowledge/lineage.ts';
import type { Path, PathStep } from '../harness/knowledge/reach.ts';

/** Who could compute a value: participants' devices alone, the provider, too, or nobody can tell. */
export type Knower = 'devices' | 'provider' | 'unsure';

export interface Value {
  bytes: Uint8Array;
  /** Undefined where only the provider's path has it. */
  secret: Secret | undefined;
  /** By what they are. */
  ways: Map<string, Way>;
  /** Steps of the path that give it out of no other value. */
  sources: PathStep[];
  knower: Knower;
  /** There is more above it than is followed. */
  isCut: boolean;
}

/** A way to a value; one that several participants went, each for himself, is one. */
export interface Way {
  name: string;
  inputs: Value[];
  isSealed: boolean;
  /** Who went it; of a sealing, who sealed and who opened it. */
  by: Set<string>;
  sealers: Set<string>;
  openers: Set<string>;
  /** Event numbers. */
  events: Set<number>;
  /** The provider can go it. */
  isLeak: boolean;
  /** Where what was sealed crossed, as far as the path says so. */
  crossings: PathStep[];
}

/** The way of a key that somebody between two participants sealed anew. */
export const RESEALED = 'resealed';

/** Values above one key, and ways to all of them. */
const MOST_VALUES = 2000;
const MOST_WAYS = 4000;
/** Values that may be looked at for one key so as to leave out ways that lead in a circle. */
const MOST_LOOKED_AT = 50_000;

/** What lies above keys, one after the other. */
export class Ancestors {
  /** All values that were met on the way, and all that a path holds: a report must show none of them. */
  readonly met = new Set<Uint8Array>();
  readonly #lineage: Lineage;
  readonly #keys: ReadonlySet<Secret>;
  /** Values that the provider comes to on its way to any of the keys. */
  readonly #known = new Set<string>();
  readonly #ways = new Map<Secret, Operation[]>();

  constructor(lineage: Lineage, keys: ReadonlyMap<KeyEvidence, Secret>) {
    this.#lineage = lineage;
    this.#keys = new Set(keys.values());
    for (const { path = [] } of keys.keys())
      for (const { source, gives } of path) {
        this.met.add(gives);
        if (source.from === 'resealed') for (const { key } of [source.left, source.reached]) this.met.add(key);
        if (source.from !== 'crossing' || !source.sealed) this.#known.add(nameOfBytes(gives));
      }
  }

  /** A key and all that is above it, what a value came from before itself; the key is the last. */
  of({ path = [], bytes }: Pick<KeyEvidence, 'path' | 'bytes'>, secret: Secret): Value[] {
    const values = new Map<string, Value>();
    const theValue = (bytes: Uint8Array, secret?: Secret): Value => {
      const name = nameOfBytes(bytes);
      const known = values.get(name);
      if (known) return known;
      const value: Value = { bytes, secret, ways: new Map(), sources: [], knower: 'unsure', isCut: false };
      values.set(name, value);
      this.met.add(bytes);
      return value;
    };
    const key = theValue(bytes, secret);
    this.#addPath(path, theValue);
    this.#addAll(key, values, theValue);
    const order = this.#productive(key);
    for (const value of order) value.knower = this.#knowerOf(value);
    if (path.length > 0) key.knower = 'provider';
    return order;
  }

  #addPath(path: Path, theValue: (bytes: Uint8Array, secret?: Secret) => Value): void {
    for (const step of path) {
      const { source, gives } = step;
      if (source.from === 'crossing' && source.sealed) continue;
      const value = theValue(gives, this.#secretOf(gives));
      if (source.from !== 'steps' && source.from !== 'resealed') {
        value.sources.push(step);
        continue;
      }
      const inputs = source.inputs.map((index) => path[index]!);
      const crossings = inputs.filter(({ source }) => source.from === 'crossing' && source.sealed);
      if (source.from === 'resealed') {
        const way = wayOf(RESEALED, [], step.evidence);
        way.sealers.add(source.left.participant);
        way.openers.add(source.reached.participant);
        value.ways.set(RESEALED, { ...way, isSealed: true, isLeak: true, crossings });
        continue;
      }
      const open = inputs.filter((input) => !crossings.includes(input));
      const operation = this.#operationOf(value, step, open);
      if (operation) {
        // A salt that was made at random is on the path, too.
        const above = this.#lineage.inputs(operation).map((input) => theValue(input.bytes, input));
        Object.assign(addWay(value, operation, above), { isLeak: true, crossings });
        continue;
      }
      const name = source.derivation ? nameOf(source.derivation) : 'a step';
      const above = open.map(({ gives }) => theValue(gives, this.#secretOf(gives)));
      const way = wayOf(name, above, step.evidence);
      value.ways.set(`path ${value.ways.size}`, { ...way, isSealed: crossings.length > 0, isLeak: true, crossings });
    }
  }

  /** Adds all else that the lineage shows, the nearest first. */
  #addAll(
    key: Value,
    values: ReadonlyMap<string, Value>,
    theValue: (bytes: Uint8Array, secret: Secret) => Value,
  ): void {
    const budget = { ways: MOST_WAYS, looks: MOST_LOOKED_AT };
    const waiting = new Set([key]);
    for (const value of waiting) {
      for (const way of value.secret ? this.#waysOf(value.secret) : []) {
        if (way.secrets.length === 0) continue;
        if (budget.ways-- <= 0 || values.size >= MOST_VALUES) {
          value.isCut = true;
          break;
        }
        const inputs = this.#lineage.inputs(way).map((input) => theValue(input.bytes, input));
        // Of what crossed as it is, that its halves crossed, too, says nothing.
        if (value.sources.length > 0 && way.participant === '') continue;
        if (inputs.some((input) => isAbove(value, input, budget))) continue;
        addWay(value, way, inputs);
      }
      for (const { inputs } of value.ways.values()) for (const input of inputs) waiting.add(input);
    }
  }

  /** Leaves out values that came from their own results alone, as a key that was exported and imported again. */
  #productive(key: Value): Value[] {
    const productive = new Set<Value>();
    for (const value of sorted(key)) {
      for (const [name, { inputs }] of value.ways)
        if (!inputs.every((input) => productive.has(input))) value.ways.delete(name);
      const { secret, sources, ways, isCut } = value;
      const isEnd = !secret || this.#waysOf(secret).every(({ secrets }) => secrets.length === 0);
      if (secret?.made || secret?.crossed || sources.length > 0 || ways.size > 0 || isEnd || isCut)
        productive.add(value);
    }
    return sorted(key);
  }

  #knowerOf({ bytes, secret, ways, isCut }: Value): Knower {
    const all = [...ways.values()].map(knowerOfWay);
    if (this.#known.has(nameOfBytes(bytes)) || secret?.crossed || all.includes('provider')) return 'provider';
    if (isCut || (!secret?.made && ways.size === 0)) return 'unsure';
    return all.every((knower) => knower === 'devices') ? 'devices' : 'unsure';
  }

  /** Where else a value stands is looked for only of those that start a lineage and of the keys: it takes long. */
  #waysOf(secret: Secret): Operation[] {
    const known = this.#ways.get(secret);
    if (known) return known;
    const isWanted = secret.made || this.#keys.has(secret);
    const ways = isWanted ? this.#lineage.allWays(secret) : this.#lineage.ways(secret);
    this.#ways.set(secret, ways);
    return ways;
  }

  /** The operation of the lineage that a step of a path repeats. */
  #operationOf({ secret }: Value, { evidence }: PathStep, inputs: readonly PathStep[]): Operation | undefined {
    if (!secret) return undefined;
    return this.#waysOf(secret).find(
      ({ seq, secrets }) =>
        seq === evidence[0] &&
        secrets.length === inputs.length &&
        secrets.every(({ bytes }, index) => Buffer.compare(bytes, inputs[index]!.gives) === 0),
    );
  }

  #secretOf(bytes: Uint8Array): Secret | undefined {
    return this.#lineage.secrets.get(createHash('sha256').update(bytes).digest('hex'));
  }
}

/** Who could go a way. */
export function knowerOfWay({ inputs, isSealed, isLeak }: Way): Knower {
  if (isLeak || (!isSealed && inputs.every(({ knower }) => knower === 'provider'))) return 'provider';
  return inputs.some(({ knower }) => knower === 'devices') ? 'devices' : 'unsure';
}

function wayOf(name: string, inputs: Value[], events: readonly number[]): Way {
  const [by, sealers, openers] = [new Set<string>(), new Set<string>(), new Set<string>()];
  return { name, inputs, isSealed: false, by, sealers, openers, events: new Set(events), isLeak: false, crossings: [] };
}

/** Adds an operation, to the same one of another participant if there is one. */
function addWay(value: Value, { name, participant, seq, sealed, opened }: Operation, inputs: Value[]): Way {
  const id = [name, ...inputs.map(({ bytes }) => nameOfBytes(bytes)), sealed ? nameOfBytes(sealed) : ''].join('\0');
  const way = value.ways.get(id) ?? wayOf(name, inputs, []);
  value.ways.set(id, way);
  way.events.add(seq);
  way.isSealed = sealed !== undefined;
  // Nobody is named where the operation was inferred.
  if (participant) (!sealed ? way.by : opened ? way.openers : way.sealers).add(participant);
  return way;
}

/** Whether `value` is `other` or one of those that it came from; true if that would take too long to tell. */
function isAbove(value: Value, other: Value, budget: { looks: number }): boolean {
  const seen = new Set([other]);
  for (const one of seen) {
    if (one === value || budget.looks-- <= 0) return true;
    for (const { inputs } of one.ways.values()) for (const input of inputs) seen.add(input);
  }
  return false;
}

/** What a key came from, each value after those that it came from itself; there are no circles. */
function sorted(key: Value): Value[] {
  const order = new Set<Value>();
  const stack = [{ value: key, ready: false }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { value, ready } = top;
    if (order.has(value)) continue;
    if (ready) {
      order.add(value);
      continue;
    }
    stack.push({ value, ready: true });
    const inputs = [...value.ways.values()].flatMap((way) => way.inputs);
    for (const input of inputs.reverse()) stack.push({ value: input, ready: false });
  }
  return [...order];
}

function nameOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
