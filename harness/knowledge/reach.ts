/**
 * What the provider can compute of the secrets in a lineage, as in the model of Dolev and Yao (1983): it knows every value
 * that crossed it in the clear, and whatever follows from known values by the operations of the trace.
 *
 * Terminates: the values are those of the trace. Each is decided once, in time that grows with the operations above it: from
 * what crossed, forwards, to what follows from it, so that values that come only from one another stay unknown.
 */
import { type Crossing, content } from './crossings.ts';
import type { Lineage, Operation, Secret } from './lineage.ts';
import { find } from './search.ts';

/** One step of how the provider comes to a secret; a path reads as sentences. */
export interface ReachStep {
  /** For people. */
  text: string;
  /** Event numbers. */
  evidence: number[];
  crossing?: Crossing;
}

/** The provider's view, searched. */
export class Reach {
  readonly #lineage: Lineage;
  readonly #crossings: readonly Crossing[];
  /** How the provider knows a value: it crossed, or an operation on known values gives it; null where it doesn't. */
  readonly #decided = new Map<Secret, ReachStep | Operation | null>();
  readonly #contents = new WeakMap<Crossing, Uint8Array | null>();

  constructor(lineage: Lineage, crossings: readonly Crossing[]) {
    this.#lineage = lineage;
    this.#crossings = crossings;
  }

  /** Crossings whose content could not be decoded, so that nothing can be said of them. */
  undecoded(): Crossing[] {
    return this.#crossings.filter((crossing) => this.#content(crossing) === null);
  }

  /** How the provider comes to `secret`, or undefined if it can't from what crossed. */
  path(secret: Secret): ReachStep[] | undefined {
    if (!this.#decided.has(secret)) this.#decide(secret);
    if (!this.#decided.get(secret)) return undefined;
    const steps: ReachStep[] = [];
    const told = new Set<Secret>();
    const stack: { value: Secret; told: boolean }[] = [{ value: secret, told: false }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const how = this.#decided.get(top.value)!;
      if ('text' in how) {
        if (!told.has(top.value)) steps.push(how);
        told.add(top.value);
      } else if (top.told) steps.push({ text: `${how.name} gives the next value`, evidence: [how.seq] });
      else if (!told.has(top.value)) {
        told.add(top.value);
        stack.push({ value: top.value, told: true });
        for (const value of this.#lineage.inputs(how).toReversed()) stack.push({ value, told: false });
      }
    }
    return steps;
  }

  /** Where `bytes` stand in what crossed, in the clear; the first place. */
  crossing(bytes: Uint8Array): ReachStep | undefined {
    for (const crossing of this.#crossings) {
      const message = this.#content(crossing);
      const found = message && find(message, bytes);
      if (found) {
        const way = crossing.direction === 'send' ? `${crossing.participant} sent` : `${crossing.participant} was sent`;
        const text = `${way} it in the clear (${found.encoding}) in ${crossing.what}`;
        return { text, evidence: crossing.evidence, crossing };
      }
    }
    return undefined;
  }

  /** Decides `secret` and all that lies above it. */
  #decide(secret: Secret): void {
    const known: Secret[] = [];
    const waiting = new Map<Secret, { result: Secret; way: Operation; missing: Set<Secret> }[]>();
    const above = new Set([secret]);
    for (const value of above) {
      const decided = this.#decided.get(value);
      const crossing = decided === undefined ? this.crossing(value.bytes) : undefined;
      if (crossing) this.#decided.set(value, crossing);
      if (crossing || decided) known.push(value);
      if (crossing || decided !== undefined) continue;
      for (const way of this.#lineage.allWays(value)) {
        if (way.secrets.length === 0 || (way.sealed && !this.crossing(way.sealed))) continue;
        const open = { result: value, way, missing: new Set(this.#lineage.inputs(way)) };
        for (const input of open.missing) {
          above.add(input);
          const others = waiting.get(input);
          if (others) others.push(open);
          else waiting.set(input, [open]);
        }
      }
    }
    for (const value of known)
      for (const { result, way, missing } of waiting.get(value) ?? []) {
        missing.delete(value);
        if (missing.size > 0 || this.#decided.has(result)) continue;
        this.#decided.set(result, way);
        known.push(result);
      }
    for (const value of above) if (!this.#decided.has(value)) this.#decided.set(value, null);
  }

  #content(crossing: Crossing): Uint8Array | null {
    let known = this.#contents.get(crossing);
    if (known === undefined) {
      known = content(crossing) ?? null;
      this.#contents.set(crossing, known);
    }
    return known;
  }
}
