/**
 * What a message that crossed the provider holds, decoded layer by layer to a stated depth: views of it, and in these the values of
 * a secret's size and the texts that could be a passphrase. Each comes with the steps that take it out of the message, so that a
 * proof can take it out again.
 */
import { decoderOf, ENCODINGS } from './encodings/all.ts';
import {
  type As,
  Budget,
  isShortText,
  isText,
  joined,
  LONGEST_SHORT,
  latin1,
  type Run,
  SHORTEST,
} from './encodings/encoding.ts';

export { type As, Budget } from './encodings/encoding.ts';

/** One step: take `length` bytes at `offset` of what the step before gave, and decode them. */
export interface Step {
  as: As;
  offset: number;
  length: number;
}

/** Something inside a message. */
export interface View {
  bytes: Uint8Array;
  /** From the message to it. Where the last is `raw`, the bytes stand in an earlier view as they are. */
  steps: Step[];
  /** Its name, as a path through all layers, where the message gives one, e.g. `keys.0.secret`. */
  label: string | undefined;
  /** A string of its own, e.g. the value of a JSON member, of one line and up to 128 characters. */
  text: boolean;
  /** One of several ways to read it, of which most are wrong. */
  guess: boolean;
}

export interface Value extends Pick<View, 'bytes' | 'steps' | 'label'> {
  /** One of a great many, as nothing says where in what surrounds it a secret begins. */
  unlikely: boolean;
}

/** A string of up to 128 characters. */
export type Text = Pick<View, 'bytes' | 'steps' | 'label'>;

/** Sizes of secrets in bytes: AES-128, -192, -256; SFrame's AES-128-CTR with its HMAC key (RFC 9605, 4.4.2); two of 256 bits. */
export const SECRET_BYTES: readonly number[] = [16, 24, 32, 48, 64];
/** Encodings within encodings are followed this deep; parts that stand in a layer as they are count with it. */
export const DEEPEST = 4;
/** In a binary message up to this long (bytes), every place is tried; in a longer one only what has a place of its own. */
const LONGEST_BINARY = 2048;
/** The same for what is decoded from a short message. */
const LONGEST_BINARY_INSIDE = 512;
/** What has a secret's size itself is two or three keys, if not one, and these begin at multiples of so many bytes. */
const WORD = 8;
/** A single message gives at most this many values, so that a hostile one can't stop an audit. */
export const MOST_VALUES = 20_000;
/** The same for texts. */
export const MOST_TEXTS = 5_000;
/** Runs of all encodings in one view. */
const MOST_RUNS = 1 << 18;

/** A decoded layer, and which parts of it were given. */
interface Layer {
  bytes: Uint8Array;
  steps: Step[];
  given: Map<As, Set<number>>;
}

/** A part of a layer that is still to be looked into. */
interface Open {
  layer: Layer;
  start: number;
  end: number;
  label: string | undefined;
}

/**
 * The message, then everything decoded inside it, layer by layer. Ends early where `budget` doesn't suffice, and then marks it: what
 * wasn't looked into may hold anything. Never throws.
 *
 * @param announced the encoding of the whole message, where only its place tells it: `deflate` under permessage-deflate
 */
export function* views(message: Uint8Array, budget = new Budget(), announced?: As): Generator<View> {
  yield { bytes: message, steps: [], label: undefined, text: isShortText(message), guess: false };
  const open: Open[] = [whole({ bytes: message, steps: [], given: new Map() }, undefined)];
  if (announced) {
    const run = { as: announced, start: 0, end: message.length };
    yield* decoded(open[0]!, { ...run, label: undefined, encoding: announced }, open, budget);
  }
  for (const part of open) {
    if (part.layer.steps.length > 0 || part.end - part.start < message.length)
      if (!budget.spend('bytes', part.end - part.start)) continue;
    for (const run of runsIn(part, budget)) {
      if (!run.as || !isNew(part.layer, run)) continue;
      if (run.as === 'raw') yield* raw(part, run, open, budget);
      else if (part.layer.steps.length < DEEPEST) yield* decoded(part, run, open, budget);
      if (budget.views === 0) return;
    }
  }
}

function whole(layer: Layer, label: string | undefined): Open {
  return { layer, start: 0, end: layer.bytes.length, label };
}

const SEARCHED = ENCODINGS.map((encoding) => {
  const needs = [...Buffer.from(encoding.needs, 'latin1')];
  return { id: encoding.id, encoding, needs };
});

/** Which bytes there are; made once, as there are many small parts. */
const PRESENT = new Uint8Array(256);

type Found = Run & { encoding: string; label: string | undefined };

/** Runs of all encodings, placed in the layer, each with its whole path; outer ones before those inside. */
function runsIn({ layer, start, end, label }: Open, budget: Budget): Found[] {
  const bytes = layer.bytes.subarray(start, end);
  const found: Found[] = [];
  PRESENT.fill(0);
  for (let at = 0; at < bytes.length; at++) PRESENT[bytes[at]!] = 1;
  // All of them before any is asked, as the table is one for all.
  const worthwhile = SEARCHED.filter(({ needs }) => needs.length === 0 || needs.some((byte) => PRESENT[byte] === 1));
  for (const { id, encoding } of worthwhile) {
    for (const run of encoding.runs(bytes, budget)) {
      if (found.length >= MOST_RUNS) {
        budget.exhausted = true;
        break;
      }
      const { as, start, end, label, text, closed, guess } = run;
      found.push({ as, start, end, label, text, closed, guess, encoding: id });
    }
  }
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  nameAll(found, bytes, label);
  for (const run of found) {
    run.start += start;
    run.end += start;
  }
  return found;
}

/** How many of the runs around one are asked for a name: one overlaps few others. */
const NEAREST = 8;

/** Puts the names of what surrounds a run before its own. A path of one encoding is whole already. */
function nameAll(sorted: Found[], bytes: Uint8Array, outer: string | undefined): void {
  const around: Found[] = [];
  for (const run of sorted) {
    while (around.length > 0 && around.at(-1)!.end <= run.start) around.pop();
    const named = around.slice(-NEAREST).reverse();
    const inside = named.find(
      ({ end, encoding }) => end >= run.end && (run.label === undefined || encoding !== run.encoding),
    );
    const name = run.label ?? (run.guess ? undefined : labelBefore(bytes, run.start, inside?.start ?? 0));
    const isNamed = run.label !== undefined;
    run.label = joined(inside ? inside.label : outer, name);
    if (isNamed) around.push(run);
  }
}

function isNew(layer: Layer, { as, start, end }: Run): boolean {
  let given = layer.given.get(as!);
  if (!given) {
    given = new Set();
    layer.given.set(as!, given);
  }
  const before = given.size;
  // Layers are shorter than 2^26 bytes, so that both fit into a number.
  given.add(start * 2 ** 26 + (end - start));
  return given.size > before;
}

function* raw({ layer }: Open, run: Found, open: Open[], budget: Budget): Generator<View> {
  const { start, end, label } = run;
  const bytes = layer.bytes.subarray(start, end);
  const text = run.text === true && isShortText(bytes);
  if (!text && end - start < SHORTEST) return;
  if (!budget.spend('views', 1)) return;
  const steps: Step[] = [...layer.steps, { as: 'raw', offset: start, length: end - start }];
  yield { bytes, steps, label, text, guess: false };
  if (!run.closed) open.push({ layer, start, end, label });
}

function* decoded({ layer }: Open, run: Found, open: Open[], budget: Budget): Generator<View> {
  const { start, end, label } = run;
  const bytes = decoderOf(run.as!)?.(layer.bytes.subarray(start, end), budget);
  const text = run.text === true && bytes !== undefined && isShortText(bytes);
  if (!bytes || bytes.length === 0 || (!text && bytes.length < SHORTEST)) return;
  // A guess that makes sense is none; of the others only what is small could be a secret next to something.
  const isGuess = run.guess === true && !isText(bytes);
  if (isGuess && bytes.length > LONGEST_BINARY_INSIDE) return;
  if (!budget.spend('views', 1)) return;
  const steps: Step[] = [...layer.steps, { as: run.as!, offset: start, length: end - start }];
  yield { bytes, steps, label, text, guess: isGuess };
  if (!isGuess) open.push(whole({ bytes, steps, given: new Map() }, label));
}

/** Every value of one of the sizes `sizes` in `message`, the likely ones first; at most {@link MOST_VALUES}, never throws. */
export function* values(
  message: Uint8Array,
  sizes: readonly number[] = SECRET_BYTES,
  budget = new Budget(),
): Generator<Value> {
  let left = MOST_VALUES;
  const nameless: View[] = [];
  const guesses: View[] = [];
  const binary: View[] = [];
  for (const view of views(message, budget)) {
    const { bytes, steps, label } = view;
    const isLayer = steps.at(-1)?.as !== 'raw';
    const inside = message.length <= LONGEST_SHORT ? LONGEST_BINARY_INSIDE : 0;
    const longest = steps.length === 0 ? LONGEST_BINARY : inside;
    if (isLayer && bytes.length <= longest && looksBinary(bytes)) binary.push(view);
    if (!sizes.includes(bytes.length)) continue;
    if (view.guess) guesses.push(view);
    else if (label === undefined) nameless.push(view);
    else if (left-- > 0) yield { bytes, steps, label, unlikely: false };
  }
  for (const { bytes, steps, label } of nameless) if (left-- > 0) yield { bytes, steps, label, unlikely: false };
  for (const { bytes, steps, label } of guesses) if (left-- > 0) yield { bytes, steps, label, unlikely: true };
  for (const { bytes, steps, label } of binary.sort((a, b) => Number(a.guess) - Number(b.guess)))
    for (const length of sizes)
      for (let offset = 0; offset + length <= bytes.length; offset += sizes.includes(bytes.length) ? WORD : 1) {
        if (length === bytes.length) continue;
        if (left-- <= 0) return;
        const step: Step = { as: 'raw', offset, length };
        yield { bytes: bytes.subarray(offset, offset + length), steps: [...steps, step], label, unlikely: true };
      }
}

/** Labels of what people type or share come first. */
const LIKELY = /pass|phrase|pin|pwd|secret|key|code|token/i;
const POSSIBLE = /room|meeting|conference|channel|topic|name|id|user|path|url/i;
/** Characters of base64 of a text of half a dozen. */
const SHORTEST_ENCODED = 8;

/**
 * Every string of up to 128 characters in `message` that could be a passphrase, a PIN, a room's name or number, the likely ones first;
 * each once, at most {@link MOST_TEXTS}, and `budget` is marked where there were more. Never throws.
 */
export function* texts(message: Uint8Array, budget = new Budget()): Generator<Text> {
  const found = new Map<string, Text>();
  const add = ({ bytes, steps, label }: Text) => {
    const name = latin1(bytes);
    if (!found.has(name)) found.set(name, { bytes, steps, label });
  };
  for (const view of views(message, budget)) {
    if (!view.text) continue;
    add(view);
    // What is too short to be taken for an encoding elsewhere.
    const last = view.steps.at(-1);
    if (view.bytes.length < SHORTEST_ENCODED || view.steps.length > DEEPEST) continue;
    for (const as of ['base64', 'hex'] as const) {
      const bytes = decode(view.bytes, as);
      if (!bytes || !isShortText(bytes)) continue;
      const isRaw = last?.as === 'raw';
      const step: Step = { as, offset: isRaw ? last.offset : 0, length: view.bytes.length };
      add({ bytes, steps: [...(isRaw ? view.steps.slice(0, -1) : view.steps), step], label: view.label });
    }
  }
  if (found.size > MOST_TEXTS) budget.exhausted = true;
  const rank = ({ label = '' }: Text) => (LIKELY.test(label) ? 0 : POSSIBLE.test(label) ? 1 : 2);
  yield* [...found.values()].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_TEXTS);
}

/** Decodes a whole run; undefined where it is none of that encoding, or gives more than `budget` has. Never throws. */
export function decode(run: Uint8Array, as: As, budget = new Budget()): Uint8Array | undefined {
  return as === 'raw' ? run : decoderOf(as)?.(run, budget);
}

/** Takes a value out of a message again; undefined where the message isn't the one it was found in. */
export function extract(message: Uint8Array, steps: readonly Step[]): Uint8Array | undefined {
  let bytes: Uint8Array | undefined = message;
  for (const { as, offset, length } of steps)
    bytes = bytes && holds(bytes, offset, length) ? decode(bytes.subarray(offset, offset + length), as) : undefined;
  return bytes;
}

function holds(bytes: Uint8Array, offset: number, length: number): boolean {
  return (
    Number.isInteger(offset) &&
    Number.isInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= bytes.length
  );
}

/** A name that stands before a place in any text, with a colon or an equals sign. */
function labelBefore(bytes: Uint8Array, offset: number, from: number): string | undefined {
  const before = latin1(bytes.subarray(Math.max(from, offset - 80), offset));
  return /(?:^|["'&?\s{,;])([A-Za-z][\w.-]{0,40})["']?\s*[:=]\s*["']?$/.exec(before)?.[1];
}

function looksBinary(bytes: Uint8Array): boolean {
  let control = 0;
  for (const byte of bytes.subarray(0, 512)) if (byte < 9 || (byte > 13 && byte < 32) || byte > 126) control++;
  return control * 10 > Math.min(bytes.length, 512);
}
