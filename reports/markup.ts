/** HTML that escapes by default: what stands in a template is ours, what is filled in is not. */

/** HTML that is safe to write out. A class, so that nothing read from a recording can pass for it. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** For {@link html}, which has escaped what needs it, and for what is keywitness's own from end to end. */
  static of(parts: readonly string[]): Markup {
    return new Markup(parts.join(''));
  }

  toString(): string {
    return this.#text;
  }
}

/** What a template takes: text and numbers are escaped, markup goes in as it is, nothing comes of `undefined` and `false`. */
export type Filling = string | number | Markup | readonly Markup[] | undefined | false;

/**
 * Fills a template. Values stand in element content or in quoted attributes, never elsewhere: not in a tag's or an
 * attribute's name, a script, a style or a comment.
 */
export function html(template: TemplateStringsArray, ...fillings: Filling[]): Markup {
  return Markup.of(template.flatMap((part, index) => (index === 0 ? [part] : [fill(fillings[index - 1]), part])));
}

function fill(filling: Filling): string {
  if (filling === undefined || filling === false) return '';
  if (filling instanceof Markup) return String(filling);
  if (Array.isArray(filling)) return filling.map(fill).join('');
  return escapeHtml(String(filling));
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for element content and quoted attributes (HTML Living Standard, 13.3). */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}
