/**
 * Where a key came from as a story: boxes in layers, each of them a value or a step in plain words. What is of one kind is told
 * once, however often it happened, so that a story stays short whatever the number of participants.
 */
import type { KeyEvidence } from '../harness/claims/evidence.ts';
import type { Key, Lineage, Secret } from '../harness/knowledge/lineage.ts';
import type { PathStep } from '../harness/knowledge/reach.ts';
import { Ancestors, type Knower, knowerOfWay, RESEALED, type Value, type Way } from './ancestry.ts';
import { sealedBy } from './keys.ts';

/** Text that stays, text by number, names (or what is theirs), names of messages. */
export type Word =
  | string
  | { one: string; many: string }
  | { who: Set<string>; their?: string }
  | { what: Set<string> };

export interface Box {
  kind: 'start' | 'step' | 'sealed' | 'crossed' | 'tried' | 'unseen' | 'key' | 'rest';
  words: Word[];
  knower: Knower;
  /** The provider's way leads through it. */
  isLeak: boolean;
  /** How many values or steps of one kind it stands for. */
  count: number;
  /** So many steps, one after the other. */
  run: number;
  /** Whose step it was, or to whom it went; `how` says which. */
  people: { how: string; names: Set<string> };
  /** More about it, e.g. under which name a value crossed. */
  notes: Set<string>;
  /** Event numbers. */
  events: Set<number>;
  /** What it comes from; true where the provider's way leads along. */
  inputs: Map<Box, boolean>;
  /** Whether each of its inputs is needed. */
  needs: 'all' | 'any';
  /** Its place in the story, from 1. */
  number: number;
}

export interface Story {
  /** Keys of which it is true; names and numbers in it are those of the first, of which there is most to tell. */
  keys: KeyEvidence[];
  /** What it starts with comes first; the last holds the key alone. */
  layers: Box[][];
  isLeak: boolean;
}

/** Boxes of a story, and of one layer. */
const MOST_BOXES = 18;
const MOST_ABREAST = 4;
/** Of a story that is longer, so many places where the provider's way starts are told. */
const MOST_STARTS = 4;
/** WebCrypto's algorithms whose keys come in pairs. */
const PAIRED = /^(X25519|X448|ECDH|ECDSA|Ed25519|Ed448|RSA)/;

/**
 * One story for all keys of which the same is to be told; leaks come first.
 *
 * @param participants names, in the order in which they are told
 * @returns the stories, and all values that they are about, which must not be shown
 */
export function storiesOf(
  keys: ReadonlyMap<KeyEvidence, Secret>,
  lineage: Lineage,
  participants: readonly string[],
): { stories: Story[]; values: Uint8Array[] } {
  const ancestors = new Ancestors(lineage, keys);
  const teller = new Teller(lineage, participants);
  const stories = new Map<string, Story>();
  const shapes = new Map<string, number>();
  for (const [key, secret] of keys) {
    const roleOf = rolesOf(key, secret);
    const layers = teller.layers(key, ancestors.of(key, secret), roleOf);
    const name = JSON.stringify([...circumstances(key), shapeOf(layers, roleOf, shapes)]);
    const known = stories.get(name);
    if (!known) stories.set(name, { keys: [key], layers, isLeak: key.path !== undefined });
    else if (sizeOf(layers) <= sizeOf(known.layers)) known.keys.push(key);
    // Of a key that was sealed for two and one that was sealed for three, the latter is told.
    else Object.assign(known, { keys: [key, ...known.keys], layers });
  }
  const sorted = [...stories.values()].sort((a, b) => Number(b.isLeak) - Number(a.isLeak));
  return { stories: sorted, values: [...ancestors.met] };
}

/** How many values and steps it is about. */
function sizeOf(layers: readonly Box[][]): number {
  return layers.flat().reduce((sum, { count }) => sum + count, 0);
}

/** What else must be the same of keys that are told as one. */
function circumstances({ found, path, repeatable, swappable, unaccounted }: KeyEvidence): unknown[] {
  return [found, path !== undefined && repeatable, swappable.length > 0, unaccounted.length > 0];
}

/** Whether a participant is one whose key it is, or another. */
type RoleOf = (name: string) => 'own' | 'other';

function rolesOf({ streams }: KeyEvidence, { made }: Secret): RoleOf {
  const own = new Set(made?.participant ? [made.participant] : streams.map(({ participant }) => participant));
  return (name) => (own.has(name) ? 'own' : 'other');
}

class Teller {
  readonly #order: ReadonlyMap<string, number>;
  /** Key objects that hold a value. */
  readonly #keys = new Map<Secret, Key[]>();

  constructor(lineage: Lineage, participants: readonly string[]) {
    this.#order = new Map(participants.map((name, index) => [name, index]));
    for (const key of lineage.keys.values()) {
      const known = key.secret && this.#keys.get(key.secret);
      if (known) known.push(key);
      else if (key.secret) this.#keys.set(key.secret, [key]);
    }
  }

  layers(evidence: KeyEvidence, values: readonly Value[], roleOf: RoleOf): Box[][] {
    const boxes = inARow(joined(this.#boxes(evidence, values), roleOf));
    for (const { words, people } of boxes) for (const names of [people.names, ...words.map(namesIn)]) this.#sort(names);
    return inLayers(bounded(boxes));
  }

  /** Each after what it comes from; the key's is the last. */
  #boxes(evidence: KeyEvidence, values: readonly Value[]): Box[] {
    const boxes: Box[] = [];
    const boxOf = new Map<Value, Box>();
    const add = (kind: Box['kind'], words: Word[], more: Partial<Box> = {}): Box => {
      const box: Box = {
        kind,
        words,
        knower: 'unsure',
        isLeak: false,
        count: 1,
        run: 1,
        people: { how: '', names: new Set() },
        notes: new Set(),
        events: new Set(),
        inputs: new Map(),
        needs: 'all',
        number: 0,
        ...more,
      };
      boxes.push(box);
      return box;
    };
    for (const [index, value] of values.entries()) {
      const isKey = index === values.length - 1;
      const origins = [
        ...value.sources.map((step) => fromSource(step, add)),
        ...waysOf(value).map((ways) => fromWays(ways, boxOf, add)),
      ];
      const [only] = origins;
      const start = this.#start(value);
      if (!isKey && !start && only && origins.length === 1) {
        // The value is what the step gives: one box does for both.
        only.knower = value.knower;
        boxOf.set(value, only);
        continue;
      }
      const isLeak = origins.some((origin) => origin.isLeak);
      const inputs = new Map(origins.map((origin) => [origin, origin.isLeak]));
      const events = new Set(value.secret ? [value.secret.made?.seq ?? value.secret.seq] : []);
      const common = { knower: value.knower, isLeak, needs: 'any' } as const;
      if (isKey) {
        if (start) inputs.set(add(start.kind, start.words, { ...start, ...common, isLeak: false, events }), false);
        else if (origins.length === 0) inputs.set(add('unseen', unseen(value), { ...common, events }), false);
        add('key', [evidence.name], { ...common, inputs, notes: new Set([`seals ${sealedBy(evidence.streams)}`]) });
      } else if (start) boxOf.set(value, add(start.kind, start.words, { ...start, ...common, inputs, events }));
      else if (origins.length === 0) {
        const notes = new Set(value.isCut ? ['what it came from is not drawn'] : []);
        boxOf.set(value, add('unseen', unseen(value), { ...common, notes, events }));
      } else boxOf.set(value, add('step', ['one value, come to in several ways'], { ...common, inputs }));
    }
    return boxes;
  }

  /** What a value starts as, if it was seen being made; of private keys, also whose it is. */
  #start({ secret }: Value): (Pick<Box, 'kind' | 'words'> & Partial<Box>) | undefined {
    if (!secret) return undefined;
    const { made } = secret;
    const keys = this.#keys.get(secret) ?? [];
    const paired = keys.find(({ algorithm }) => PAIRED.test(algorithm));
    if (paired) {
      const who = new Set([made?.participant || paired.participant]);
      const words = [`${paired.algorithm} private `, { one: 'key', many: 'keys' }, ' of ', { who }];
      return { kind: 'start', words };
    }
    if (!made) return undefined;
    if (made.by === 'invitation') return { kind: 'start', words: ['secret shared in the link, past the provider'] };
    const whose = { who: new Set([made.participant]), their: 'browser' };
    if (made.by === 'getRandomValues') return { kind: 'start', words: ['randomness drawn by ', whose] };
    const what = { one: 'key', many: 'keys' };
    return { kind: 'start', words: [`${keys[0]?.algorithm ?? ''} `, what, ' generated by ', whose] };
  }

  #sort(names: Set<string>): void {
    const place = (name: string) => this.#order.get(name) ?? this.#order.size;
    const sorted = [...names].sort((a, b) => place(a) - place(b));
    names.clear();
    for (const name of sorted) names.add(name);
  }
}

type Add = (kind: Box['kind'], words: Word[], more?: Partial<Box>) => Box;

function unseen({ secret }: Value): Word[] {
  if (secret?.crossed) return [{ one: 'value', many: 'values' }, ' that crossed the provider'];
  const words: Word[] = [{ one: 'value', many: 'values' }, ' not seen being made'];
  return secret?.participant
    ? [...words, ', first seen on ', { who: new Set([secret.participant]), their: 'device' }]
    : words;
}

function fromSource({ source, evidence }: PathStep, add: Add): Box {
  const common = { knower: 'provider', isLeak: true, events: new Set(evidence) } as const;
  switch (source.from) {
    case 'guess':
      return add('tried', [`one of ${source.space}, which can all be tried`], common);
    case 'crossing':
      return add('crossed', ['crossed in the clear in ', { what: new Set([source.crossing.what]) }], {
        ...common,
        people: way(source.crossing),
        notes: new Set(noteOf(source)),
      });
    default:
      return add('tried', ['given away by the frames themselves'], common);
  }
}

function way({ direction, participant }: { direction: 'send' | 'receive'; participant: string }): Box['people'] {
  return { how: direction === 'send' ? 'sent by' : 'sent to', names: new Set([participant]) };
}

/** Under which name, and how encoded. */
function noteOf({ label, steps }: PathStep['source'] & { from: 'crossing' }): string[] {
  const codings = (steps ?? []).map(({ as }) => as).filter((as) => as !== 'raw');
  const note = [label && `as “${label}”`, codings.length > 0 && `in ${codings.toReversed().join(' in ')}`];
  return note.some(Boolean) ? [note.filter(Boolean).join(' ')] : [];
}

/** Ways that are told as one: those that take the same step from different values, as both sides of a key agreement do. */
function waysOf({ ways }: Value): Way[][] {
  const groups = new Map<unknown, Way[]>();
  for (const way of ways.values()) {
    const name = way.isSealed ? way : way.name;
    const known = groups.get(name);
    if (known) known.push(way);
    else groups.set(name, [way]);
  }
  return [...groups.values()];
}

function fromWays(ways: Way[], boxOf: ReadonlyMap<Value, Box>, add: Add): Box {
  const [first] = ways as [Way];
  const all = <T>(of: (way: Way) => Iterable<T>) => new Set(ways.flatMap((way) => [...of(way)]));
  const isLeak = ways.some((way) => way.isLeak);
  const knowers = ways.map(knowerOfWay);
  const inputs = new Map<Box, boolean>();
  for (const way of ways)
    for (const input of way.inputs) {
      const box = boxOf.get(input)!;
      inputs.set(box, way.isLeak || inputs.get(box) === true);
    }
  const crossings = all(({ crossings }) => crossings);
  if (first.name === RESEALED)
    for (const { source, evidence } of crossings)
      if (source.from === 'crossing') {
        const words = ['sealed, in ', { what: new Set([source.crossing.what]) }];
        const events = new Set(evidence);
        const common = { knower: 'provider', isLeak: true, people: way(source.crossing), events } as const;
        inputs.set(add('sealed', words, common), true);
      }
  return add(first.isSealed ? 'sealed' : 'step', first.isSealed ? sealedWords(first) : [named(first.name)], {
    knower: knowers.includes('provider') ? 'provider' : knowers.includes('unsure') ? 'unsure' : 'devices',
    isLeak,
    people: { how: 'by', names: all(({ by }) => by) },
    events: new Set([...all(({ events }) => events), ...[...crossings].flatMap(({ evidence }) => evidence)]),
    inputs,
    needs: ways.length > 1 ? 'any' : 'all',
  });
}

function sealedWords({ name, sealers, openers, crossings }: Way): Word[] {
  if (name === RESEALED)
    return [
      'sealed by ',
      { who: sealers },
      ', opened by ',
      { who: openers },
      ' from another sealing: who stood between had it',
    ];
  const cipher = name.replace(/^opening with /, '');
  const messages = crossings.flatMap(({ source }) => (source.from === 'crossing' ? [source.crossing.what] : []));
  return [
    name === 'unwrapping' ? 'wrapped' : `sealed with ${cipher}`,
    ...(sealers.size > 0 ? [' by ', { who: sealers }] : []),
    ...(openers.size > 0 ? [', opened by ', { who: openers }] : []),
    ...(messages.length > 0 ? ['; it crossed in ', { what: new Set(messages) }] : []),
  ];
}

function named(operation: string): string {
  return PAIRED.test(operation) || operation === 'Diffie-Hellman' ? `key agreement (${operation})` : operation;
}

// --- telling once what is of one kind

/** Boxes that say the same and come from the same are joined; participants count as the same by their role. */
function joined(boxes: readonly Box[], roleOf: RoleOf): Box[] {
  const classes = new Map<string, { box: Box; index: number }>();
  const classOf = new Map<Box, { box: Box; index: number }>();
  for (const box of boxes) {
    const name = JSON.stringify([
      ...shape(box, roleOf, (what) => what.replaceAll(/\d+/g, '#')),
      sortedInputs(box, (input) => classOf.get(input)!.index),
    ]);
    const known = classes.get(name);
    if (known) join(known.box, box);
    else {
      const inputs = new Map([...box.inputs].map(([input, isLeak]) => [classOf.get(input)!.box, isLeak]));
      classes.set(name, { box: { ...box, inputs }, index: classes.size });
    }
    classOf.set(box, classes.get(name)!);
  }
  return [...classes.values()].map(({ box }) => box);
}

function shape(box: Box, roleOf: RoleOf, message: (what: string) => string): unknown[] {
  const roles = (names: Set<string>) => [...new Set([...names].map(roleOf))].sort();
  const words = box.words.map((word) => {
    if (typeof word === 'string') return box.kind === 'key' ? '' : word;
    if ('who' in word) return roles(word.who);
    return 'what' in word ? [...word.what].map(message) : word.one;
  });
  return [box.kind, words, box.knower, box.isLeak, box.people.how, roles(box.people.names), box.needs];
}

function sortedInputs({ inputs }: Box, numberOf: (input: Box) => number): unknown[] {
  return [...inputs].map(([input, isLeak]) => `${numberOf(input)}${isLeak ? ' leak' : ''}`).sort();
}

function join(box: Box, other: Box): void {
  box.count += other.count;
  for (const name of other.people.names) box.people.names.add(name);
  for (const note of other.notes) box.notes.add(note);
  for (const event of other.events) box.events.add(event);
  for (const [index, word] of box.words.entries())
    for (const name of namesIn(other.words[index])) namesIn(word).add(name);
}

function namesIn(word: Word | undefined): Set<string> {
  if (typeof word === 'object' && 'who' in word) return word.who;
  return typeof word === 'object' && 'what' in word ? word.what : new Set();
}

/** Joins a step that is taken again and again, as a ratchet's. */
function inARow(boxes: readonly Box[]): Box[] {
  const uses = new Map<Box, number>();
  for (const { inputs } of boxes) for (const input of inputs.keys()) uses.set(input, (uses.get(input) ?? 0) + 1);
  const gone = new Set<Box>();
  const likeness = ({ kind, words, knower, isLeak }: Box) =>
    JSON.stringify([kind, words.map((w) => [...namesIn(w), w]), knower, isLeak]);
  for (const box of boxes) {
    const [before, ...more] = box.inputs.keys();
    if (!before || more.length > 0 || box.kind !== 'step' || uses.get(before) !== 1) continue;
    if (before.inputs.size !== 1 || likeness(before) !== likeness(box)) continue;
    box.run += before.run;
    box.inputs = before.inputs;
    for (const event of before.events) box.events.add(event);
    for (const name of before.people.names) box.people.names.add(name);
    gone.add(before);
  }
  return boxes.filter((box) => !gone.has(box));
}

/** A number that two stories share if the same is told in both, but for names, numbers and addresses. */
function shapeOf(layers: readonly Box[][], roleOf: RoleOf, shapes: Map<string, number>): number {
  const numbers = new Map<Box, number>();
  for (const box of layers.flat()) {
    const inputs = sortedInputs(box, (input) => numbers.get(input)!);
    const name = JSON.stringify([...shape(box, roleOf, () => ''), box.run > 1, inputs]);
    const number = shapes.get(name) ?? shapes.size;
    shapes.set(name, number);
    numbers.set(box, number);
  }
  return numbers.get(layers.at(-1)![0]!)!;
}

/** Of a long story, what is nearest to the key, and where the provider's way starts. */
function bounded(boxes: Box[]): Box[] {
  if (boxes.length <= MOST_BOXES) return boxes;
  const near = new Set([boxes.at(-1)!]);
  for (const isWanted of [true, false])
    for (const box of near) for (const [input, isLeak] of box.inputs) if (isLeak || !isWanted) near.add(input);
  const starts = [...near].filter(({ isLeak, inputs }) => isLeak && inputs.size === 0).slice(0, MOST_STARTS);
  const kept = new Set([...starts, ...near].slice(0, MOST_BOXES - 1));
  const gone = boxes.filter((box) => !kept.has(box));
  // What has inputs itself could come from the rest again.
  return summedUp(boxes, gone, ({ inputs }) => inputs.size === 0);
}

/** One box in the place of several; `isInput` says from which of the others it may come. */
function summedUp(boxes: readonly Box[], gone: readonly Box[], isInput: (box: Box) => boolean): Box[] {
  const isLeak = gone.some((box) => box.isLeak);
  const count = gone.reduce((sum, box) => sum + box.count, 0);
  const knower = isLeak ? 'provider' : gone.every((box) => box.knower === 'devices') ? 'devices' : 'unsure';
  const rest: Box = {
    ...gone[0]!,
    kind: 'rest',
    words: [],
    knower,
    isLeak,
    count,
    run: 1,
    people: { how: '', names: new Set() },
    notes: new Set(),
    events: new Set(),
    inputs: new Map(),
  };
  const isGone = new Set(gone);
  const connect = (box: Box, input: Box, isLeak: boolean) =>
    box.inputs.set(input, isLeak || box.inputs.get(input) === true);
  for (const box of boxes)
    for (const [input, isLeak] of [...box.inputs]) {
      if (isGone.has(box)) {
        if (!isGone.has(input) && isInput(input)) connect(rest, input, isLeak);
      } else if (isGone.has(input)) {
        box.inputs.delete(input);
        connect(box, rest, isLeak);
      }
    }
  return [...boxes.filter((box) => !isGone.has(box)), rest];
}

/** Each box as near to the key as can be, above all that comes from it. */
function inLayers(boxes: Box[]): Box[][] {
  const layers = layered(boxes);
  const wide = layers.findIndex((layer) => layer.length > MOST_ABREAST);
  if (wide < 0) {
    for (const [index, box] of layers.flat().entries()) box.number = index + 1;
    return layers;
  }
  const [...layer] = layers[wide]!;
  layer.sort((a, b) => Number(b.isLeak) - Number(a.isLeak));
  return inLayers(summedUp(boxes, layer.slice(MOST_ABREAST - 1), () => true));
}

function layered(boxes: readonly Box[]): Box[][] {
  const depths = new Map(boxes.map((box) => [box, 0]));
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for (const box of boxes)
      for (const input of box.inputs.keys()) {
        const depth = depths.get(box)! + 1;
        if (depths.get(input)! >= depth) continue;
        depths.set(input, depth);
        isDone = false;
      }
  }
  const deepest = Math.max(...depths.values());
  const layers = Array.from({ length: deepest + 1 }, (): Box[] => []);
  for (const [box, depth] of depths) layers[deepest - depth]!.push(box);
  return layers;
}
