/** The words of a story: what stands in a box of its drawing, and the same as a sentence. */
import type { Knower } from './ancestry.ts';
import { listed } from './keys.ts';
import { printable } from './printable.ts';
import type { Box, Story, Word } from './story.ts';

/** Makes foreign text fit to be shown, and takes keys out of it. */
export type Say = (text: string) => string;

/** How much of a list is told. */
interface Limits {
  names: number;
  messages: number;
  events: number;
  notes: number;
}
const DRAWN: Limits = { names: 2, messages: 1, events: 3, notes: 2 };
const SAID: Limits = { names: 7, messages: 3, events: 7, notes: 3 };
/** Characters of a name, and of any other text from elsewhere. */
const LONGEST_NAME = 40;
const LONGEST_TEXT = 160;

/** Who could compute a value. A sign never stands without its word. */
export const KNOWERS: Record<Knower, { sign: string; tag: string; sentence: string }> = {
  devices: { sign: '✓', tag: 'devices only', sentence: 'Devices only.' },
  provider: { sign: '✗', tag: 'the provider, too', sentence: 'The provider could have it, too.' },
  unsure: { sign: '?', tag: 'not known who has it', sentence: 'Who could have it is not known.' },
};

/** The same of what isn't a value by itself. */
const OTHERWISE: Partial<Record<Box['kind'], Record<Knower, string>>> = {
  sealed: {
    devices: 'No way was found for the provider to open it.',
    provider: 'The provider could open it.',
    unsure: 'Who could open it is not known.',
  },
  crossed: {
    devices: 'The provider saw it.',
    provider: 'The provider saw it.',
    unsure: 'The provider saw it.',
  },
  tried: {
    devices: 'The provider could find it.',
    provider: 'The provider could find it.',
    unsure: 'The provider could find it.',
  },
};

/** What stands in a box: who could compute it, what it is, and more about it in small. */
export interface Label {
  tag: string;
  title: string;
  small: string[];
}

export function labelOf(box: Box, say: Say): Label {
  const { sign, tag } = KNOWERS[box.knower];
  const times = box.count > 1 && box.kind !== 'rest' ? `, ×${box.count}` : '';
  const isShut = box.kind === 'sealed' && !box.isLeak;
  return {
    tag: `${sign} ${isShut && box.knower === 'devices' ? 'sealed' : tag}${times}`,
    title: capital(titleOf(box, DRAWN, say)),
    small: [
      box.run > 1 && `${box.run} times in a row`,
      box.inputs.size > 0 && box.kind === 'start' && 'also had from above',
      box.inputs.size > 1 && box.kind === 'step' && NEEDS[box.needs],
      ...detailsOf(box, DRAWN, say),
      eventsOf(box, DRAWN),
    ].filter((line): line is string => line !== false && line !== ''),
  };
}

const NEEDS: Record<Box['needs'], string> = { all: 'needs all of these', any: 'any of these gives it' };

/** A story's boxes as sentences, by their numbers. */
export function sentencesOf({ layers }: Story, say: Say): string[] {
  return layers.flat().map((box) => {
    const { kind, knower, run, count } = box;
    const told = [
      capital(titleOf(box, SAID, say)),
      count > 1 && kind !== 'rest' && `${count} of them`,
      run > 1 && `${run} times in a row`,
      fromOf(box),
      ...detailsOf(box, SAID, say),
    ];
    const events = eventsOf(box, SAID);
    const who = OTHERWISE[kind]?.[knower] ?? KNOWERS[knower].sentence;
    return `${told.filter(Boolean).join(', ')}${events && ` (${events})`}. ${who}`;
  });
}

function fromOf({ kind, inputs, needs }: Box): string {
  const numbers = [...inputs.keys()].map(({ number }) => number).sort((a, b) => a - b);
  if (numbers.length === 0) return '';
  const isAll = needs === 'all' && numbers.length > 1;
  const list = `${numbers.slice(0, -1).join(', ')}${numbers.length > 1 ? (isAll ? ' and ' : ' or ') : ''}${numbers.at(-1)}`;
  // What was made on a device comes from nothing else, but the same came to others.
  const how = kind === 'start' ? 'also had from' : kind === 'sealed' ? 'under' : 'from';
  return `${how} ${list}${isAll ? ' together' : ''}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function titleOf({ kind, words, count }: Box, limits: Limits, say: Say): string {
  if (kind === 'rest') return count === 1 ? 'one more, not drawn' : `${count} more, not drawn`;
  return words.map((word) => wordOf(word, count, limits, say)).join('');
}

function wordOf(word: Word, count: number, limits: Limits, say: Say): string {
  // The spaces around it stay.
  if (typeof word === 'string')
    return `${word.startsWith(' ') ? ' ' : ''}${cut(word, LONGEST_TEXT, say)}${word.endsWith(' ') ? ' ' : ''}`;
  if ('one' in word) return count > 1 ? word.many : word.one;
  if ('what' in word)
    return listed(
      [...word.what].map((what) => cut(what, LONGEST_TEXT, say)),
      limits.messages,
    );
  const names = namesOf(word.who, limits, say);
  if (!word.their) return names;
  return word.who.size > 1 ? `the ${word.their}s of ${names}` : `${names}’s ${word.their}`;
}

function detailsOf({ people, notes }: Box, limits: Limits, say: Say): string[] {
  const said = [...notes].map((note) => cut(note, LONGEST_TEXT, say));
  const more = said.length - limits.notes;
  return [
    ...(people.names.size > 0 ? [`${people.how} ${namesOf(people.names, limits, say)}`] : []),
    ...said.slice(0, limits.notes),
    ...(more > 0 ? [`and ${more} more like that`] : []),
  ];
}

function eventsOf({ events }: Box, limits: Limits): string {
  if (events.size === 0) return '';
  const sorted = [...events].sort((a, b) => a - b).map(String);
  return `${sorted.length === 1 ? 'event' : 'events'} ${listed(sorted, limits.events)}`;
}

function namesOf(names: ReadonlySet<string>, limits: Limits, say: Say): string {
  return listed(
    [...names].map((name) => cut(name, LONGEST_NAME, say)),
    limits.names,
  );
}

/** Takes keys out before it cuts, so that no part of one is left. */
function cut(text: string, longest: number, say: Say): string {
  return printable(say(text), longest);
}
