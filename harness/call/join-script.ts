/**
 * What a person did to join, as a Playwright script that does it again: a module that exports `join(page, visit)`, called once
 * the page is at the service's address.
 */
import { buildSync } from 'esbuild';
import type { Page } from 'playwright';
import { z } from 'zod';
import type { Visit } from './service.ts';

const text = z.string().max(8192);
/** How an element is found again, in Playwright's words: `getByRole` and so on. */
const targetSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('role'), role: text, name: text }),
  z.strictObject({ by: z.enum(['label', 'placeholder', 'testId', 'css']), text }),
]);
export type Target = z.infer<typeof targetSchema>;

/** One thing that the person did in a page, as `join-script-page.ts` tells it. What is typed as a password is not in it. */
export const actionSchema = z.strictObject({
  kind: z.enum(['click', 'fill', 'password', 'select', 'enter']),
  /** CSS of the frames on the way to the element, outermost first. */
  frames: z.array(text).max(16),
  target: targetSchema,
  value: text.optional(),
});
export type Action = z.infer<typeof actionSchema>;

/** What was done in the pages of one participant, in order. */
export interface Joining {
  visit: Visit;
  steps: {
    action: Action;
    /** Which of the participant's pages, from 0; those after the first were opened by the service. */
    page: number;
    /** Done when the participant had joined already, while others did, e.g. to let them in. */
    later: boolean;
  }[];
}

/** What a script exports. */
export type Join = (page: Page, visit: Visit) => Promise<void>;

/**
 * The script. Where the visit's words were typed, or are part of what an element is called, the script takes them from its
 * own visit; passwords from the environment.
 */
export function joinScript(joinings: readonly Joining[]): string {
  const bodies = new Map<string, string[]>();
  for (const joining of joinings) {
    const body = bodyOf(joining);
    bodies.set(body, [...(bodies.get(body) ?? []), joining.visit.participant]);
  }
  // Whoever else is cast does what the last did: a guest's steps rather than the host's.
  const branches = [...bodies].map(([body, names], index) =>
    index === bodies.size - 1
      ? body
      : `  if (${JSON.stringify(names)}.includes(visit.participant)) {\n${indent(body)}    return;\n  }\n`,
  );
  const body = branches.join('');
  const helpers = HELPERS.filter(({ name }) => body.includes(`${name}(`)).map(({ source }) => `\n${source}`);
  return `/** How a person joined, as keywitness saw it. To do it again: keywitness run ADDRESS --join THIS_FILE */
import type { Page } from 'playwright';

interface Visit {
  meeting: string;
  participant: string;
  secret: string;
}

/** Called once the page is at the address. */
export async function join(page: Page, visit: Visit): Promise<void> {
${body}}
${helpers.join('')}`;
}

const HELPERS = [
  {
    name: 'opened',
    source: `/** The page that the service opened as its n-th beside the first. */
async function opened(page: Page, n: number): Promise<Page> {
  const context = page.context();
  while (context.pages().length <= n) await context.waitForEvent('page');
  return context.pages()[n]!;
}
`,
  },
  {
    name: 'password',
    source: `/** Passwords are not kept here: the n-th of alice is in KEYWITNESS_PASSWORD_ALICE, KEYWITNESS_PASSWORD_ALICE_2 and so on. */
function password(visit: Visit, n: number): string {
  const name = \`KEYWITNESS_PASSWORD_\${visit.participant.toUpperCase()}\${n === 1 ? '' : \`_\${n}\`}\`;
  const value = process.env[name];
  if (!value) throw new Error(\`the page asks for a password: set \${name}\`);
  return value;
}
`,
  },
];

function bodyOf({ visit, steps }: Joining): string {
  const passwords: string[] = [];
  const lines = tidied(steps).map(({ action, page, later }) => {
    const element = `${pageOf(page)}${locator(action, visit)}`;
    if (action.kind === 'password' && !passwords.includes(element)) passwords.push(element);
    const what = `await ${element}.${act(action, visit, passwords.indexOf(element) + 1, later)};\n`;
    return { what, later };
  });
  const now = lines.filter(({ later }) => !later).map(({ what }) => `  ${what}`);
  const later = lines.filter((line) => line.later).map(({ what }) => `    ${what}`);
  if (later.length === 0) return now.join('');
  const background = ['  void (async () => {\n', ...later, '  })().catch(() => {});\n'];
  return [...now, '  // Done while others joined, whenever the page gives occasion.\n', ...background].join('');
}

/** Each key stroke is a fill of the whole; only the last of a row counts. */
function tidied(steps: Joining['steps']): Joining['steps'] {
  const place = ({ page, later, action: { kind, frames, target } }: Joining['steps'][number]) =>
    JSON.stringify([page, later, kind, frames, target]);
  const isTyping = ({ action: { kind } }: Joining['steps'][number]) => kind === 'fill' || kind === 'password';
  return steps.filter((step, index) => {
    const next = steps[index + 1];
    return !(next && isTyping(step) && place(step) === place(next));
  });
}

function pageOf(page: number): string {
  return page === 0 ? 'page' : `(await opened(page, ${page}))`;
}

function locator({ frames, target }: Action, visit: Visit): string {
  const say = (words: string) => expression(words, visit);
  const inside = frames.map((frame) => `.frameLocator(${say(frame)})`).join('');
  switch (target.by) {
    case 'role':
      return `${inside}.getByRole(${say(target.role)}, { name: ${say(target.name)}, exact: true })`;
    case 'label':
      return `${inside}.getByLabel(${say(target.text)}, { exact: true })`;
    case 'placeholder':
      return `${inside}.getByPlaceholder(${say(target.text)}, { exact: true })`;
    case 'testId':
      return `${inside}.getByTestId(${say(target.text)})`;
    case 'css':
      return `${inside}.locator(${say(`css=${target.text}`)})`;
  }
}

function act({ kind, value = '' }: Action, visit: Visit, password: number, later: boolean): string {
  const options = later ? '{ timeout: 0 }' : '';
  const following = later ? `, ${options}` : '';
  switch (kind) {
    case 'click':
      return `click(${options})`;
    case 'fill':
      return `fill(${expression(value, visit)}${following})`;
    case 'password':
      return `fill(password(visit, ${password})${following})`;
    case 'select':
      return `selectOption(${expression(value, visit)}${following})`;
    case 'enter':
      return `press('Enter'${following})`;
  }
}

/**
 * TypeScript that comes to `words`, with the visit's own taken from `visit`. The words may be a page's: whatever they hold, they
 * stay words.
 */
export function expression(words: string, visit: Visit): string {
  const places = (Object.entries(visit) as [keyof Visit, string][]).sort(([, a], [, b]) => b.length - a.length);
  const own = new Map(places.map(([place, value]) => [value, place]));
  const pieces = words.split(new RegExp(`(${places.map(([, value]) => value).join('|')})`));
  if (pieces.length === 1) return quoted(words);
  if (words === pieces[1]) return `visit.${own.get(words)}`;
  const text = pieces.map((piece, index) =>
    index % 2 === 1 ? `\${visit.${own.get(piece)}}` : quoted(piece).slice(1, -1).replaceAll(/`|\$/g, '\\$&'),
  );
  return `\`${text.join('')}\``;
}

/** In single quotes, as the rest of the script. */
function quoted(words: string): string {
  const text = JSON.stringify(words).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${text.replaceAll(/[\u2028\u2029]/g, (end) => `\\u${end.charCodeAt(0).toString(16)}`)}'`;
}

function indent(body: string): string {
  return body.replaceAll(/^(?=.)/gm, '  ');
}

/**
 * Reads a script, wherever it stands: whatever it imports by a path is taken in, packages other than Node's own are not.
 * @throws Error with one line that names the file
 */
export async function readJoinScript(file: string): Promise<Join> {
  try {
    const { outputFiles } = buildSync({
      entryPoints: [file],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
    });
    const code = Buffer.from(outputFiles[0]!.contents).toString('base64');
    const module = await import(`data:text/javascript;base64,${code}`);
    if (typeof module.join !== 'function') throw new Error('it exports no function join(page, visit)');
    return module.join;
  } catch (error) {
    // The bundler's own message has a heading of its own.
    const reason = (error as { errors?: { text: string }[] }).errors?.[0]?.text ?? (error as Error).message;
    throw new Error(`cannot join by ${file}: ${reason.split('\n')[0]}`);
  }
}
