/**
 * Runs in each frame, in a world of its own that the application can't see: tells what a person clicks, fills in and
 * submits, and how a Playwright script finds that again. What is typed into a password field is not told. Bundled by esbuild.
 */
import type { Action, Target } from './join-script.ts';

/** What can be clicked; a click on something inside of it is meant for it. */
const CLICKABLE =
  'button, a[href], input, select, textarea, summary, label, [role=button], [role=link], [role=menuitem], [role=tab], ' +
  '[role=checkbox], [role=radio], [role=switch], [role=option], [contenteditable=""], [contenteditable=true]';
const NOT_TYPED = ['button', 'submit', 'reset', 'image', 'checkbox', 'radio', 'file', 'range', 'color'];
const INPUT_ROLES: Record<string, string> = {
  button: 'button',
  submit: 'button',
  reset: 'button',
  image: 'button',
  checkbox: 'checkbox',
  radio: 'radio',
  search: 'searchbox',
  number: 'spinbutton',
  range: 'slider',
};
const LONGEST = 500;

const { keywitnessJoin: tell } = globalThis as unknown as { keywitnessJoin(text: string): void };
/** Fields that have once been for a password stay so, also where the page shows what is typed. */
const passwords = new WeakSet<Element>();
/** An Enter in a field also clicks the form's button; a click on a label also clicks its control. */
let isSubmitting = false;
let forwarded: Element | undefined;

function onClick(event: MouseEvent): void {
  const element = clickable(event);
  if (!event.isTrusted || !element || isTyped(element) || element instanceof HTMLSelectElement) return;
  if (event.detail === 0 && isSubmitting) return;
  if (element === forwarded) {
    forwarded = undefined;
    return;
  }
  if (element instanceof HTMLLabelElement && element.control) {
    // The control's own click follows, and is the better one to repeat, unless only the label can be seen.
    if (isVisible(element.control)) return;
    forwarded = element.control;
  }
  report(element, { kind: 'click' });
}

function onInput(event: Event): void {
  const element = event.composedPath()[0];
  if (!event.isTrusted || !(element instanceof Element)) return;
  if (element instanceof HTMLSelectElement) report(element, { kind: 'select', value: element.value });
  else if (isPassword(element)) report(element, { kind: 'password' });
  else if (isTyped(element))
    report(element, { kind: 'fill', value: 'value' in element ? String(element.value) : (element.textContent ?? '') });
}

function onKeydown(event: KeyboardEvent): void {
  const element = event.composedPath()[0];
  isSubmitting = false;
  if (!event.isTrusted || event.key !== 'Enter' || !(element instanceof Element) || !isTyped(element)) return;
  isSubmitting = true;
  setTimeout(() => {
    isSubmitting = false;
  });
  report(element, { kind: 'enter' });
}

function report(element: Element, what: { kind: Action['kind']; value?: string }): void {
  const action: Action = { ...what, frames: frames(), target: targetOf(element) };
  tell(JSON.stringify(action));
}

function clickable(event: Event): Element | undefined {
  const path = event.composedPath().filter((one) => one instanceof Element);
  const found = path.find((one) => one.matches(CLICKABLE)) ?? path[0];
  return found === document.body || found === document.documentElement ? undefined : found;
}

function isTyped(element: Element): boolean {
  if (element instanceof HTMLInputElement) return !NOT_TYPED.includes(element.type);
  return element instanceof HTMLTextAreaElement || (element instanceof HTMLElement && element.isContentEditable);
}

function isPassword(element: Element): boolean {
  if (!(element instanceof HTMLInputElement)) return false;
  if (element.type === 'password' || /password|one-time-code/.test(element.autocomplete)) passwords.add(element);
  return passwords.has(element);
}

function isVisible(element: Element): boolean {
  const { width, height } = element.getBoundingClientRect();
  return width > 1 && height > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
}

/** The way from the page's own frame to this one, as CSS; of a frame of another origin only that can be told. */
function frames(): string[] {
  const found: string[] = [];
  for (let frame: Window = window, depth = 0; frame !== window.top; frame = frame.parent, depth++) {
    const origin = depth === 0 ? location.origin : location.ancestorOrigins[depth - 1];
    found.unshift(pathOfFrame(frame) ?? `iframe[src^="${origin}"]`);
  }
  return found;
}

function pathOfFrame(frame: Window): string | undefined {
  try {
    return frame.frameElement ? path(frame.frameElement) : undefined;
  } catch {
    return undefined;
  }
}

/** The first way to find the element that finds no other: what a person would call it, rather than where it stands. */
function targetOf(element: Element): Target {
  const role = roleOf(element);
  const name = nameOf(element);
  const alike = (test: (other: Element) => boolean) => all(document).filter((one) => isVisible(one) && test(one));
  const isOnly = (test: (other: Element) => boolean) => test(element) && alike(test).every((one) => one === element);
  if (role && name && isOnly((one) => roleOf(one) === role && nameOf(one) === name)) return { by: 'role', role, name };
  const label = labelOf(element);
  if (label && isOnly((one) => labelOf(one) === label)) return { by: 'label', text: label };
  const placeholder = element.getAttribute('placeholder');
  if (placeholder && isOnly((one) => one.getAttribute('placeholder') === placeholder))
    return { by: 'placeholder', text: placeholder.slice(0, LONGEST) };
  const id = element.getAttribute('data-testid');
  if (id && isOnly((one) => one.getAttribute('data-testid') === id))
    return { by: 'testId', text: id.slice(0, LONGEST) };
  return { by: 'css', text: path(element) };
}

function roleOf(element: Element): string | undefined {
  const stated = element.getAttribute('role')?.trim().split(/\s+/)[0];
  if (stated) return stated;
  if (element instanceof HTMLButtonElement) return 'button';
  if (element instanceof HTMLAnchorElement) return element.href ? 'link' : undefined;
  if (element instanceof HTMLTextAreaElement) return 'textbox';
  if (element instanceof HTMLSelectElement) return element.multiple || element.size > 1 ? 'listbox' : 'combobox';
  if (!(element instanceof HTMLInputElement) || element.type === 'password' || element.list) return undefined;
  return INPUT_ROLES[element.type] ?? 'textbox';
}

/** The accessible name where it is easily told; nothing where it isn't. */
function nameOf(element: Element): string {
  const label = labelOf(element);
  if (label) return label;
  if (element instanceof HTMLInputElement)
    return ['button', 'submit'].includes(element.type) ? tidy(element.value) : '';
  if (isTyped(element) || element instanceof HTMLSelectElement) return '';
  if (element.querySelector('img[alt], [aria-label], [aria-labelledby], [title], input')) return '';
  return tidy(textOf(element)) || tidy(element.getAttribute('title') ?? '');
}

function labelOf(element: Element): string {
  const by = element.getAttribute('aria-labelledby')?.split(/\s+/) ?? [];
  const referred = by.map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
  const labels = 'labels' in element ? [...((element.labels as NodeListOf<HTMLLabelElement> | null) ?? [])] : [];
  return (
    tidy(referred) ||
    tidy(element.getAttribute('aria-label') ?? '') ||
    // A label that holds the field itself is named by more than its words.
    tidy(
      labels
        .filter((label) => !label.querySelector('select, textarea'))
        .map(textOf)
        .join(' '),
    )
  );
}

/** The text as an accessible name has it: without what is hidden, with spaces around blocks. */
function textOf(element: Element): string {
  return [...element.childNodes]
    .map((node) => {
      if (node instanceof Text) return node.data;
      if (!(node instanceof HTMLElement) || node.ariaHidden === 'true' || !node.checkVisibility()) return '';
      const text = textOf(node);
      return getComputedStyle(node).display === 'inline' ? text : ` ${text} `;
    })
    .join('');
}

function tidy(text: string): string {
  const whole = text.replaceAll(/\s+/g, ' ').trim();
  return whole.length > LONGEST ? '' : whole;
}

function all(root: Document | ShadowRoot): Element[] {
  return [...root.querySelectorAll('*')].flatMap((one) => (one.shadowRoot ? [one, ...all(one.shadowRoot)] : [one]));
}

/** Where the element stands, from the nearest one that has an id which doesn't look made up. */
function path(element: Element): string {
  const steps: string[] = [];
  const root = element.getRootNode();
  for (let one: Element | null = element; one; one = one.parentElement) {
    const id = one.id && !/\d{3}|[:\s]/.test(one.id) ? `#${CSS.escape(one.id)}` : undefined;
    if (id && (root as Document | ShadowRoot).querySelectorAll(id).length === 1) {
      steps.unshift(id);
      break;
    }
    const { localName, parentElement } = one;
    const alike = [...(parentElement?.children ?? [])].filter((other) => other.localName === localName);
    steps.unshift(alike.length > 1 ? `${localName}:nth-of-type(${alike.indexOf(one) + 1})` : localName);
  }
  const own = steps.join(' > ');
  // Playwright's CSS goes into shadow trees where there is a space.
  return root instanceof ShadowRoot ? `${path(root.host)} ${own}` : own;
}

// In frames that are made by script, the world may be entered twice.
if (!('watching' in globalThis)) {
  Object.assign(globalThis, { watching: true });
  addEventListener('click', onClick, true);
  addEventListener('input', onInput, true);
  addEventListener('keydown', onKeydown, true);
}
